"""Every loose end of the vendor's records and answers."""

from __future__ import annotations

import contextlib
import io
import json
import typing as t

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_sessionboard.tap import TapSessionboard

BASE = "https://public-api.sessionboard.com"

PERSON = {"id": "p1", "first_name": "Ada", "email": "ada@example.org", "order": 0}


def test_sessions_ask_for_the_programme_of_every_status_with_its_parts(
    api: t.Any, run: t.Any
) -> None:
    api.add_event()
    for status in ("accepted", "pending", "declined"):
        api.add("sessions", status, status=status, is_abstract=False)
    api.add("sessions", "submission", status="accepted", is_abstract=True)
    assert run().ids("sessions") == ["accepted", "pending", "declined"]
    (body,) = api.searches("sessions")
    assert body["filters"] == {"isAbstract": False}
    assert body["expand"] == ["subsession_details"]


@pytest.mark.parametrize("name", ["track", "room", "level", "language", "format"])
def test_what_is_not_assigned_is_null(api: t.Any, run: t.Any, name: str) -> None:
    api.add_event()
    api.add("sessions", "a", **{name: {}, "subsessions": [{"id": "b", name: {}}]})
    api.add("sessions", "c", **{name: {"id": "x", "name": "X"}})
    empty, assigned = run().records("sessions")
    assert empty[name] is None
    assert empty["subsessions"][0][name] is None
    assert assigned[name] == {"id": "x", "name": "X"}


def test_what_is_not_assigned_is_null_however_it_is_spelt(api: t.Any, run: t.Any) -> None:
    api.add_event()
    text = '{"results": [{"id": "a", "room": { }, "track": {}}], "pagination": %s}'
    pagination = '{"totalResults": 1, "totalPages": 1}'
    api.mocker.post(f"{BASE}/v1/event/1/sessions", text=text % pagination)
    (record,) = run(only="sessions").records("sessions")
    assert (record["room"], record["track"]) == (None, None)


def test_a_field_that_is_not_selected_is_left_out(api: t.Any) -> None:
    api.add_event()
    api.add("sessions", "a", title="T", description="D", room={"id": "r", "name": "R"})
    catalog = TapSessionboard(validate_config=False).catalog_dict
    left_out = [["properties", "description"], ["properties", "room", "properties", "name"]]
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = entry["breadcrumb"] not in left_out
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        TapSessionboard(config={"access_token": "t"}, catalog=catalog).sync_all()
    messages = [json.loads(line) for line in out.buffer.getvalue().splitlines()]  # type: ignore[attr-defined]
    (record,) = (
        m["record"] for m in messages if (m["type"], m.get("stream")) == ("RECORD", "sessions")
    )
    assert (record["title"], record["room"]) == ("T", {"id": "r"})
    assert "description" not in record


def test_a_stream_map_is_followed(api: t.Any, run: t.Any) -> None:
    api.add_event()
    api.add("sessions", "a", title="T", description="D")
    mapped = {"id": "id", "event_id": "event_id", "called": "title", "__else__": None}
    (record,) = run(only="sessions", stream_maps={"sessions": mapped}).records("sessions")
    assert record == {"id": "a", "event_id": 1, "called": "T"}


def test_records_are_flattened_where_that_is_set(api: t.Any, run: t.Any) -> None:
    api.add_event()
    api.add("sessions", "a", room={"id": "r", "name": "R"})
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}
    (record,) = run(only="sessions", **flat).records("sessions")
    assert record["room__name"] == "R"
    assert "room" not in record


@pytest.mark.parametrize(
    "text",
    ["2025-03-14T23:02:51.562+00:00", "2025-03-14T23:02:51.562Z", "2025-03-15T00:02:51.562+01:00"],
)
def test_every_form_of_a_timestamp_becomes_one(api: t.Any, run: t.Any, text: str) -> None:
    api.add_event()
    track = {"id": "t", "updated_at": text}
    api.add("sessions", "a", updated_at=text, starts_at=text, ends_at="", track=track)
    (record,) = run().records("sessions")
    same = "2025-03-14T23:02:51.562000+00:00"
    assert (record["updated_at"], record["starts_at"]) == (same, same)
    assert record["track"]["updated_at"] == same
    assert record["ends_at"] is None


