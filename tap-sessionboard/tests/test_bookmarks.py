"""What the state says, and what the next run makes of it."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_sessionboard.tap import TapSessionboard

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
NOON_TEXT = "2026-03-01T12:00:00.000Z"


def add_at(api: t.Any, kind: str, record_id: str, updated: datetime, **fields: t.Any) -> None:
    api.add(kind, record_id, updated_at=updated.isoformat(), **fields)


def test_every_event_has_its_own_bookmark(api: t.Any, run: t.Any) -> None:
    for event_id, days in ((1, 1), (2, 5)):
        api.add_event(event_id)
        add_at(api, "sessions", f"s{event_id}", NOON + timedelta(days=days), event_id=event_id)
    first = run()
    assert first.bookmark("sessions", 1) == NOON + timedelta(days=1)
    assert first.bookmark("sessions", 2) == NOON + timedelta(days=5)
    api.requests.clear()
    run(first.state)
    for event_id, after in ((1, "2026-03-02T11:54:59.999Z"), (2, "2026-03-06T11:54:59.999Z")):
        (body,) = api.searches("sessions", event_id)
        assert body["filters"] == {"isAbstract": False, "updatedAt": {"after": after}}


def test_every_record_carries_the_number_of_its_event(api: t.Any, run: t.Any) -> None:
    kinds = ("sessions", "session_statuses", "speakers", "sponsors", "rooms", "tracks")
    for event_id in (1, 2):
        api.add_event(event_id)
        for kind in kinds:
            api.add(kind, "same", event_id)
    read = run()
    for kind in kinds:
        assert [record["event_id"] for record in read.records(kind)] == [1, 2]


def test_only_changing_lists_have_bookmarks(api: t.Any, run: t.Any) -> None:
    api.add_event()
    for kind in ("sessions", "session_statuses", "speakers", "sponsors", "rooms", "tracks"):
        api.add(kind, "x")
    bookmarks = run().state["bookmarks"]
    assert {
        name
        for name, state in bookmarks.items()
        if any("replication_key_value" in part for part in state.get("partitions", []))
    } == {"sessions", "session_statuses", "speakers", "sponsors"}
    assert "progress_markers" not in str(bookmarks)


@pytest.mark.parametrize("includes_moment", [True, False])
def test_a_record_of_the_bookmarks_own_moment_is_not_missed(
    api: t.Any, run: t.Any, *, includes_moment: bool
) -> None:
    """It is not documented whether ``after`` includes the moment it names."""
    api.after_includes_moment = includes_moment
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    first = run(lookback_minutes=0)
    add_at(api, "sessions", "b", NOON)
    assert "b" in run(first.state, lookback_minutes=0).ids("sessions")


def test_a_change_that_a_stale_answer_hid_is_within_the_look_back(api: t.Any, run: t.Any) -> None:
    api.add_event()
    add_at(api, "speakers", "a", NOON)
    first = run()
    add_at(api, "speakers", "hidden", NOON - timedelta(minutes=4))
    add_at(api, "speakers", "older", NOON - timedelta(minutes=6))
    assert run(first.state).ids("speakers") == ["a", "hidden"]


def test_start_date_bounds_what_is_read(api: t.Any, run: t.Any) -> None:
    api.add_event()
    add_at(api, "sponsors", "old", NOON - timedelta(seconds=1))
    add_at(api, "sponsors", "new", NOON)
    first = run(start_date=NOON_TEXT)
    assert first.ids("sponsors") == ["new"]
    api.requests.clear()
    run(first.state, start_date=NOON_TEXT)
    (body,) = api.searches("sponsors")
    assert body["filters"]["updatedAt"]["after"] == NOON_TEXT


def test_rooms_and_tracks_are_read_whole_every_time(api: t.Any, run: t.Any) -> None:
    api.add_event()
    api.add("rooms", "hall")
    api.add("tracks", "web")
    first = run(start_date="2030-01-01T00:00:00Z")
    second = run(first.state, start_date="2030-01-01T00:00:00Z")
    for read in (first, second):
        assert read.ids("rooms") == ["hall"]
        assert read.ids("tracks") == ["web"]


def test_the_bookmark_does_not_pass_the_start_of_the_read(api: t.Any, run: t.Any) -> None:
    api.add_event()
    future = datetime.now(timezone.utc) + timedelta(hours=2)
    add_at(api, "sessions", "a", future)
    bookmark = run().bookmark("sessions")
    assert bookmark is not None
    assert bookmark < future - timedelta(hours=1)


def test_a_clock_of_ours_that_is_fast_does_not_carry_the_bookmark_along(
    api: t.Any, run: t.Any
) -> None:
    api.headers["Date"] = format_datetime(NOON, usegmt=True)
    api.add_event()
    add_at(api, "sessions", "a", NOON + timedelta(minutes=1))
    bookmark = run().bookmark("sessions")
    assert bookmark is not None
    assert NOON - timedelta(minutes=1) < bookmark <= NOON


def test_a_clock_of_ours_that_is_slow_is_not_overtaken_either(api: t.Any, run: t.Any) -> None:
    ahead = datetime.now(timezone.utc) + timedelta(hours=2)
    api.headers["Date"] = format_datetime(ahead, usegmt=True)
    api.add_event()
    add_at(api, "sessions", "a", ahead)
    bookmark = run().bookmark("sessions")
    assert bookmark is not None
    assert bookmark < ahead - timedelta(hours=1)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_date_header_that_says_nothing_is_done_without(api: t.Any, run: t.Any, date: str) -> None:
    api.headers["Date"] = date
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    assert run().bookmark("sessions") == NOON


def test_an_interrupted_read_does_not_move_the_bookmark(api: t.Any, run: t.Any) -> None:
    api.add_event()
    for number in range(4):
        add_at(api, "sessions", f"s{number}", NOON + timedelta(minutes=number))
    first = run(page_size=2, only="sessions")
    state = first.state
    for number in range(4):
        api.edit("sessions", f"s{number}")

    def fail(kind: str, _event_id: int, page: int) -> None:
        if kind == "sessions" and page == 2:
            msg = "on purpose"
            raise FatalAPIError(msg)

    api.before_page = fail
    cut = run(state, page_size=2, only="sessions", fails=FatalAPIError)
    assert cut.bookmark("sessions") == first.bookmark("sessions")
    api.before_page = lambda *_: None
    assert run(cut.state, page_size=2, only="sessions").ids("sessions") == ["s0", "s1", "s2", "s3"]


def test_nothing_new_leaves_the_bookmark(api: t.Any, run: t.Any) -> None:
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    first = run()
    api.delete("sessions", "a")
    second = run(first.state)
    assert second.ids("sessions") == []
    assert second.bookmark("sessions") == NOON


def test_a_record_without_an_update_time_is_read_and_moves_nothing(api: t.Any, run: t.Any) -> None:
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    del api.add("sessions", "b")["updated_at"]
    api.add("sessions", "c", updated_at=None)
    read = run(only="sessions")
    assert read.ids("sessions") == ["a", "b", "c"]
    assert read.bookmark("sessions") == NOON


def test_an_update_time_that_is_no_text_stops_nothing(api: t.Any, run: t.Any) -> None:
    api.add_event()
    for name in ("a", "b", "c"):
        api.add("sessions", name, updated_at=1)
    assert run(only="sessions", page_size=2).ids("sessions") == ["a", "b", "c"]


def test_a_bookmark_of_either_form_is_understood(api: t.Any, run: t.Any) -> None:
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    state = run().state
    (partition,) = state["bookmarks"]["sessions"]["partitions"]
    api.requests.clear()
    for text in ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00.000+01:00"):
        partition["replication_key_value"] = text
        run(state)
    assert [body["filters"]["updatedAt"]["after"] for body in api.searches("sessions")] == [
        "2026-03-01T11:54:59.999Z",
    ] * 2


def test_everything_is_read_again_when_the_last_time_is_long_ago(api: t.Any, run: t.Any) -> None:
    """A speaker attached without a new ``updated_at`` is found by then at the latest."""
    api.add_event()
    add_at(api, "sessions", "a", NOON - timedelta(days=9), speakers=[])
    add_at(api, "sessions", "b", NOON)
    state = run().state
    api.records("sessions")[0]["speakers"] = [{"id": "new"}]
    assert run(state).ids("sessions") == ["b"]
    again = run(state, full_read_hours=0)
    assert again.ids("sessions") == ["a", "b"]
    (partition,) = state["bookmarks"]["sessions"]["partitions"]
    before = datetime.fromisoformat(partition["full_read_at"])
    partition["full_read_at"] = (before - timedelta(minutes=61)).isoformat()
    later = run(state)
    assert later.ids("sessions") == ["a", "b"]
    assert datetime.fromisoformat(later.partition("sessions")["full_read_at"]) >= before


def test_the_state_keeps_how_many_records_the_last_two_full_reads_gave(
    api: t.Any, run: t.Any
) -> None:
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    add_at(api, "sessions", "b", NOON)
    first = run()
    assert first.partition("sessions")["full_read_counts"] == [2]
    changes = run(first.state)
    assert changes.partition("sessions")["full_read_counts"] == [2], "only what changed was read"
    api.records("sessions").pop()
    second = run(changes.state, full_read_hours=0)
    assert second.partition("sessions")["full_read_counts"] == [2, 1]
    third = run(second.state, full_read_hours=0)
    assert third.partition("sessions")["full_read_counts"] == [1, 1]


def test_a_deletion_is_read_though_it_changes_no_update_time(api: t.Any, run: t.Any) -> None:
    api.add_event()
    for name in ("a", "b"):
        add_at(api, "session_statuses", name, NOON, deleted_at=None)
    add_at(api, "session_statuses", "c", NOON + timedelta(days=1), deleted_at=None)
    first = run()
    assert first.ids("session_statuses") == ["a", "b", "c"]
    api.records("session_statuses")[1]["deleted_at"] = "2026-03-05T00:00:00Z"
    api.requests.clear()
    second = run(first.state)
    assert [
        record["id"] for record in second.records("session_statuses") if record["deleted_at"]
    ] == ["b"]
    after = {"after": "2026-03-02T11:54:59.999Z"}
    assert [body["filters"] for body in api.searches("session_statuses")] == [
        {"updatedAt": after},
        {"deletedAt": after},
    ]


def test_a_deletion_that_changes_the_update_time_is_read_once(api: t.Any, run: t.Any) -> None:
    api.add_event()
    add_at(api, "session_statuses", "a", NOON)
    first = run()
    later = (NOON + timedelta(days=1)).isoformat()
    api.records("session_statuses")[0].update(updated_at=later, deleted_at=later)
    assert run(first.state).ids("session_statuses") == ["a"]


def test_a_deletion_during_the_read_is_read_by_the_next_run(api: t.Any, run: t.Any) -> None:
    api.add_event()
    for number in range(4):
        add_at(api, "session_statuses", f"s{number}", NOON, deleted_at=None)

    def delete(kind: str, _event_id: int, page: int) -> None:
        if kind == "session_statuses" and page == 2:
            now = datetime.now(timezone.utc).isoformat()
            api.records("session_statuses")[0]["deleted_at"] = now

    api.before_page = delete
    first = run(only="session_statuses", page_size=2)
    api.before_page = lambda *_: None
    second = run(first.state, only="session_statuses", page_size=2)
    assert {r["id"] for r in second.records("session_statuses") if r["deleted_at"]} == {"s0"}


def test_a_catalogue_may_ask_for_the_full_table(api: t.Any, run: t.Any) -> None:
    """The bookmark then plays no part."""
    api.add_event()
    add_at(api, "sessions", "a", NOON)
    state = run().state
    catalog = TapSessionboard(validate_config=False).catalog_dict
    for stream in catalog["streams"]:
        if stream["tap_stream_id"] == "sessions":
            stream["replication_method"] = "FULL_TABLE"
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    api.requests.clear()
    TapSessionboard(config={"access_token": "t"}, state=state, catalog=catalog).sync_all()
    (body,) = api.searches("sessions")
    assert "updatedAt" not in body["filters"]
