"""The promises of the engine, one by one, against the sandbox."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo import clock
from target_swoogo.errors import TargetError
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger
from target_swoogo.model import Kind

from .conftest import PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Pair

Record = dict[str, Any]
MAIN = PAIRS[:1]


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    """A small programme that is in Swoogo already."""
    pair = make_pair(MAIN, sessions=12)
    pair.sync()
    return pair


def programme(pair: Pair, kind: str) -> list[Record]:
    records: list[Record] = list(pair.sandbox.state.programme[kind].values())
    return [record for record in records if record["event_id"] == 4101]


def swoogo(pair: Pair, kind: str) -> list[Record]:
    return list(pair.sandbox.state.swoogo[kind].values())


def session_with(pair: Pair, **fields: Any) -> tuple[Record, Record]:
    """A session that is in Swoogo, as both sides have it."""
    by_name = {record["name"]: record for record in swoogo(pair, "sessions")}
    for session in programme(pair, "sessions"):
        if session["title"] in by_name and all(session.get(k) == v for k, v in fields.items()):
            return session, by_name[session["title"]]
    raise AssertionError


def person_on(pair: Pair, session: Record) -> Record:
    emails = {speaker["email"] for speaker in swoogo(pair, "speakers")}
    people = pair.sandbox.state.programme["people"]
    return next(people[p["id"]] for p in session["people"] if people[p["id"]]["email"] in emails)


def update(pair: Pair, kind: str, record_id: object, *, side: str = "programme", **f: Any) -> None:
    pair.sandbox.edit({"op": "update", "side": side, "kind": kind, "id": record_id, "fields": f})


def codes(report: Record, where: str) -> list[str]:
    return [note["code"] for note in report["pairs"][0][where]]


def test_a_to_b_to_a_ends_at_a(pair: Pair) -> None:
    session, theirs = session_with(pair)
    for title in ("Other title", session["title"]):
        update(pair, "sessions", session["id"], title=title)
        pair.sync()
        assert pair.sandbox.state.swoogo["sessions"][theirs["id"]]["name"] == title


@pytest.mark.parametrize("fault", ["commit_then_drop", "truncate", "html"])
def test_a_to_b_to_a_ends_at_a_though_the_answer_to_b_was_lost(pair: Pair, fault: str) -> None:
    session, theirs = session_with(pair)
    update(pair, "sessions", session["id"], title="Other title")
    rule = {"match": {"path": "/sessions/update"}, "times": None, "do": {fault: True}}
    pair.sandbox.faults(rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("target_swoogo.swoogo._TRIES", 1)
        report = pair.sync()
    assert "swoogo_unavailable" in codes(report, "failed")
    assert pair.sandbox.state.swoogo["sessions"][theirs["id"]]["name"] == "Other title"
    pair.sandbox.faults()
    update(pair, "sessions", session["id"], title=session["title"])
    pair.sync()
    assert pair.sandbox.state.swoogo["sessions"][theirs["id"]]["name"] == session["title"]


def test_an_update_that_was_lost_and_then_refused_may_have_happened(pair: Pair) -> None:
    session, theirs = session_with(pair)
    pair.sandbox.faults(
        {"match": {"method": "PUT", "nth": 1}, "do": {"commit_then_drop": True}},
        {"match": {"method": "PUT", "nth": 2}, "do": {"errors_in_200": True}},
    )
    update(pair, "sessions", session["id"], title="Other title")
    pair.sync(max_failed_percent=100)
    assert pair.sandbox.state.swoogo["sessions"][theirs["id"]]["name"] == "Other title"
    pair.sandbox.faults()
    update(pair, "sessions", session["id"], title=session["title"])
    pair.sync()
    assert pair.sandbox.state.swoogo["sessions"][theirs["id"]]["name"] == session["title"]


def test_a_hand_edit_to_another_field_survives(pair: Pair) -> None:
    session, theirs = session_with(pair)
    update(pair, "sessions", theirs["id"], side="swoogo", name="By hand", description="By hand")
    update(pair, "sessions", session["id"], capacity=77)
    pair.sync()
    after = pair.sandbox.state.swoogo["sessions"][theirs["id"]]
    assert (after["name"], after["description"]) == ("By hand", "By hand")
    assert str(after["capacity"]) == "77"


def test_a_renamed_room_is_renamed_once(pair: Pair) -> None:
    room = next(r for r in programme(pair, "rooms") if r["name"] in names(pair, "locations"))
    count, since = len(swoogo(pair, "locations")), pair.now
    update(pair, "rooms", room["id"], name="The Attic")
    pair.sync()
    assert [call["path"].split("/")[1] for call in pair.writes(since)] == ["locations"]
    assert len(swoogo(pair, "locations")) == count
    assert "The Attic" in names(pair, "locations")


def names(pair: Pair, kind: str) -> list[str]:
    return [record["name"] for record in swoogo(pair, kind)]


def test_two_rooms_of_one_name_stay_two(pair: Pair) -> None:
    used = [r for r in programme(pair, "rooms") if r["name"] in names(pair, "locations")]
    for room in used[:2]:
        update(pair, "rooms", room["id"], name="Hall")
    pair.sync()
    assert names(pair, "locations").count("Hall") == 2
    pair.sync()
    assert names(pair, "locations").count("Hall") == 2


def test_a_changed_address_updates_the_same_speaker(pair: Pair) -> None:
    session, _ = session_with(pair)
    person = person_on(pair, session)
    count = len(swoogo(pair, "speakers"))
    update(pair, "people", person["id"], email="new.address@example.org")
    pair.sync()
    assert len(swoogo(pair, "speakers")) == count
    emails = [speaker["email"] for speaker in swoogo(pair, "speakers")]
    assert "new.address@example.org" in emails
    assert person["email"] not in emails


def headshot(pair: Pair, email: str) -> str | None:
    """The address of a speaker's picture in Swoogo."""
    (speaker,) = (s for s in swoogo(pair, "speakers") if s["email"] == email)
    picture: str = pair.sandbox.state.swoogo["contacts"][speaker["contact_id"]]["profile_picture"]
    return picture or None


