"""The commands beside the sync, from the settings to the sandbox."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_swoogo.commands import main
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger
from target_swoogo.model import Held, Kind

from .conftest import PAIRS
from .small_programme import MAPPINGS, write_programme

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Pair


@dataclass
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: str

    @property
    def data(self) -> dict[str, Any]:
        """The JSON that it printed, and nothing else."""
        data: dict[str, Any] = json.loads(self.out)
        return data


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Runs a command for a pair, with the settings in the environment as Meltano gives them."""

    def run(pair: Pair, *words: str, **settings: Any) -> Answer:
        with monkeypatch.context() as patch:
            for name, value in pair.target_config(**settings).items():
                text = value if isinstance(value, str) else json.dumps(value)
                patch.setenv(f"TARGET_SWOOGO_{name.upper()}", text)
            patch.setenv("COLUMNS", "100")
            result = CliRunner().invoke(main, words)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        for email in emails(pair):
            assert email not in result.output.casefold()
        assert "sandbox-secret" not in result.output
        return Answer(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def small(make_pair: Callable[..., Pair], tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A pair with a programme of five sessions and two people."""
    program = write_programme(tmp_path_factory.mktemp("programme") / "small")
    return make_pair(MAPPINGS, program=program)


def emails(pair: Pair) -> set[str]:
    people = pair.sandbox.state.programme["people"].values()
    return {person["email"].casefold() for person in people if person.get("email")}


def receive(pair: Pair) -> None:
    """Let the ledger receive what Sessionboard says, while Swoogo does not answer."""
    pair.sandbox.faults({"match": {"side": "swoogo"}, "times": None, "do": {"status": 503}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("target_swoogo.swoogo._TRIES", 1)
        since = pair.now
        # It is not even called where all that changed is held back.
        with contextlib.suppress(TargetError):
            pair.sync()
    pair.sandbox.faults()
    assert {call["status"] for call in pair.calls(since=since)} <= {503}


def update(pair: Pair, kind: str, record_id: object, *, side: str = "programme", **f: Any) -> None:
    pair.sandbox.edit({"op": "update", "side": side, "kind": kind, "id": record_id, "fields": f})


def swoogo(pair: Pair, kind: str) -> dict[str, dict[str, Any]]:
    """What Swoogo has of a kind, by name."""
    records = pair.sandbox.state.swoogo[kind].values()
    return {record.get("name") or record["first_name"]: record for record in records}


def actions(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [action for pair in report["pairs"] for action in pair["actions"]]


# plan


def notes(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Without their pages, of which a run knows more once it is done."""
    return [
        {key: value for key, value in note.items() if "url" not in key}
        for pair in report["pairs"]
        for note in pair[name]
    ]


def test_the_run_does_exactly_what_the_plan_said(
    pair: Pair, command: Callable[..., Answer]
) -> None:
    for edit in (None, pair.sandbox.edit):
        if edit is not None:
            edit()
        receive(pair)
        since = pair.now
        planned = command(pair, "plan", "--json")
        assert planned.code == 0
        assert pair.writes(since) == []
        done = pair.sync()
        said, did = actions(planned.data), actions(done)
        assert said
        assert {action["outcome"] for action in said} == {"planned"}
        for mine, theirs in zip(
            sorted(said, key=by_record), sorted(did, key=by_record), strict=True
        ):
            untold = ("outcome", "detail")
            assert {k: v for k, v in mine.items() if k not in untold and "url" not in k} == {
                k: v for k, v in theirs.items() if k not in untold and "url" not in k
            }
        for key in ("skipped", "warnings"):
            assert notes(planned.data, key) == notes(done, key)
        # What a plan reads of Swoogo, the run reads too; an image that cannot be had costs nothing.
        free = {"image same", "failed"}
        price = sum(action["credits"] for action in did if action["outcome"] not in free)
        assert done["credits_used"] - planned.data["credits_used"] == price
        left = actions(command(pair, "plan", "--json").data)
        failed = [by_record(action) for action in did if action["outcome"] == "failed"]
        assert [by_record(action) for action in left] == failed


def by_record(action: dict[str, Any]) -> tuple[str, ...]:
    return (action["action"], action["kind"], action["id"])


def test_a_plan_keeps_nothing(small: Pair, command: Callable[..., Answer]) -> None:
    receive(small)
    before = command(small, "status", "--json").data
    command(small, "plan")
    assert command(small, "status", "--json").data == before
    assert list((small.folder / "reports").glob("*"))
    reports = {file.name for file in (small.folder / "reports").iterdir()}
    command(small, "plan")
    assert {file.name for file in (small.folder / "reports").iterdir()} == reports


def test_a_plan_shows_every_kind_of_action_field_by_field(
    small: Pair, command: Callable[..., Answer]
) -> None:
    small.sync()
    update(small, "sessions", "opening", title="Grand opening", capacity=50)
    update(small, "people", "ada", photo_url="{media}/ben-2.png", email="ada.new@example.org")
    update(small, "sponsors", "loom", name="[b]Loom[/b] :smile:")
    small.sandbox.edit({"op": "add_participant", "session_id": "opening", "person_id": "ben"})
    receive(small)
    shown = command(small, "plan")
    assert shown.code == 0
    for text in (
        "Sessions (1)",
        "name: Opening → Grand opening",
        "capacity: 200 → 50",
        "email: a***@e***.org → a***@e***.org",
        "name: Loom & Co → [b]Loom[/b] :smile:",
        "Links (1)",
        "to Grand opening",
        "Images (2)",
        "headshot",
        "credits of Swoogo's quota",
    ):
        assert text in shown.out, text
    assert max(map(len, shown.out.split("\n\n")[0].splitlines())) <= 100


def test_a_plan_says_what_is_ambiguous(small: Pair, command: Callable[..., Answer]) -> None:
    for _ in range(2):
        fields = {"name": "Loom & Co", "event_id": 77001}
        small.sandbox.edit({"op": "create", "side": "swoogo", "kind": "sponsors", "fields": fields})
    receive(small)
    shown = command(small, "plan")
    assert shown.code == 3
    assert "[ambiguous]" in shown.out
    small.sync()
    status = command(small, "status", "--json")
    assert status.code == 3
    (pair,) = status.data["pairs"]
    assert pair["counts"]["sponsor"] == dict.fromkeys(pair["counts"]["sponsor"], 0) | {
        "ambiguous": 1
    }
    assert [note["code"] for note in pair["problems"]] == ["ambiguous"]
    assert "State: ambiguous" in command(small, "why", "loom & co").out


@pytest.mark.parametrize("words", [("plan",), ("retry",), ("sync-only", "opening"), ("approve",)])
def test_while_a_run_is_at_work_nothing_is_begun(
    small: Pair, command: Callable[..., Answer], words: tuple[str, ...]
) -> None:
    small.sync()
    since = small.now
    with Ledger.open(small.target_config()["ledger_url"]):
        answer = command(small, *words)
    assert (answer.code, answer.out) == (1, "")
    assert answer.error.endswith("[ledger_held]\n")
    assert small.now == since


def test_a_plan_does_not_wait_for_the_quota(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    update(small, "sessions", "opening", title="Grand opening")
    receive(small)
    answer = command(small, "plan", quota_reserve_percent=90, max_workers=1)
    assert answer.code == 0
    small.sandbox.faults(quota_credits=15)
    answer = command(small, "plan")
    assert answer.code == 3
    assert "quota allows no more now" in answer.out
    assert command(small, "plan", "--json").data["pairs"][0]["postponed"] is True


@pytest.mark.parametrize("words", [("plan",), ("why", "opening"), ("status",)])
def test_a_dry_run_is_not_blamed_on_the_mapping(
    small: Pair, command: Callable[..., Answer], words: tuple[str, ...]
) -> None:
    small.sync(dry_run=True)
    answer = command(small, *words)
    assert answer.code == (3 if words == ("status",) else 1)
    assert "No sync has run yet" in answer.out + answer.error
    assert "[nothing_received]" in answer.out + answer.error
    assert "event_mappings" not in answer.out + answer.error


def test_a_failure_is_json_as_well(small: Pair, command: Callable[..., Answer]) -> None:
    answer = command(small, "plan", "--json")
    assert answer.code == 1
    error = answer.data["error"]
    assert answer.error == f"{error['message']} [{error['code']}]\n"
    assert error["code"] == "ledger_missing"


def test_a_pair_that_is_stopped_ends_a_plan_with_its_sentence(
    small: Pair, command: Callable[..., Answer]
) -> None:
    small.sync()
    update(small, "sessions", "opening", title="Grand opening")
    receive(small)
    answer = command(small, "plan", event_mappings=[{**MAPPINGS[0], "swoogo_event_id": 7}])
    assert answer.code == 1
    assert answer.error.endswith("]\n")


# status


def test_status_says_when_all_is_well(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    since = small.now
    answer = command(small, "status", "--json")
    assert (answer.code, small.now) == (0, since)
    assert answer.data["attention"] is False
    assert answer.data["run_at_work"] is None
    (pair,) = answer.data["pairs"]
    assert pair["event_name"] == "Small"
    assert pair["stale"] is False
    counts = {kind: counts["in_sync"] for kind, counts in pair["counts"].items()}
    assert counts == {"location": 2, "track": 1, "session": 5, "speaker": 2, "sponsor": 1}
    assert pair["images"] == {"sent": 3, "pending": 0, "failed": 0}
    (run,) = answer.data["runs"]
    assert run["credits"] > 0
    shown = command(small, "status").out
    assert "Small: Sessionboard event 4101 to Swoogo event 77001" in shown
    assert "Fully synced just now" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_status_counts_what_the_next_run_would_send(
    small: Pair, command: Callable[..., Answer]
) -> None:
    small.sync()
    update(small, "sessions", "opening", title="Grand opening")
    update(small, "sessions", "gone", status="declined")
    receive(small)
    (pair,) = command(small, "status", "--json").data["pairs"]
    assert pair["counts"]["session"]["pending"] == 1
    assert pair["counts"]["session"]["in_sync"] == 3
    assert pair["counts"]["session"]["skipped"] == 1
    assert pair["left_over"] == 1
    assert "still in Swoogo: 1" in command(small, "status").out


def test_status_works_while_a_run_is_at_work_and_says_so(
    small: Pair, command: Callable[..., Answer]
) -> None:
    small.sync()
    # A dry run writes, and keeps nothing.
    with Ledger.open(small.target_config()["ledger_url"], dry_run=True) as ledger:
        with ledger.commit():
            ledger.note("x", "y")
        answer = command(small, "status")
        data = command(small, "status", "--json").data
    assert answer.code == 0
    assert answer.out.startswith("A run is at work: process ")
    assert data["run_at_work"]["holder"].startswith("process ")


def test_status_says_why_the_last_run_stopped(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    update(small, "sessions", "opening", title="Grand opening")
    receive(small)
    answer = command(small, "status")
    assert answer.code == 3
    (pair,) = command(small, "status", "--json").data["pairs"]
    error = pair["last_error"]
    assert f"The last run stopped [{error['code']}]: {error['message']}" in answer.out
    assert "503" in error["message"]
    small.sync()
    assert command(small, "status").code == 0


def test_status_says_what_is_stale(small: Pair, command: Callable[..., Answer]) -> None:
    receive(small)
    answer = command(small, "status")
    assert answer.code == 3
    assert "Never fully synced; that is stale" in answer.out
    assert "stale" not in command(small, "status", stale_minutes=0).out


def test_status_and_why_need_no_credentials(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    nothing = {"consumer_key": "", "consumer_secret": "", "event_mappings": []}
    assert "Small" in command(small, "status", **nothing).out
    assert "State: in sync" in command(small, "why", "opening", **nothing).out


# why


@pytest.mark.parametrize(
    "name", ["opening", "OPENING", "  opening ", "ben@example.org", "BEN@Example.org", "Ben Bohr"]
)
def test_why_finds_a_record_by_what_people_call_it(
    small: Pair, command: Callable[..., Answer], name: str
) -> None:
    small.sync()
    answer = command(small, "why", name)
    assert answer.code == 0
    assert "State: in sync" in answer.out
    (story,) = command(small, "why", name, "--json").data["stories"]
    assert story["state"] == "in sync"
    assert story["told"]
    by_swoogo_id = command(small, "why", str(story["swoogo_id"]), "--json").data["stories"]
    assert [one["id"] for one in by_swoogo_id] == [story["id"]]


def test_why_tells_what_was_said_sent_and_answered(
    small: Pair, command: Callable[..., Answer]
) -> None:
    small.sync()
    update(small, "sessions", "weaving", title="Weaving by hand")
    small.sync()
    shown = command(small, "why", "weaving").out
    for text in (
        "Session: Weaving by hand",
        "track",
        "Craft",
        "participants",
        "Ada Abel; Ben Bohr",
        "In Swoogo: id ",
        "Linked: speaker Ada Abel (ada)",
        "create  created",
        "name: Weaving → Weaving by hand",
    ):
        assert text in shown, text
    (story,) = command(small, "why", "weaving", "--json").data["stories"]
    assert [told["action"] for told in story["told"]] == ["create", "update"]
    assert story["told"][1]["changes"] == {"name": {"old": "Weaving", "new": "Weaving by hand"}}
    assert story["swoogo_link"].startswith("https://")


def test_why_lists_what_a_part_of_a_name_means(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    answer = command(small, "why", "ing")
    assert answer.code == 3
    for name in ("Opening", "Weaving", "Closing"):
        assert name in answer.out
    data = command(small, "why", "ing", "--json").data
    assert {match["id"] for match in data["matches"]} == {"opening", "weaving", "closing"}
    assert data["stories"] == []


def test_why_explains_what_never_synced(small: Pair, command: Callable[..., Answer]) -> None:
    update(small, "sessions", "lost", status="declined")
    small.sync()
    (story,) = command(small, "why", "lost", "--json").data["stories"]
    assert (story["state"], story["code"]) == ("not synced", "session_not_accepted")
    assert "accept it in Sessionboard" in story["what_to_do"]
    assert (story["swoogo_id"], story["told"]) == (None, [])


def test_why_says_that_an_event_is_not_mapped(
    make_pair: Callable[..., Pair], command: Callable[..., Answer]
) -> None:
    pair = make_pair(PAIRS[:1], sessions=6)
    pair.sync()
    sessions = pair.sandbox.state.programme["sessions"].values()
    other = next(session for session in sessions if session["event_id"] == 4102)
    answer = command(pair, "why", other["id"])
    assert answer.code == 0
    assert "event not mapped [event_not_mapped]" in answer.out
    assert "add it to event_mappings" in answer.out


def test_why_of_nothing_says_so(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    answer = command(small, "why", "nobody@nowhere.example")
    assert (answer.code, answer.out) == (1, "")
    assert answer.error.endswith("[record_unknown]\n")
    assert "nobody@" not in answer.error


# approve


def held(source_id: str, code: str = "guard_time_shift") -> Held:
    message = f"Session {source_id} would move by +60 minutes."
    return Held(Kind.SESSION, source_id, "update", code, "d" * 32, source_id.title(), message)


def test_approve_lists_and_lets_through(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    with Ledger.open(small.target_config()["ledger_url"]) as ledger:
        (pair,) = ledger.pairs()
        with ledger.commit():
            ledger.hold_back(
                pair, [held("opening"), held("closing"), held("lost", "guard_emptied")]
            )
    status = command(small, "status")
    assert status.code == 3
    assert "Held back: 3 changes [guard_emptied, guard_time_shift]" in status.out
    why = command(small, "why", "opening")
    assert "State: held back [guard_time_shift]" in why.out
    listed = command(small, "approve", "--list")
    assert listed.code == 3
    assert "Held back: 2 [guard_time_shift]" in listed.out
    assert "Session closing would move by +60 minutes." in listed.out
    one = command(small, "approve", "--guard", "guard_emptied")
    assert one.code == 0
    assert "Approved: 1. The next run sends them" in one.out
    rest = command(small, "approve", "--event", "4101", "--json").data
    assert rest["approved"] == 2
    assert [change["approved"] for change in rest["held"]] == [True, True, True]
    assert command(small, "approve", "--list").code == 0
    assert "Nothing waits" in command(small, "approve").out
    assert command(small, "approve", "--guard", "emptied").code == 2
    unknown = command(small, "approve", "--event", "9")
    assert unknown.code == 1
    assert "[pair_unknown]" in unknown.error


# restore


def test_restore_by_name_sends_the_record_anew(small: Pair, command: Callable[..., Answer]) -> None:
    small.sync()
    theirs = swoogo(small, "sessions")["Opening"]["id"]
    small.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "sessions", "id": theirs})
    update(small, "sessions", "opening", capacity=9)
    small.sync()
    (pair,) = command(small, "status", "--json").data["pairs"]
    assert pair["counts"]["session"]["deleted"] == 1
    why = command(small, "why", "opening")
    assert "State: deleted in Swoogo" in why.out
    assert "meltano invoke target-swoogo:restore session opening" in why.out
    answer = command(small, "restore", "opening", "--json")
    assert answer.code == 0
    assert [one["id"] for one in answer.data["restored"]] == ["opening"]
    small.sync()
    assert swoogo(small, "sessions")["Opening"]["id"] != theirs
    assert command(small, "restore", "Opening").code == 1


# retry and sync-only


def refuse(pair: Pair, path: str) -> None:
    match = {"side": "swoogo", "method": "POST", "path": path}
    pair.sandbox.faults({"match": match, "times": None, "do": {"errors_in_200": True}})


def test_retry_tries_again_what_failed_and_nothing_else(
    small: Pair, command: Callable[..., Answer]
) -> None:
    refuse(small, "/sessions/create")
    small.sync(max_failed_percent=100)
    small.sandbox.faults()
    status = command(small, "status", "--json")
    assert status.code == 3
    (pair,) = status.data["pairs"]
    assert pair["counts"]["session"]["failed"] == 5
    update(small, "sponsors", "loom", name="Loom Ltd")
    receive(small)

    refuse(small, "/sessions/create")
    again = command(small, "retry")
    assert again.code == 3
    assert "Failed: 5 sessions" in again.out
    small.sandbox.faults()
    since = small.now
    answer = command(small, "retry", "--json")
    assert answer.code == 0
    assert {action["kind"] for action in actions(answer.data)} == {"session", "speaker"}
    assert len(swoogo(small, "sessions")) == 5
    assert all("sponsors" not in call["path"] for call in small.writes(since))
    latest = json.loads((small.folder / "reports/latest.json").read_text())
    assert latest["run_id"] != answer.data["run_id"], "it tells of chosen records only"
    nothing = command(small, "retry")
    assert nothing.code == 0
    assert nothing.out.startswith("Nothing failed")


def test_a_session_brings_its_room_and_track(small: Pair, command: Callable[..., Answer]) -> None:
    receive(small)
    answer = command(small, "sync-only", "Closing", "opening")
    assert answer.code == 0, answer
    assert swoogo(small, "sessions").keys() == {"Closing", "Opening"}
    assert swoogo(small, "locations").keys() == {"Attic", "Great Hall"}
    assert swoogo(small, "tracks").keys() == {"Craft"}
    assert swoogo(small, "speakers") == {}
    since = small.now
    small.sync()
    assert len(swoogo(small, "sessions")) == 5
    assert len(swoogo(small, "locations")) == 2
    assert any("speakers/create" in call["path"] for call in small.writes(since))


def test_a_speaker_alone_is_linked_to_their_sessions_that_are_there(
    small: Pair, command: Callable[..., Answer]
) -> None:
    receive(small)
    command(small, "sync-only", "opening")
    answer = command(small, "sync-only", "ADA@example.org")
    assert answer.code == 0
    (ada,) = swoogo(small, "speakers").values()
    assert ada["session_ids"] == [swoogo(small, "sessions")["Opening"]["id"]]
    assert swoogo(small, "sessions").keys() == {"Opening"}


def test_unknown_names_are_told_before_anything_is_sent(
    small: Pair, command: Callable[..., Answer]
) -> None:
    receive(small)
    since = small.now
    answer = command(small, "sync-only", "opening", "nobody@nowhere.example", "No such session")
    assert (answer.code, answer.out) == (1, "")
    assert '"n***@n***.example", "No such session"' in answer.error
    assert answer.error.endswith("[record_unknown]\n")
    assert small.now == since


def test_what_a_rule_leaves_out_is_explained(small: Pair, command: Callable[..., Answer]) -> None:
    update(small, "sessions", "lost", status="declined")
    receive(small)
    answer = command(small, "sync-only", "Lost")
    assert answer.code == 1
    assert "accept it in Sessionboard to sync it. Nothing was sent. [record_left_out]" in (
        answer.error
    )


def test_several_matches_are_all_synced_and_told(
    small: Pair, command: Callable[..., Answer]
) -> None:
    update(small, "sessions", "lost", title="Opening")
    receive(small)
    answer = command(small, "sync-only", "opening", "Opening ")
    assert answer.code == 0
    assert '"opening" means 2 records' in answer.out
    assert len(small.sandbox.state.swoogo["sessions"]) == 2
    again = command(small, "sync-only", "opening", "--json")
    assert again.data["version"] == 1
    assert "means 2 records" in again.error


# What goes wrong


@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("status",),
        ("why", "x"),
        ("approve",),
        ("approve", "--list"),
        ("restore", "x"),
        ("release", "4101"),
        ("retry",),
        ("sync-only", "x"),
    ],
)
def test_without_a_ledger_one_sentence_says_so(
    small: Pair, command: Callable[..., Answer], words: tuple[str, ...]
) -> None:
    answer = command(small, *words)
    assert (answer.code, answer.out) == (1, "")
    assert answer.error.endswith("[ledger_missing]\n")
    assert not list((small.folder / "ledger").glob("*.db"))


@pytest.mark.parametrize("words", [("plan",), ("retry",), ("sync-only", "x")])
def test_without_credentials_one_sentence_says_what_is_missing(
    small: Pair, command: Callable[..., Answer], words: tuple[str, ...]
) -> None:
    answer = command(small, *words, consumer_secret="")
    assert (answer.code, answer.out) == (1, "")
    assert "TARGET_SWOOGO_CONSUMER_SECRET" in answer.error
    assert answer.error.endswith("[setting_invalid]\n")


@pytest.mark.parametrize("words", [("plan",), ("status",), ("why", "x"), ("release", "1")])
def test_a_setting_that_cannot_be_read_is_named(
    small: Pair, command: Callable[..., Answer], words: tuple[str, ...]
) -> None:
    for setting, value in (("event_mappings", "4101:77001"), ("max_workers", "many")):
        answer = command(small, *words, **{setting: value})
        assert answer.code == 1
        assert f"The setting {setting} (" in answer.error
        assert answer.error.endswith("[setting_invalid]\n")
        assert value not in answer.error


def test_shifted_times_are_held_until_they_are_approved(
    make_pair: Callable[..., Pair], command: Callable[..., Answer]
) -> None:
    pair = make_pair(PAIRS[:1], sessions=24)
    pair.sync()
    for session in list(pair.sandbox.state.programme["sessions"].values()):
        if session["event_id"] == 4101 and session["starts_at"]:
            later = {n: shifted(session[n]) for n in ("starts_at", "ends_at")}
            update(pair, "sessions", session["id"], **later)
    receive(pair)
    assert command(pair, "plan").code == 3
    status = command(pair, "status", "--json")
    assert status.code == 3
    count = len(status.data["pairs"][0]["held"])
    assert count >= 10
    since = pair.now
    pair.sync()
    assert pair.writes(since) == []
    title = status.data["pairs"][0]["held"][0]["name"]
    why = command(pair, "why", title).out
    assert "State: held back" in why
    assert re.search(r"Held: start time: \d\d:\d\d:00 → \d\d:\d\d:00", why)
    shown = command(pair, "status").out
    assert f"{count} changes held back: see approve" in shown
    assert "Fully synced" not in shown
    listed = command(pair, "approve", "--list")
    assert re.search(r"start time: \d\d:\d\d:00 → \d\d:\d\d:00", listed.out)
    changes = command(pair, "approve", "--list", "--json").data["held"][0]["changes"]
    assert {line.partition(":")[0] for line in changes} <= {"date", "end time", "start time"}
    assert command(pair, "approve", "--json").data["approved"] == count
    planned = command(pair, "plan", "--json")
    assert planned.code == 0
    since = pair.now
    pair.sync()
    updates = [a for a in actions(planned.data) if a["action"] == "update"]
    assert len(pair.writes(since)) == len(updates) == count
    assert command(pair, "approve", "--list").code == 0


def shifted(stamp: str) -> str:
    moment = datetime.fromisoformat(stamp.replace("Z", "+00:00")) + timedelta(hours=1)
    return moment.isoformat().replace("+00:00", "Z")
