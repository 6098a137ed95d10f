"""What people do by hand in Swoogo, what Swoogo refuses, and what goes wrong on the way there."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_swoogo.commands import main
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger

from .small_programme import MAPPINGS, SWOOGO_EVENT, person, sponsor, write_programme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Pair

KINDS = {
    "location": "locations",
    "track": "tracks",
    "session": "sessions",
    "speaker": "speakers",
    "sponsor": "sponsors",
}


@pytest.fixture
def pair(make_pair: Callable[..., Pair], tmp_path: Path) -> Pair:
    return make_pair(MAPPINGS, program=write_programme(tmp_path / "programme"))


@pytest.fixture
def synced(pair: Pair) -> Pair:
    """A pair whose first run is over."""
    report = pair.sync()
    assert outcomes(report, "failed") == outcomes(report, "pending") == {}
    return pair


# What is under way


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (3, 3), (4, 5), (8, 10)])
def test_few_creates_are_begun_at_once(
    make_pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch, workers: int, most: int
) -> None:
    """Each is one that a kill leaves unknown; a fourth more than workers keeps them all busy."""
    begun: set[Any] = set()
    peak = 0
    open_intent, close_intent = Ledger.open_intent, Ledger.close_intent

    def opening(ledger: Ledger, pair: Any, key: Any, intent: Any) -> None:
        nonlocal peak
        begun.add(key)
        peak = max(peak, len(begun))
        open_intent(ledger, pair, key, intent)

    def closing(ledger: Ledger, pair: Any, key: Any) -> None:
        begun.discard(key)
        close_intent(ledger, pair, key)

    monkeypatch.setattr(Ledger, "open_intent", opening)
    monkeypatch.setattr(Ledger, "close_intent", closing)
    make_pair(MAPPINGS, sessions=20).sync(max_workers=workers)
    assert peak == most


# What was done


def outcomes(report: dict[str, Any], column: str) -> dict[str, str]:
    """The codes of the notes in one of the report's lists, by record."""
    (pair,) = report["pairs"]
    return {note["id"]: note["code"] for note in pair[column]}


def message(report: dict[str, Any], column: str, record_id: str) -> str:
    """The sentence of a note."""
    (pair,) = report["pairs"]
    (sentence,) = {note["message"] for note in pair[column] if note["id"] == record_id}
    assert isinstance(sentence, str)
    return sentence


