"""The command verify against the sandbox: drift is found, repaired, and gone."""

from __future__ import annotations

import json
import shutil
import signal
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_swoogo.ledger import Ledger
from target_swoogo.verify_command import verify_command

from .conftest import PAIRS
from .small_programme import MAPPINGS, write_programme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from target_swoogo.model import Told

    from .conftest import Pair

Record = dict[str, Any]
CLEAN_COST = 1 + 1 + 5 * 10
"""The token, the event, and a list of each kind."""


@pytest.fixture
def pair(make_pair: Callable[..., Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A small programme that is in Swoogo already, and settings as Meltano hands them over."""
    pair = make_pair(MAPPINGS, program=write_programme(tmp_path / "programme"))
    pair.sync()
    use(pair, monkeypatch)
    return pair


def use(pair: Pair, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    for name, value in pair.target_config(**{"list_lag_seconds": 0} | settings).items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"TARGET_SWOOGO_{name.upper()}", text)


def run(*words: str) -> Result:
    return CliRunner().invoke(verify_command, words)


def told(*words: str) -> tuple[int, Record]:
    """Exit code, and what it says of the only pair."""
    result = run("--json", *words)
    assert all(line.startswith("Report: ") for line in result.stderr.splitlines())
    answer: Record = json.loads(result.stdout)
    (pair,) = answer["pairs"]
    return result.exit_code, answer | pair


def drift(*words: str) -> list[str]:
    return [drift["code"] for drift in told(*words)[1]["drift"]]


def there(pair: Pair, kind: str, name: str) -> Record:
    """A record of Swoogo by its name."""
    rows: list[Record] = list(pair.sandbox.state.swoogo[kind].values())
    (row,) = (row for row in rows if name in {row.get("name"), row.get("first_name")})
    return row


def by_hand(pair: Pair, op: str, kind: str, name: str = "", /, **fields: Any) -> None:
    """Edit Swoogo by hand."""
    edit: Record = {"op": op, "side": "swoogo", "kind": kind, "fields": fields}
    if op != "create":
        edit["id"] = there(pair, kind, name)["id"]
    pair.sandbox.edit(edit)


def test_a_clean_sync_is_in_sync_and_costs_what_was_said(pair: Pair) -> None:
    since = pair.now
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"Reading Swoogo takes about {CLEAN_COST} credits" in result.stdout
    assert f"Credits of Swoogo's quota: {CLEAN_COST} used" in result.stdout
    assert result.stdout.splitlines()[-1] == "In sync"
    assert pair.writes(since) == []


@pytest.mark.usefixtures("pair")
def test_the_json_is_all_that_is_printed() -> None:
    code, answer = told()
    assert code == 0
    assert answer["in_sync"] is True
    assert (answer["drift"], answer["open"], answer["information"]) == ([], [], [])
    assert answer["credits_expected"] == answer["credits_used"] == CLEAN_COST
    assert answer["compared"]["links"] == 6
    assert answer["compared"]["images"] == 3


def edit_field(pair: Pair) -> None:
    by_hand(pair, "update", "sessions", "Opening", name="By hand", start_time="07:07:00")


def edit_address(pair: Pair) -> None:
    by_hand(pair, "update", "speakers", "Ada", email="mallory@elsewhere.example")


def delete_session(pair: Pair) -> None:
    by_hand(pair, "delete", "sessions", "Opening")


def delete_room(pair: Pair) -> None:
    by_hand(pair, "delete", "locations", "Attic")


def remove_link(pair: Pair) -> None:
    by_hand(pair, "update", "speakers", "Ada", session_ids=[])


def add_link(pair: Pair) -> None:
    speaker, session = there(pair, "speakers", "Ada"), there(pair, "sessions", "Closing")
    ids = [*speaker["session_ids"], session["id"]]
    by_hand(pair, "update", "speakers", "Ada", session_ids=ids)


def remove_logo(pair: Pair) -> None:
    by_hand(pair, "update", "sponsors", "Loom & Co", logo_id=None)


def remove_headshot(pair: Pair) -> None:
    contact = there(pair, "speakers", "Ada")["contact_id"]
    row = pair.sandbox.state.swoogo["contacts"][contact]
    pair.sandbox.state.save("swoogo", "contacts", row | {"profile_picture": ""})


@pytest.mark.parametrize(
    ("edit", "codes"),
    [
        (edit_field, ["edited_in_swoogo"] * 2),
        (edit_address, ["edited_in_swoogo"]),
        (delete_session, ["missing_in_swoogo"]),
        (delete_room, ["edited_in_swoogo", "missing_in_swoogo"]),
        (remove_link, ["link_missing"] * 3),
        (add_link, ["link_added"]),
        (remove_logo, ["image_missing"]),
        (remove_headshot, ["image_missing"]),
    ],
)
def test_drift_is_found_and_repaired(
    pair: Pair, edit: Callable[[Pair], None], codes: list[str]
) -> None:
    before = dict(pair.sandbox.state.swoogo["sessions"])
    edit(pair)
    since = pair.now
    assert sorted(drift()) == codes
    assert pair.writes(since) == []
    code, answer = told("--repair")
    assert (code, answer["in_sync"], answer["drift"]) == (0, True, [])
    assert answer["repaired"]["drift"] == len(codes)
    assert told()[0] == 0
    # What was deleted is not made anew, and no copy of anything is made.
    assert not [call for call in pair.writes(since) if "create" in call["path"]]
    assert pair.sandbox.state.swoogo["sessions"].keys() <= before.keys()


def test_a_repair_sends_what_drifted_and_nothing_else(pair: Pair) -> None:
    opening = there(pair, "sessions", "Opening")
    edit_field(pair)
    pair.sandbox.edit(
        {"op": "update", "kind": "sessions", "id": "weaving", "fields": {"title": "New title"}}
    )
    pair.load(pair.read(), dry_run=True)
    since = pair.now
    told("--repair")
    paths = [call["path"].partition(".")[0] for call in pair.writes(since)]
    assert paths == [f"/sessions/update/{opening['id']}"]
    assert pair.sandbox.state.swoogo["sessions"][opening["id"]]["start_time"] == "09:00:00"


def test_a_deleted_record_comes_back_only_when_restored(pair: Pair) -> None:
    delete_session(pair)
    told("--repair")
    (note,) = told()[1]["information"]
    assert note["code"] == "deleted_in_swoogo"
    assert "target-swoogo:restore session opening" in note["message"]


def test_an_added_link_is_removed_where_that_is_wanted(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_link(pair)
    use(pair, monkeypatch, unlink_removed_speakers=True)
    assert told("--repair")[0] == 0
    closing = there(pair, "sessions", "Closing")["id"]
    assert closing not in there(pair, "speakers", "Ada")["session_ids"]


def test_a_duplicate_is_told_whoever_made_it_and_left_to_people(pair: Pair) -> None:
    opening = there(pair, "sessions", "Opening")
    fields = {name: opening[name] for name in ("name", "date", "start_time")}
    by_hand(pair, "create", "sessions", event_id=77001, **fields)
    since = pair.now
    assert drift() == ["duplicate_in_swoogo"]
    assert told("--repair")[0] == 3
    assert pair.writes(since) == []
    copy = max(pair.sandbox.state.swoogo["sessions"])
    pair.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "sessions", "id": copy})
    assert told()[0] == 0


def test_what_was_made_by_hand_is_information(pair: Pair) -> None:
    by_hand(pair, "create", "sessions", event_id=77001, name="Yoga", date="2027-03-10")
    code, answer = told()
    assert code == 0
    assert [note["code"] for note in answer["information"]] == ["not_synced"]


def test_what_lists_do_not_show_yet_is_not_missing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(pair, monkeypatch, list_lag_seconds=600)
    pair.sandbox.faults(list_lag_seconds=3600)
    code, answer = told()
    assert (code, answer["drift"]) == (0, [])


def test_a_failed_record_is_not_in_sync(pair: Pair) -> None:
    fields = {"photo_url": "{media}/missing.png"}
    pair.sandbox.edit({"op": "update", "kind": "people", "id": "ada", "fields": fields})
    pair.sync()
    code, answer = told()
    assert code == 3
    assert [note["code"] for note in answer["open"]] == ["image_not_found"]


def test_what_was_received_but_not_sent_is_not_in_sync(pair: Pair) -> None:
    fields = {"title": "New title"}
    pair.sandbox.edit({"op": "update", "kind": "sessions", "id": "weaving", "fields": fields})
    rule = {"match": {"path": "/sessions/update"}, "times": None, "do": {"status": 422}}
    pair.sandbox.faults(rule)
    pair.sync()
    assert told()[0] == 3


def test_addresses_are_masked_and_secrets_are_not_said(pair: Pair) -> None:
    edit_address(pair)
    for words in ((), ("--json",), ("--repair",)):
        result = run(*words)
        for secret in ("mallory@", "ada@example", "sandbox-key", "sandbox-secret"):
            assert secret not in result.output


def test_a_short_quota_ends_it_before_the_lists(pair: Pair) -> None:
    _, used = pair.sandbox.state.meta["quotas"]["sandbox-key"]
    pair.sandbox.faults(quota_credits=used + CLEAN_COST - 1)
    since = pair.now
    result = run()
    assert result.exit_code == 1
    assert f"takes about {CLEAN_COST} credits" in result.stderr
    assert "[quota_too_short]" in result.stderr
    assert len(pair.calls(since=since)) == 2


def test_a_swoogo_that_is_down_is_said_of_the_pair(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_swoogo.swoogo._TRIES", 1)
    pair.sandbox.faults({"match": {"path": "/speakers"}, "times": None, "do": {"status": 503}})
    code, answer = told()
    assert code == 1
    assert answer["error"]["code"] == "swoogo_unavailable"


def test_a_run_at_work_is_not_disturbed(pair: Pair) -> None:
    with Ledger.open(pair.target_config()["ledger_url"]):
        result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("[ledger_held]\n")


def test_without_a_ledger_there_is_nothing_to_verify(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(pair, monkeypatch, ledger_url=f"sqlite:///{pair.folder}/none.db")
    result = run()
    assert result.exit_code == 1
    assert "[ledger_missing]" in result.stderr
    assert not (pair.folder / "none.db").exists()


def test_one_pair_can_be_chosen_by_either_event(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"sessionboard_event_id": 4102, "swoogo_event_id": 77002}
    use(pair, monkeypatch, event_mappings=[*MAPPINGS, other])
    assert told("--event", "4101")[0] == told("--event", "77001")[0] == 0
    code, answer = told("--event", "4102")
    assert (code, answer["error"]["code"]) == (1, "pair_never_synced")
    assert answer["credits_used"] == 0
    result = run("--event", "9")
    assert result.exit_code == 1
    assert "[event_not_mapped]" in result.stderr


def test_a_dry_run_repairs_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_field(pair)
    use(pair, monkeypatch, dry_run=True)
    since = pair.now
    result = run("--repair")
    assert result.exit_code == 1
    assert "[repair_in_dry_run]" in result.stderr
    assert pair.calls(since=since) == []


# What a repair leaves


@pytest.fixture
def many(make_pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A programme of so many sessions that guards act."""
    pair = make_pair(PAIRS[:1], sessions=20)
    pair.sync()
    use(pair, monkeypatch)
    assert len(pair.sandbox.state.swoogo["sessions"]) >= 10
    return pair


def in_sessionboard(pair: Pair, **fields: Any) -> None:
    """Give all sessions the same values in Sessionboard."""
    edit = {"op": "update", "side": "programme", "kind": "sessions", "fields": fields}
    for session_id in list(pair.sandbox.state.programme["sessions"]):
        pair.sandbox.edit(edit | {"id": session_id})


def a_day_later(pair: Pair) -> None:
    """Move all sessions in Sessionboard, and sync."""
    for session in list(pair.sandbox.state.programme["sessions"].values()):
        fields = {
            name: str(date.fromisoformat(stamp[:10]) + timedelta(days=1)) + stamp[10:]
            for name in ("starts_at", "ends_at")
            if (stamp := session[name])
        }
        edit = {"op": "update", "side": "programme", "kind": "sessions", "id": session["id"]}
        pair.sandbox.edit(edit | {"fields": fields})
    pair.sync()


def sessions(pair: Pair) -> dict[int, Record]:
    return dict(pair.sandbox.state.swoogo["sessions"])


@pytest.mark.parametrize("name", ["date", "start_time"])
@pytest.mark.parametrize("noted", [True, False])
def test_a_repair_lets_nothing_through_that_is_held(many: Pair, name: str, *, noted: bool) -> None:
    before = sessions(many)
    a_day_later(many)
    assert sessions(many) == before, "the guard holds it"
    if not noted:
        with Ledger.open(many.target_config()["ledger_url"]) as ledger, ledger.commit():
            ledger.hold_back(ledger.pairs()[0], [])
    edited = min(before)
    by_hand_there = {"date": "2027-01-01", "start_time": "07:07:00"}[name]
    fields = {name: by_hand_there, "description": "by hand"}
    edit = {"op": "update", "side": "swoogo", "kind": "sessions", "id": edited, "fields": fields}
    many.sandbox.edit(edit)

    code, answer = told("--repair")
    assert code == 3
    (left,) = answer["drift"]
    assert (left["field"], left["waits"]) == (name, True)
    assert "it waits for approval: meltano invoke target-swoogo:approve" in left["message"]
    held = [note for note in answer["open"] if note["code"] == "guard_time_shift"]
    assert len(held) == len(before)
    after = sessions(many)
    times = ("date", "start_time", "end_time")
    assert {key: after[edited][key] for key in times} == {
        key: before[edited][key] for key in times
    } | {name: by_hand_there}
    assert after[edited]["description"] == before[edited]["description"]
    since = many.now
    assert told("--repair")[1]["repaired"] is None
    assert many.writes(since) == []


def test_what_is_missing_and_held_waits_as_well(many: Pair) -> None:
    a_day_later(many)
    deleted = min(sessions(many))
    many.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "sessions", "id": deleted})
    since = many.now
    code, answer = told("--repair")
    assert (code, answer["repaired"], many.writes(since)) == (3, None, [])
    assert [(one["code"], one["waits"]) for one in answer["drift"]] == [("missing_in_swoogo", True)]