def test_a_changed_address_takes_the_headshot_along(pair: Pair) -> None:
    emails = {s["email"] for s in swoogo(pair, "speakers") if headshot(pair, s["email"])}
    person = next(p for p in programme(pair, "people") if p["email"] in emails)
    since = pair.now
    update(pair, "people", person["id"], email="new.address@example.org")
    pair.sync()
    # To Swoogo another address is another contact, and the picture is the contact's.
    assert headshot(pair, "new.address@example.org")
    paths = [call["path"].split("/")[1] for call in pair.writes(since)]
    assert paths == ["speakers", "image"]
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


def test_who_lends_an_address_to_another_keeps_the_headshot(pair: Pair) -> None:
    emails = {s["email"] for s in swoogo(pair, "speakers") if headshot(pair, s["email"])}
    people = [person for person in programme(pair, "people") if person["email"] in emails]
    first, *_, last = sorted(people, key=lambda person: person["created_at"])
    before = headshot(pair, last["email"])
    update(pair, "people", first["id"], email=last["email"].upper())
    report = pair.sync()
    assert "speaker_email_shared" in codes(report, "skipped")
    update(pair, "people", first["id"], email="new.address@example.org")
    pair.sync()
    assert headshot(pair, last["email"]) == before
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


@pytest.mark.parametrize("unlink", [False, True])
def test_a_removed_speaker_is_reported_and_unlinked_only_on_request(
    pair: Pair, *, unlink: bool
) -> None:
    session, theirs = session_with(pair)
    person = person_on(pair, session)
    speaker = next(s for s in swoogo(pair, "speakers") if s["email"] == person["email"])
    pair.sandbox.edit(
        {"op": "remove_participant", "session_id": session["id"], "person_id": person["id"]}
    )
    report = pair.sync(unlink_removed_speakers=unlink)
    linked = pair.sandbox.state.swoogo["speakers"][speaker["id"]]["session_ids"]
    assert (theirs["id"] in linked) is not unlink
    noted = [n for n in report["pairs"][0]["warnings"] if n["code"] == "still_linked"]
    assert bool(noted) is not unlink
    if not unlink:
        assert "https://" in noted[0]["message"]
    since = pair.now
    pair.sync(unlink_removed_speakers=unlink)
    assert pair.writes(since) == []


def test_an_unaccepted_session_stays_and_is_listed(pair: Pair) -> None:
    session, theirs = session_with(pair)
    update(pair, "sessions", session["id"], status="declined")
    report = pair.sync()
    assert theirs["id"] in pair.sandbox.state.swoogo["sessions"]
    left = [n for n in report["pairs"][0]["warnings"] if n["code"] == "still_in_swoogo"]
    assert session["title"] in {note["name"] for note in left}