def actions(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What was done, to which record, and how it ended."""
    (pair,) = report["pairs"]
    return sorted((a["action"], a["id"], a["outcome"]) for a in pair["actions"])


def counts(report: dict[str, Any], column: str) -> int:
    (pair,) = report["pairs"]
    return sum(kind.get(column, 0) for kind in pair["counts"].values())


def failing_load(pair: Pair, **overrides: Any) -> tuple[TargetError, dict[str, Any]]:
    """A run that fails: its error, and the report that it writes nonetheless."""
    with pytest.raises(TargetError) as caught:
        pair.load(pair.read(), **overrides)
    return caught.value, json.loads((pair.folder / "reports/latest.json").read_text())


def writes(pair: Pair, since: int = 0) -> list[str]:
    return [f"{call['method']} {call['path']}" for call in pair.writes(since)]


# What people do


def edit(pair: Pair, kind: str, record_id: str, **fields: Any) -> None:
    """Somebody edits a record in Sessionboard."""
    pair.sandbox.edit({"op": "update", "kind": kind, "id": record_id, "fields": fields})


def join(pair: Pair, person_id: str, *session_ids: str) -> None:
    """Somebody is put on sessions in Sessionboard."""
    for session_id in session_ids:
        pair.sandbox.edit(
            {"op": "add_participant", "session_id": session_id, "person_id": person_id}
        )


def by_hand(pair: Pair, op: str, kind: str, record_id: int | None = None, **fields: Any) -> int:
    """Somebody creates, updates or deletes a record in Swoogo."""
    change: dict[str, Any] = {"side": "swoogo", "op": op, "kind": kind}
    if record_id is not None:
        change["id"] = record_id
    if op == "create":
        fields["event_id"] = SWOOGO_EVENT
    if fields:
        change["fields"] = fields
    (told,) = pair.sandbox.edit(change)
    return int(told["id"])


def there(pair: Pair, kind: str, **fields: Any) -> dict[str, Any]:
    """The one record in Swoogo that has these values."""
    rows = pair.sandbox.state.swoogo[kind].values()
    (row,) = (row for row in rows if all(row[name] == fields[name] for name in fields))
    return row


def names(pair: Pair, kind: str) -> list[str]:
    return sorted(row["name"] for row in pair.sandbox.state.swoogo[kind].values())


def restore(pair: Pair, kind: str, record_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_SWOOGO_LEDGER_URL", pair.target_config()["ledger_url"])
    result = CliRunner().invoke(main, ["restore", kind, record_id])
    assert result.exit_code == 0, result.stderr


# Deleted in Swoogo


@pytest.mark.parametrize(
    ("kind", "record_id", "wanted", "change"),
    [
        ("session", "weaving", {"name": "Weaving"}, {"title": "Weaving twice"}),
        ("speaker", "ada", {"email": "ada@example.org"}, {"title": "Spinner"}),
        ("sponsor", "loom", {"name": "Loom & Co"}, {"description": "Still helps."}),
        ("location", "hall", {"name": "Great Hall"}, {"capacity": 300}),
        ("track", "craft", {"name": "Craft"}, {"name": "Crafts"}),
    ],
)
def test_what_was_deleted_in_swoogo_stays_deleted_until_it_is_restored(
    synced: Pair,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    record_id: str,
    wanted: dict[str, Any],
    change: dict[str, Any],
) -> None:
    pair, plural = synced, KINDS[kind]
    ours = {"speakers": "people", "locations": "rooms"}.get(plural, plural)
    before = len(pair.sandbox.state.swoogo[plural])
    by_hand(pair, "delete", plural, there(pair, plural, **wanted)["id"])

    edit(pair, ours, record_id, **change)
    report = pair.sync()
    assert ("update", record_id, "deleted in Swoogo") in actions(report)
    assert outcomes(report, "skipped")[record_id] == "deleted_in_swoogo"
    sentence = message(report, "skipped", record_id)
    assert sentence.endswith(f"meltano invoke target-swoogo:restore {kind} {record_id}")
    assert counts(report, "failed") == 0

    since = pair.now
    edit(pair, ours, record_id, created_at="2026-01-01T00:00:00.000Z")
    report = pair.sync()
    assert outcomes(report, "skipped")[record_id] == "deleted_in_swoogo"
    assert writes(pair, since) == []
    assert len(pair.sandbox.state.swoogo[plural]) == before - 1

    restore(pair, kind, record_id, monkeypatch)
    report = pair.sync()
    assert ("create", record_id, "created") in actions(report)
    assert len(pair.sandbox.state.swoogo[plural]) == before
    assert record_id not in outcomes(report, "skipped")
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


def test_a_restored_session_gets_its_speakers_back(
    synced: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(synced, "delete", "sessions", there(synced, "sessions", name="Weaving")["id"])
    edit(synced, "sessions", "weaving", title="Weaving on")
    synced.sync()
    restore(synced, "session", "weaving", monkeypatch)
    synced.sync()
    anew = there(synced, "sessions", name="Weaving on")["id"]
    for email in ("ada@example.org", "ben@example.org"):
        assert anew in there(synced, "speakers", email=email)["session_ids"]


def test_a_restored_speaker_gets_sessions_and_headshot_back(
    synced: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = there(synced, "speakers", email="ada@example.org")
    by_hand(synced, "delete", "speakers", old["id"])
    edit(synced, "people", "ada", company_name="Other")
    synced.sync()
    restore(synced, "speaker", "ada", monkeypatch)
    report = synced.sync()
    anew = there(synced, "speakers", email="ada@example.org")
    assert sorted(anew["session_ids"]) == sorted(old["session_ids"])
    assert ("image", "ada", "image sent") in actions(report)


def test_what_was_deleted_in_swoogo_and_not_edited_costs_no_call(synced: Pair) -> None:
    by_hand(synced, "delete", "sessions", there(synced, "sessions", name="Weaving")["id"])
    since = synced.now
    synced.sync()
    assert synced.calls(since=since) == []


def test_a_session_goes_without_the_room_that_was_deleted_in_swoogo(
    synced: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(synced, "delete", "locations", there(synced, "locations", name="Attic")["id"])
    edit(synced, "sessions", "opening", room_id="attic", title="Opening up")
    report = synced.sync()
    assert ("update", "opening", "updated") in actions(report)
    assert counts(report, "failed") == 0
    assert there(synced, "sessions", name="Opening up")

    since = synced.now
    report = synced.sync()
    assert writes(synced, since) == []
    assert outcomes(report, "skipped")["attic"] == "deleted_in_swoogo"
    assert outcomes(report, "warnings")["opening"] == "choice_missing"

    restore(synced, "location", "attic", monkeypatch)
    report = synced.sync()
    attic = there(synced, "locations", name="Attic")["id"]
    assert there(synced, "sessions", name="Opening up")["location_id"] == attic
    assert there(synced, "sessions", name="Closing")["location_id"] == attic
    assert "opening" not in outcomes(report, "warnings")


def test_a_new_session_goes_without_the_room_that_was_deleted_in_swoogo(synced: Pair) -> None:
    by_hand(synced, "delete", "locations", there(synced, "locations", name="Attic")["id"])
    closing = synced.sandbox.state.programme["sessions"]["closing"]
    new = {name: closing[name] for name in ("status", "starts_at", "ends_at", "room_id")}
    synced.sandbox.edit({"op": "create", "kind": "sessions", "fields": new | {"title": "Encore"}})
    report = synced.sync()
    assert counts(report, "created") == 1
    assert there(synced, "sessions", name="Encore")["location_id"] is None
    assert names(synced, "sessions").count("Encore") == 1


# Links


def test_one_session_deleted_in_swoogo_does_not_keep_a_speaker_from_the_others(
    synced: Pair,
) -> None:
    by_hand(synced, "delete", "sessions", there(synced, "sessions", name="Closing")["id"])
    join(synced, "ada", "closing", "gone")
    report = synced.sync()
    assert ("link", "ada", "linked") in actions(report)
    gone = there(synced, "sessions", name="Gone")["id"]
    assert gone in there(synced, "speakers", email="ada@example.org")["session_ids"]
    assert counts(report, "failed") == 0

    since = synced.now
    report = synced.sync()
    assert writes(synced, since) == []
    assert outcomes(report, "skipped")["closing"] == "deleted_in_swoogo"


def test_a_link_to_nothing_but_a_deleted_session_says_what_to_do(synced: Pair) -> None:
    by_hand(synced, "delete", "sessions", there(synced, "sessions", name="Closing")["id"])
    join(synced, "ada", "closing")
    report = synced.sync()
    assert counts(report, "failed") == 0
    for note in report["pairs"][0]["skipped"]:
        assert note["name"] in note["message"]
        assert "; restore" in note["message"] or ":restore" in note["message"]


def test_all_of_a_speakers_new_sessions_are_one_call(synced: Pair) -> None:
    since = synced.now
    join(synced, "ada", "closing", "gone")
    synced.sync()
    ada = there(synced, "speakers", email="ada@example.org")
    assert writes(synced, since) == [f"POST /speakers/{ada['id']}/session"]


# Refused


def refusing(path: str, times: int | None = None, method: str = "POST") -> dict[str, Any]:
    match = {"side": "swoogo", "method": method, "path": path}
    return {"match": match, "times": times, "do": {"errors_in_200": True}}


def test_what_swoogo_refuses_keeps_its_message_and_is_tried_again(pair: Pair) -> None:
    pair.sandbox.faults(refusing("/sponsors/create"))
    for _ in range(2):
        since = pair.now
        report = pair.sync()
        assert outcomes(report, "failed") == {"loom": "swoogo_refused"}
        assert message(report, "failed", "loom") == (
            'Sponsor "Loom & Co" was not created: Swoogo refuses it (name: Name was refused by '
            "the sandbox.); correct the field in Sessionboard."
        )
        assert outcomes(report, "pending") == {"loom": "record_missing"}, "its logo"
        assert len(pair.sandbox.state.swoogo["sessions"]) == 5, "the others are there"
    assert writes(pair, since) == ["POST /sponsors/create"], "and cost nothing"

    pair.sandbox.faults()
    report = pair.sync()
    assert actions(report) == [("create", "loom", "created"), ("image", "loom", "image sent")]


def test_an_update_that_swoogo_refuses_is_tried_again_until_it_is_corrected(synced: Pair) -> None:
    synced.sandbox.faults(refusing("/speakers/update", method="PUT"))
    edit(synced, "people", "ada", company_name="Refused Inc.")
    edit(synced, "people", "ben", title="Spinner")
    for _ in range(2):
        report = synced.sync(max_failed_percent=100)
        assert set(outcomes(report, "failed")) == {"ada", "ben"}
    edit(synced, "people", "ada", company_name="Loomery")
    synced.sandbox.faults()
    since = synced.now
    report = synced.sync()
    assert counts(report, "failed") == 0
    assert there(synced, "speakers", email="ada@example.org")["company"] == "Loomery"
    assert there(synced, "speakers", email="ben@example.org")["job_title"] == "Spinner"
    assert [w for w in writes(synced, since) if "update" in w], "ben's, which was still due"


def test_too_many_refusals_fail_the_run_and_lose_nothing(pair: Pair) -> None:
    pair.sandbox.faults(refusing("/(sponsors|speakers)/create"))
    error, report = failing_load(pair)
    assert error.code == "too_many_failed"
    assert str(error).startswith("27% of the records of Sessionboard event 4101 failed")
    assert set(outcomes(report, "failed")) == {"ada", "ben", "loom"}
    assert len(pair.sandbox.state.swoogo["sessions"]) == 5

    pair.sandbox.faults()
    report = pair.sync()
    assert counts(report, "created") == 3
    assert counts(report, "failed") == counts(report, "pending") == 0


def test_few_refusals_do_not_fail_the_run(pair: Pair) -> None:
    pair.sandbox.faults(refusing("/sponsors/create"))
    report = pair.sync(max_failed_percent=10)
    assert outcomes(report, "failed") == {"loom": "swoogo_refused"}


def test_a_missing_right_ends_the_run_with_what_to_do(pair: Pair) -> None:
    forbidden = {"match": {"path": "/speakers/create"}, "times": None, "do": {"status": 403}}
    pair.sandbox.faults(forbidden)
    error, report = failing_load(pair)
    assert error.code == "swoogo_forbidden"
    assert "ask a Swoogo administrator" in str(error)
    assert counts(report, "failed") == 0
    assert {"ada", "ben"} <= set(outcomes(report, "pending"))
    pair.sandbox.faults()
    pair.sync()
    assert len(pair.sandbox.state.swoogo["speakers"]) == 2
    assert len(pair.sandbox.state.swoogo["sessions"]) == 5


# Unavailable


def test_a_swoogo_that_is_down_ends_the_run_soon_and_the_next_one_completes(
    make_pair: Callable[..., Pair],
) -> None:
    pair = make_pair(MAPPINGS, sessions=20)
    down = {"match": {"side": "swoogo", "method": "POST", "path": "/create"}, "times": None}
    pair.sandbox.faults(down | {"do": {"status": 503, "body": "html"}})
    error, report = failing_load(pair, list_lag_seconds=0)
    assert error.code == "swoogo_unavailable"
    assert "10 times in a row" in str(error)
    # Those that were on their way when the tenth failed are finished.
    assert 10 <= len(writes(pair)) < 10 + 8
    assert counts(report, "created") == counts(report, "failed") == 0

    pair.sandbox.faults()
    report = pair.sync(list_lag_seconds=0)
    assert counts(report, "pending") == 0
    for kind, plural in KINDS.items():
        created = report["pairs"][0]["counts"][kind]["created"]
        assert len(pair.sandbox.state.swoogo[plural]) == created > 0


def test_lost_answers_between_others_do_not_end_the_run(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(MAPPINGS, sessions=20)
    every_other = [
        {"match": {"method": "POST", "path": "/create", "nth": n}, "do": {"commit_then_drop": True}}
        for n in range(1, 30, 2)
    ]
    pair.sandbox.faults(*every_other)
    report = pair.sync(max_workers=1)
    assert counts(report, "pending") == counts(report, "failed") == 0
    for kind, plural in KINDS.items():
        created = report["pairs"][0]["counts"][kind]["created"]
        assert len(pair.sandbox.state.swoogo[plural]) == created > 0


def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(pair: Pair) -> None:
    lost = {"match": {"path": "/(sessions|sponsors)/create"}, "times": 3}
    pair.sandbox.faults(lost | {"do": {"commit_then_drop": True}})
    report = pair.sync()
    assert counts(report, "created") == 11
    assert counts(report, "pending") == 0
    assert len(pair.sandbox.state.swoogo["sessions"]) == 5
    assert names(pair, "sponsors") == ["Loom & Co"]
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


def test_a_create_whose_answer_was_lost_waits_while_lists_lag(pair: Pair) -> None:
    lost = {"match": {"path": "/sessions/create", "nth": 1}, "do": {"commit_then_drop": True}}
    pair.sandbox.faults(lost, list_lag_seconds=100)
    report = pair.sync()
    (session,) = [
        key for key, code in outcomes(report, "pending").items() if code == "outcome_unknown"
    ]
    assert "Nothing needs to be done" in message(report, "pending", session)
    report = pair.sync()
    assert outcomes(report, "pending")[session] == "outcome_unknown"
    assert len(pair.sandbox.state.swoogo["sessions"]) == 5, "not sent again"
    pair.sandbox.advance(200)
    report = pair.sync()
    assert counts(report, "pending") == 0
    assert ("adopt", session, "adopted") in actions(report)
    assert len(pair.sandbox.state.swoogo["sessions"]) == 5
    linked = {i for s in pair.sandbox.state.swoogo["speakers"].values() for i in s["session_ids"]}
    assert linked == set(pair.sandbox.state.swoogo["sessions"])


# The quota


def test_a_quota_too_small_for_the_programme_is_used_over_several_runs(pair: Pair) -> None:
    pair.sandbox.faults(quota_credits=80)
    report = pair.sync(time_budget_minutes=1)
    assert 0 < counts(report, "created") < 11
    pending = report["pairs"][0]["pending"]
    assert pending
    for note in pending:
        assert "the next run continues" in note["message"] or "a later run" in note["message"]
    assert counts(report, "failed") == 0
    runs = 1
    while counts(report, "pending") or report["pairs"][0]["pending"]:
        pair.sandbox.advance(600)
        report = pair.sync(time_budget_minutes=1)
        assert report["credits_used"] <= 72, "the reserve of 10% is left to others"
        runs += 1
        assert runs < 6
    assert [len(pair.sandbox.state.swoogo[kind]) for kind in KINDS.values()] == [2, 1, 5, 2, 1]
    assert 429 not in {call["status"] for call in pair.calls()}
    pair.sandbox.advance(600)
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


def test_a_pair_for_which_nothing_is_left_is_postponed(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(sessions=5)
    pair.sandbox.faults(quota_credits=70)
    report = pair.sync(time_budget_minutes=1)
    first, second = report["pairs"]
    assert not first["postponed"]
    assert first["pending"]
    assert second["postponed"]
    assert first["error"] is second["error"] is None


# Images


def photo_of(pair: Pair, email: str) -> str | None:
    contact = there(pair, "speakers", email=email)["contact_id"]
    picture = pair.sandbox.state.swoogo["contacts"][contact]["profile_picture"]
    return picture or None


def test_a_speaker_without_a_contact_goes_without_headshot_until_there_is_one(pair: Pair) -> None:
    pair.sandbox.faults(null_contact_id=True)
    report = pair.sync()
    assert outcomes(report, "failed") == dict.fromkeys(("ada", "ben"), "speaker_without_contact")
    assert "Ada Abel got no new image: Swoogo has no contact" in message(report, "failed", "ada")
    assert counts(report, "failed") == 0, "the speakers themselves are there"
    pair.sandbox.faults()
    report = pair.sync()
    sent = [("image", "ada", "image sent"), ("image", "ben", "image sent")]
    assert actions(report) == sent
    assert photo_of(pair, "ada@example.org")


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 404}, {"drop": True}, {"html": True}]
)
def test_an_image_that_cannot_be_had_is_tried_again_alone(
    pair: Pair, fault: dict[str, Any]
) -> None:
    broken = {"match": {"side": "media", "path": "ada"}, "times": None, "do": fault}
    pair.sandbox.faults(broken)
    report = pair.sync()
    (code,) = outcomes(report, "failed").values()
    assert code.startswith("image_")
    assert message(report, "failed", "ada").startswith("Ada Abel got no new image: ")
    assert photo_of(pair, "ben@example.org")
    pair.sandbox.faults()
    since = pair.now
    report = pair.sync()
    assert actions(report) == [("image", "ada", "image sent")]
    assert len(writes(pair, since)) == 1
    assert photo_of(pair, "ada@example.org")


def test_a_new_image_that_cannot_be_had_is_tried_again_though_there_is_an_older_one(
    synced: Pair,
) -> None:
    before = photo_of(synced, "ada@example.org")
    gone = {"match": {"side": "media", "path": "ben-2"}, "times": None, "do": {"status": 404}}
    synced.sandbox.faults(gone)
    edit(synced, "people", "ada", photo_url="{media}/ben-2.png")
    assert set(outcomes(synced.sync(), "failed")) == {"ada"}
    assert photo_of(synced, "ada@example.org") == before
    synced.sandbox.faults()
    assert actions(synced.sync()) == [("image", "ada", "image sent")]
    assert photo_of(synced, "ada@example.org") != before


def test_an_unchanged_image_is_not_sent_again_and_a_new_one_is(synced: Pair) -> None:
    edit(synced, "people", "ada", title="Spinner")
    since = synced.now
    assert ("image", "ada", "image same") in actions(synced.sync())
    assert [w for w in writes(synced, since) if "/image/" in w] == []
    before = photo_of(synced, "ada@example.org")
    edit(synced, "people", "ada", photo_url="{media}/ben-2.png")
    since = synced.now
    assert actions(synced.sync()) == [("image", "ada", "image sent")]
    token, upload = synced.calls(since=since)
    assert token["path"] == "/oauth2/token"
    assert upload["path"].startswith("/image/contact/"), "the contact is known, and not asked for"
    assert photo_of(synced, "ada@example.org") != before


def test_a_picture_that_somebody_replaced_in_swoogo_stays_until_ours_changes(
    synced: Pair,
) -> None:
    contact = there(synced, "speakers", email="ada@example.org")["contact_id"]
    by_hand(synced, "update", "contacts", contact, profile_picture="{media}/dee.png")
    edit(synced, "people", "ada", title="Spinner")
    synced.sync()
    assert photo_of(synced, "ada@example.org") == "{media}/dee.png"


# Records that were there before


def moments(pair: Pair, session_id: str) -> dict[str, str]:
    """When a session is, as Swoogo has it; taken from what the target would write."""
    preview = pair.load(pair.read(), dry_run=True)
    (changes,) = (
        action["changes"] for action in preview["pairs"][0]["actions"] if action["id"] == session_id
    )
    return {name: changes[name]["new"] for name in ("date", "start_time")}


def test_records_made_by_hand_are_adopted_and_completed(pair: Pair) -> None:
    hall = by_hand(pair, "create", "locations", name="great hall")
    track = by_hand(pair, "create", "tracks", name="craft")
    loom = by_hand(pair, "create", "sponsors", name="Loom & Co", website="https://old.example.org")
    ada = by_hand(
        pair,
        "create",
        "speakers",
        email="ADA@example.org",
        first_name="Ada",
        last_name="Abel",
        job_title="Weaver",
    )
    opening = by_hand(
        pair, "create", "sessions", name="OPENING", location_id=hall, **moments(pair, "opening")
    )
    report = pair.sync()
    adopted = {key for verb, key, how in actions(report) if (verb, how) == ("adopt", "adopted")}
    assert adopted == {"hall", "craft", "loom", "ada", "opening"}
    assert [len(pair.sandbox.state.swoogo[kind]) for kind in KINDS.values()] == [2, 1, 5, 2, 1]
    session = there(pair, "sessions", id=opening)
    assert (session["name"], session["location_id"], session["track_id"]) == (
        "Opening",
        hall,
        track,
    )
    assert session["description"] == "<p>All about opening.</p>"
    assert there(pair, "locations", id=hall)["capacity"] == 200
    assert there(pair, "sponsors", id=loom)["website"] == "https://loom.example.org"
    speaker = there(pair, "speakers", id=ada)
    assert (speaker["company"], len(speaker["session_ids"])) == ("Loomery", 3)
    assert photo_of(pair, speaker["email"])
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


@pytest.mark.parametrize(
    ("kind", "name"), [("tracks", " Craft"), ("locations", "Great  Hall"), ("sponsors", "Felt  AG")]
)
def test_spacing_does_not_hide_a_record_made_by_hand(pair: Pair, kind: str, name: str) -> None:
    edit(pair, "sponsors", "loom", name="Felt AG")
    edit(pair, "sessions", "closing", room_id=None)
    by_hand(pair, "create", kind, name=name)
    pair.sync()
    assert len(names(pair, kind)) == 1


def test_what_sessionboard_leaves_empty_stays_as_it_was_by_hand(pair: Pair) -> None:
    edit(pair, "sponsors", "loom", description=None, website_url=None)
    loom = by_hand(pair, "create", "sponsors", name="Loom & Co", description="By hand.")
    pair.sync()
    assert there(pair, "sponsors", id=loom)["description"] == "By hand."
    edit(pair, "sponsors", "loom", website_url="https://new.example.org")
    pair.sync()
    assert there(pair, "sponsors", id=loom)["description"] == "By hand."
    assert there(pair, "sponsors", id=loom)["website"] == "https://new.example.org"


def test_duplicates_made_by_hand_are_listed_and_left_alone(pair: Pair) -> None:
    twins = [by_hand(pair, "create", "sponsors", name="Loom & Co", notes=str(n)) for n in range(2)]
    before = [there(pair, "sponsors", id=twin) for twin in twins]
    report = pair.sync()
    assert outcomes(report, "skipped")["loom"] == "ambiguous"
    sentence = message(report, "skipped", "loom")
    assert all(str(twin) in sentence for twin in twins)
    assert "delete all but one of them" in sentence
    assert [there(pair, "sponsors", id=twin) for twin in twins] == before
    assert counts(report, "created") == 10

    since = pair.now
    pair.sync()
    assert writes(pair, since) == []
    by_hand(pair, "delete", "sponsors", twins[0])
    report = pair.sync()
    assert ("adopt", "loom", "adopted") in actions(report)
    assert len(pair.sandbox.state.swoogo["sponsors"]) == 1


def test_with_matching_off_records_made_by_hand_are_not_touched(pair: Pair) -> None:
    by_hand(pair, "create", "sponsors", name="Loom & Co", notes="by hand")
    pair.sync(match_existing=False)
    assert names(pair, "sponsors") == ["Loom & Co", "Loom & Co"]
    assert there(pair, "sponsors", notes="by hand")["website"] is None
    assert [c["path"] for c in pair.calls() if c["query"] and "search" in c["query"]] == []


# Edited in Swoogo


def an_hour_after(stamp: str) -> str:
    moment = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    return (moment + timedelta(hours=1)).isoformat()


def test_a_hand_edit_of_another_field_survives_an_update(synced: Pair) -> None:
    session = there(synced, "sessions", name="Weaving")["id"]
    by_hand(synced, "update", "sessions", session, description="By hand.", capacity=7)
    ada = there(synced, "speakers", email="ada@example.org")["id"]
    by_hand(synced, "update", "speakers", ada, bio="By hand.")
    edit(synced, "sessions", "weaving", title="Weaving on")
    edit(synced, "people", "ada", title="Spinner")
    synced.sync()
    row = there(synced, "sessions", id=session)
    assert (row["name"], row["description"], row["capacity"]) == ("Weaving on", "By hand.", 7)
    row = there(synced, "speakers", id=ada)
    assert (row["job_title"], row["bio"]) == ("Spinner", "By hand.")


def test_a_name_edited_by_hand_survives_when_only_the_time_changes(synced: Pair) -> None:
    session = there(synced, "sessions", name="Weaving")
    by_hand(synced, "update", "sessions", session["id"], name="Weaving, by hand")
    times = synced.sandbox.state.programme["sessions"]["weaving"]
    later = {name: an_hour_after(times[name]) for name in ("starts_at", "ends_at")}
    edit(synced, "sessions", "weaving", **later)
    since = synced.now
    synced.sync()
    row = there(synced, "sessions", id=session["id"])
    assert row["name"] == "Weaving, by hand"
    assert row["start_time"] > session["start_time"]
    (write,) = synced.writes(since)
    assert write["fields"].keys() == {"event_id", "name", "start_time", "end_time"}


def test_only_what_changed_is_sent(synced: Pair) -> None:
    since = synced.now
    edit(synced, "people", "ada", company_name=None)
    edit(synced, "sponsors", "loom", website_url="https://new.example.org")
    synced.sync()
    sent = {call["path"].split("/")[1]: call["fields"] for call in synced.writes(since)}
    assert sent == {
        "speakers": {"event_id": str(SWOOGO_EVENT), "company": ""},
        "sponsors": {"event_id": str(SWOOGO_EVENT), "website": "https://new.example.org"},
    }


def test_a_sponsor_level_that_comes_later_is_found(pair: Pair) -> None:
    events = pair.sandbox.state.swoogo["events"]
    event = events[SWOOGO_EVENT]
    gold = [level for level in event["levels"] if level["name"] == "Gold"]
    assert gold
    others = [level for level in event["levels"] if level["name"] != "Gold"]
    pair.sandbox.state.save("swoogo", "events", event | {"levels": others})
    report = pair.sync()
    assert outcomes(report, "warnings")["loom"] == "sponsor_level_unknown"
    assert there(pair, "sponsors", name="Loom & Co")["level"] is None
    pair.sandbox.state.save("swoogo", "events", event)
    # Anything else to do is an occasion to look again.
    new = sponsor("felt", "Felt") | {"event_id": 4101}
    pair.sandbox.edit({"op": "create", "kind": "sponsors", "fields": new})
    report = pair.sync()
    assert there(pair, "sponsors", name="Loom & Co")["level"] == gold[0]["id"]
    assert outcomes(report, "warnings").get("loom") != "sponsor_level_unknown"


# New people


def test_a_person_who_joins_later_is_created_linked_and_pictured(synced: Pair) -> None:
    new = person("cyd", "Cyd", "Cole") | {"event_id": 4101}
    synced.sandbox.edit({"op": "create", "kind": "people", "fields": new})
    report = synced.sync()
    assert outcomes(report, "skipped")["cyd"] == "speaker_not_on_session"
    join(synced, "cyd", "closing")
    since = synced.now
    report = synced.sync()
    assert actions(report) == [
        ("create", "cyd", "created"),
        ("image", "cyd", "image sent"),
        ("link", "cyd", "linked"),
    ]
    assert len(writes(synced, since)) == 3