def test_an_older_ledger_rolls_nothing_back_unless_forced(many: Pair) -> None:
    file, backup = many.folder / "ledger/target-swoogo.db", many.folder / "backup.db"
    shutil.copy(file, backup)
    old = {key: row["description"] for key, row in sessions(many).items()}
    in_sessionboard(many, description="<p>New text.</p>")
    many.sync(guard_changed_percent=0)
    new = sessions(many)
    shutil.copy(backup, file)

    code, answer = told("--repair")
    assert (code, answer["repaired"]) == (3, None)
    assert answer["refused"]["code"] == "repair_of_many"
    count = len(new)
    said = f"{count} of the {count} sessions in Swoogo are not what was sent"
    assert said in answer["refused"]["message"]
    assert "Nothing was repaired; run a sync first" in answer["refused"]["message"]
    shown = run("--repair")
    assert (shown.exit_code, "Not repaired [repair_of_many]" in shown.stdout) == (3, True)
    assert sessions(many) == new

    assert told("--repair", new[min(new)]["name"])[1]["repaired"]["drift"] >= 1
    assert sessions(many)[min(new)]["description"] == old[min(new)]
    answer = told("--repair", "--force")[1]
    assert (answer["drift"], answer["refused"]) == ([], None)
    assert {key: row["description"] for key, row in sessions(many).items()} == old