def test_what_was_deleted_in_swoogo_is_not_sent_again_until_restored(pair: Pair) -> None:
    session, theirs = session_with(pair)
    pair.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "sessions", "id": theirs["id"]})
    update(pair, "sessions", session["id"], title="Changed since")
    report = pair.sync()
    assert codes(report, "skipped").count("deleted_in_swoogo") == 1
    update(pair, "sessions", session["id"], title="Changed again")
    pair.sync()
    assert not {"Changed since", "Changed again"} & set(names(pair, "sessions"))
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger, ledger.commit():
        (recorded,) = ledger.pairs()
        tombs = [k for k, e in ledger.mapped(recorded).items() if e.state.value == "tombstone"]
        ledger.forget(recorded, tombs[0])
    pair.sync()
    (again,) = (s for s in swoogo(pair, "sessions") if s["name"] == "Changed again")
    speakers = [s for s in swoogo(pair, "speakers") if again["id"] in s["session_ids"]]
    assert len(speakers) > 0, "its people are linked to it again"


def test_a_session_found_deleted_through_a_link_is_told_by_the_same_run(pair: Pair) -> None:
    session, theirs = session_with(pair)
    used = {entry["id"] for s in programme(pair, "sessions") for entry in s["people"]}
    on_it = {entry["id"] for entry in session["people"]}
    joining = sorted(used - on_it)[:2]
    pair.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "sessions", "id": theirs["id"]})
    for person_id in joining:
        pair.sandbox.edit(
            {"op": "add_participant", "session_id": session["id"], "person_id": person_id}
        )
    check_gone(pair, pair.sync(), "session", session["id"])


def test_a_room_found_deleted_through_a_session_is_told_by_the_same_run(pair: Pair) -> None:
    room = next(r for r in programme(pair, "rooms") if r["name"] in names(pair, "locations"))
    (theirs,) = (row for row in swoogo(pair, "locations") if row["name"] == room["name"])
    by_name = {record["name"] for record in swoogo(pair, "sessions")}
    elsewhere = next(
        s
        for s in programme(pair, "sessions")
        if s["title"] in by_name and s["room_id"] != room["id"]
    )
    pair.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "locations", "id": theirs["id"]})
    update(pair, "sessions", elsewhere["id"], room_id=room["id"])
    check_gone(pair, pair.sync(), "location", room["id"])


def check_gone(pair: Pair, report: Record, kind: str, record_id: str) -> None:
    """It is among the skipped of this run and of the next, and counted once."""
    total = sum(report["pairs"][0]["counts"][kind].values())
    for one in (report, again := pair.sync()):
        (note,) = (n for n in one["pairs"][0]["skipped"] if n["id"] == record_id)
        assert note["code"] == "deleted_in_swoogo"
        assert f"target-swoogo:restore {kind} {record_id}" in note["message"]
    assert again["pairs"][0]["counts"][kind]["skipped"] >= 1
    assert sum(again["pairs"][0]["counts"][kind].values()) == total