@pytest.mark.parametrize("text", ["soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_date_that_is_none_names_the_record(api: t.Any, run: t.Any, text: str) -> None:
    api.add_event()
    api.add("sessions", "a", starts_at=text)
    run(
        fails=FatalAPIError,
        match="record a of the sessions of event 1 with a starts_at that is not",
    )


def test_fields_that_nobody_declared_pass_through_at_every_depth(api: t.Any, run: t.Any) -> None:
    api.add_event()
    api.add("sessions", "a", novel={"deep": [1]}, participants=[{**PERSON, "novel": {}}])
    api.add("sponsors", "b", address_coutnry="US", custom_fields=[{"id": "f", "value": ["x", 1]}])
    read = run()
    (session,) = read.records("sessions")
    assert session["novel"] == {"deep": [1]}
    assert session["participants"][0]["novel"] == {}
    (sponsor,) = read.records("sponsors")
    assert sponsor["address_coutnry"] == "US"
    assert sponsor["custom_fields"][0]["value"] == ["x", 1]


def test_both_ways_of_listing_people_pass_through(api: t.Any, run: t.Any) -> None:
    role = {"id": "r", "name": "Panelist", "core_role": "speaker"}
    people = {
        "participants": [{**PERSON, "is_public": True, "participant_role": role}],
        "speakers": [PERSON],
        "chairpersons": [{**PERSON, "id": "p2"}],
        "moderators": [],
    }
    api.add_event()
    api.add("sessions", "a", **people, subsessions=[{"id": "b", "status": None, **people}])
    (record,) = run().records("sessions")
    assert {name: record[name] for name in people} == people
    assert {name: record["subsessions"][0][name] for name in people} == people
    assert record["subsessions"][0]["status"] is None


ENVELOPES: dict[str, t.Any] = {
    "results": lambda records, pagination: {"results": records, "pagination": pagination},
    "data": lambda records, pagination: {"data": records, "pagination": pagination},
    "data, snake case": lambda records, pagination: {
        "data": records,
        "pagination": {
            "total_pages": pagination["totalPages"],
            "total_results": pagination["totalResults"],
        },
    },
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_known_envelopes_are_opened(api: t.Any, run: t.Any, name: str) -> None:
    api.envelope = ENVELOPES[name]
    api.add_event()
    for number in range(3):
        api.add("rooms", f"r{number}")
    assert run(page_size=2).ids("rooms") == ["r0", "r1", "r2"]


def test_a_bare_array_is_the_whole_list(api: t.Any, run: t.Any) -> None:
    api.envelope = lambda records, _pagination: records
    api.add_event()
    api.add("rooms", "r0")
    assert run(page_size=2).ids("rooms") == ["r0"]


@pytest.mark.parametrize(
    "envelope",
    [
        lambda records, _: {"items": records},
        lambda records, _: {"results": records},
        lambda records, _: {"results": records, "pagination": {"totalPages": "1"}},
        lambda records, _: {"results": {"0": records}, "pagination": {}},
        lambda _records, _: "nothing",
        lambda _records, pagination: {"results": [{"name": "no id"}], "pagination": pagination},
        lambda _records, pagination: {"results": ["text"], "pagination": pagination},
    ],
)
def test_any_other_envelope_is_an_error(api: t.Any, run: t.Any, envelope: t.Any) -> None:
    api.add_event()
    api.envelope = envelope
    assert run(fails=FatalAPIError).messages[-1]["type"] != "RECORD"


def test_masked_e_mails_are_warned_of_once_for_each_event(
    api: t.Any, run: t.Any, caplog: pytest.LogCaptureFixture
) -> None:
    masked = {"email": "j***@a***.com"}
    for event_id in (1, 2, 3):
        api.add_event(event_id)
    api.add("speakers", "p1", **masked)
    api.add("speakers", "p2", **masked)
    api.add("sessions", "a", participants=[{"id": "p1", **masked}, {"id": "p3", **masked}])
    api.add("sponsors", "s", event_id=2, contacts=[{"id": "p4", **masked}])
    api.add("speakers", "p5", event_id=3, email="jane@example.org")
    run()
    warnings = [r.getMessage() for r in caplog.records if "masks e-mail" in r.getMessage()]
    assert len(warnings) == 2
    assert "in event 1 (people in this run: 3)" in warnings[0]
    assert "in event 2 (people in this run: 1)" in warnings[1]
    assert "@" not in "".join(warnings)


def test_only_the_named_events_are_read(api: t.Any, run: t.Any) -> None:
    for event_id in (3, 1, 2):
        api.add_event(event_id)
        api.add("rooms", f"r{event_id}", event_id=event_id)
    assert run(event_ids=[3, 1]).ids("rooms") == ["r1", "r3"]
    assert run().ids("events") == [1, 2, 3]
    assert run(event_ids=[]).ids("events") == [1, 2, 3]


def test_events_are_read_page_by_page(api: t.Any, run: t.Any) -> None:
    for event_id in range(1, 6):
        api.add_event(event_id)
    assert run(page_size=2, only="events").ids("events") == [1, 2, 3, 4, 5]


def test_the_streams_of_an_event_do_not_need_the_stream_of_events(api: t.Any, run: t.Any) -> None:
    api.add_event()
    api.add("rooms", "hall")
    read = run(only="rooms")
    assert read.ids("rooms") == ["hall"]
    assert read.ids("events") == []


def test_the_request_is_what_the_reference_asks_for(api: t.Any, run: t.Any) -> None:
    api.add_event()
    run(user_agent="conference/1")
    for request in api.requests:
        assert request["headers"]["x-access-token"] == "tok-5ecret"
        assert request["headers"]["User-Agent"] == "conference/1"
        assert (request["page"], request["size"]) == (1, 100)
    api.requests.clear()
    run()
    assert api.requests[0]["headers"]["User-Agent"].startswith("tap-sessionboard/")


def test_what_no_utf_8_can_hold_is_written_all_the_same(api: t.Any, run: t.Any) -> None:
    api.add_event()
    api.add("sessions", "a", title="half of a pair: \ud83d", capacity=10**30)
    (record,) = run(only="sessions").records("sessions")
    assert (record["title"], record["capacity"]) == ("half of a pair: \ud83d", 10**30)