def test_a_repair_that_is_ended_early_leaves_a_report_and_the_rest_to_the_next_run(
    many: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {key: row["description"] for key, row in sessions(many).items()}
    for key in wanted:
        edit = {"op": "update", "side": "swoogo", "kind": "sessions", "id": key}
        many.sandbox.edit(edit | {"fields": {"description": "by hand"}})
    use(many, monkeypatch, max_workers=1)
    tell = Ledger.tell

    def interrupted(ledger: Ledger, pair: Any, one: Told) -> None:
        tell(ledger, pair, one)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Ledger, "tell", interrupted)
    result = run("--repair", "--force", "--json")
    monkeypatch.setattr(Ledger, "tell", tell)
    assert result.exit_code == 3
    answer = json.loads(result.stdout)
    assert (answer["repaired"]["cut_short"], answer["in_sync"]) == (True, False)
    left = [row for row in sessions(many).values() if row["description"] == "by hand"]
    assert 0 < len(left) < len(wanted)
    assert result.stderr.startswith("Report: ")
    run_id = answer["repaired"]["run_id"]
    kept = json.loads((many.folder / f"reports/{run_id}.json").read_text())
    assert kept["run_id"] == run_id

    many.load("")
    assert {key: row["description"] for key, row in sessions(many).items()} == wanted