def test_a_failure_that_is_over_is_struck_off_and_written_once(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = session_with(pair)
    refused = {"match": {"side": "swoogo", "method": "PUT"}, "do": {"errors_in_200": True}}
    update(pair, "sessions", session["id"], title="Refused")
    pair.sandbox.faults(refused)
    pair.sync(max_failed_percent=100)
    assert states(pair)["session", session["id"]] == ("failed", "swoogo_refused")
    update(pair, "sessions", session["id"], title=session["title"])
    pair.sandbox.faults()
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == [], "Swoogo has what it should have"
    assert set(states(pair).values()) == {("synced", None)}

    def save(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Ledger, "save", save)
    pair.sync()


def states(pair: Pair) -> dict[tuple[str, str], tuple[str, str | None]]:
    """How every record stands in the ledger, and why."""
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        (recorded,) = ledger.pairs()
        return {
            (kind.value, source_id): (entry.state.value, entry.code)
            for (kind, source_id), entry in ledger.mapped(recorded).items()
        }


def test_a_picture_that_failed_and_is_no_longer_there_is_no_failure(pair: Pair) -> None:
    sponsor, other = programme(pair, "sponsors")[:2]
    pair.sandbox.faults({"match": {"side": "media"}, "times": None, "do": {"html": True}})
    update(pair, "sponsors", sponsor["id"], logo_image_url=other["logo_image_url"])
    failed = {note["id"] for note in pair.sync()["pairs"][0]["failed"]}
    assert sponsor["id"] in failed
    update(pair, "sponsors", sponsor["id"], logo_image_url=None)
    pair.sync()
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        (recorded,) = ledger.pairs()
        assert ledger.images(recorded)[Kind.SPONSOR, sponsor["id"]].code is None


def test_a_removed_mapping_resumes_without_duplicates(pair: Pair) -> None:
    count, messages = len(swoogo(pair, "sessions")), pair.read()
    pair.mappings = PAIRS[1:]
    pair.load(messages)
    pair.mappings = MAIN
    since = pair.now
    pair.load(messages)
    assert pair.calls(since=since) == []
    of_main = [s for s in swoogo(pair, "sessions") if s["event_id"] == 77001]
    assert len(of_main) == count


def test_a_released_event_can_go_elsewhere_and_come_back(pair: Pair) -> None:
    count, messages = len(swoogo(pair, "sessions")), pair.read()
    pair.mappings = [{"sessionboard_event_id": 4102, "swoogo_event_id": 77001}]
    with pytest.raises(TargetError, match="target-swoogo:release 4101"):
        pair.load(messages)
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        ledger.release(4101)
    pair.mappings = [{"sessionboard_event_id": 4101, "swoogo_event_id": 77002}]
    pair.load(messages, timezone_mismatch="warn")
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        ledger.release(4101)
    pair.mappings = MAIN
    since = pair.now
    pair.load(messages)
    assert pair.writes(since) == []
    assert len([s for s in swoogo(pair, "sessions") if s["event_id"] == 77001]) == count


def test_a_changed_setting_is_applied_to_every_row(pair: Pair) -> None:
    messages = ""
    pending = [s for s in programme(pair, "sessions") if s["status"] == "pending"]
    dated = [s for s in pending if s["starts_at"] and s["ends_at"]]
    report = pair.load(messages, session_statuses=["accepted", "pending"])
    created = report["pairs"][0]["counts"]["session"]["created"]
    assert created == len(dated) > 0, "though the tap sent nothing"


def test_a_session_that_is_over_by_now_is_left_as_it_is(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = clock.utc_now() + timedelta(days=365)
    monkeypatch.setattr("target_swoogo.target.utc_now", lambda: later)
    since = pair.now
    report = pair.load("")
    assert pair.calls(since=since) == []
    assert "session_over" in codes(report, "skipped")
    assert codes(report, "warnings") == ["sessionboard_not_read"]


def test_a_run_cut_off_by_the_quota_is_finished_by_a_later_one(
    make_pair: Callable[..., Pair],
) -> None:
    pair = make_pair(MAIN, sessions=12)
    pair.sandbox.faults(quota_credits=120, quota_window_seconds=3600)
    first = pair.sync(time_budget_minutes=1)
    assert "quota_spent" in codes(first, "pending")
    assert all(call["status"] != 429 for call in pair.calls())
    runs = 0
    while runs < 5 and codes(pair.load("", time_budget_minutes=1), "pending"):
        pair.sandbox.advance(3601)
        runs += 1
    assert runs < 5
    since = pair.now
    pair.load("")
    assert pair.calls(since=since) == []
    assert len(names(pair, "sessions")) == len(set(names(pair, "sessions")))


@pytest.mark.parametrize("lag", [0, 600])
def test_a_contact_deleted_and_made_anew_makes_no_second_speaker(pair: Pair, lag: int) -> None:
    pair.sandbox.faults(list_lag_seconds=lag)
    session, _ = session_with(pair)
    person = person_on(pair, session)
    count = len(swoogo(pair, "speakers"))
    fields = {k: v for k, v in person.items() if k not in {"id", "created_at", "updated_at"}}
    on = [
        s["id"]
        for s in programme(pair, "sessions")
        if person["id"] in {p["id"] for p in s["people"]}
    ]
    pair.sandbox.edit({"op": "delete", "kind": "people", "id": person["id"]})
    (made,) = pair.sandbox.edit({"op": "create", "kind": "people", "fields": fields})
    for session_id in on:
        pair.sandbox.edit(
            {"op": "add_participant", "session_id": session_id, "person_id": made["id"]}
        )
    pair.state = {}
    pair.sync()
    assert len(swoogo(pair, "speakers")) == count


def test_what_fails_the_same_way_in_every_run_is_remembered_once(pair: Pair) -> None:
    def told() -> list[str]:
        with Glance.at(pair.target_config()["ledger_url"]) as ledger:
            return [
                one.at
                for known in ledger.pairs()
                for key, image in ledger.images(known).items()
                if image.code
                for one in ledger.told(known, key)
                if one.outcome == "failed"
            ]

    pair.sync()
    first = told()
    assert first
    pair.sync()
    assert told() == first