# What is chosen


@pytest.mark.parametrize(
    ("names", "kind", "mended"),
    [
        (["OPENING "], "sessions", "Opening"),
        (["opening"], "sessions", "Opening"),
        (["ada@example.org"], "speakers", "Ada"),
        (["Attic"], "locations", "Attic"),
    ],
)
def test_a_repair_can_be_limited_to_what_is_named(
    pair: Pair, names: list[str], kind: str, mended: str
) -> None:
    fields = {"sessions": "description", "speakers": "bio", "locations": "capacity"}
    edited = [
        ("sessions", "Opening"),
        ("sessions", "Weaving"),
        ("speakers", "Ada"),
        ("locations", "Attic"),
    ]
    before = {of: there(pair, *of)[fields[of[0]]] for of in edited}
    for of in edited:
        by_hand(pair, "update", *of, **{fields[of[0]]: 7 if of[0] == "locations" else "By hand"})
    remove_logo(pair)
    code, answer = told("--repair", *names)
    assert (code, answer["repaired"]["drift"]) == (3, 1)
    assert len(answer["drift"]) == len(edited)
    same = {of for of in edited if there(pair, *of)[fields[of[0]]] == before[of]}
    assert same == {(kind, mended)}
    assert told("--repair")[0] == 0


def test_a_session_that_is_named_has_its_links_repaired(pair: Pair) -> None:
    remove_link(pair)
    assert drift("--repair", "Opening") == ["link_missing"] * 2
    linked = there(pair, "speakers", "Ada")["session_ids"]
    assert linked == [there(pair, "sessions", "Opening")["id"]]


def test_a_name_that_means_several_is_said(pair: Pair) -> None:
    edit = {"op": "update", "kind": "sessions", "id": "lost", "fields": {"title": "Opening"}}
    pair.sandbox.edit(edit)
    pair.sync()
    result = run("--repair", "opening")
    assert '"opening" means 2 records, which are all repaired' in result.stdout


def test_a_name_that_means_nothing_repairs_nothing(pair: Pair) -> None:
    edit_field(pair)
    since = pair.now
    result = run("--repair", "Opening", "Nobody")
    assert (result.exit_code, pair.calls(since=since)) == (1, [])
    assert '"Nobody"' in result.stderr
    assert "[record_unknown]" in result.stderr


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("word", ["Opening", "--force"])
def test_what_is_for_a_repair_needs_one(word: str) -> None:
    result = run(word)
    assert result.exit_code == 2
    assert "add --repair" in result.stderr
