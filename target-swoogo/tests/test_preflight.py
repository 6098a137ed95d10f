"""The look over the agenda: what an organiser would want to know, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.model import Key, Kind, Note, Picture, Programme, Ref, Row, Uploaded
from target_swoogo.preflight import look_over

if TYPE_CHECKING:
    from collections.abc import Mapping


def session(source_id: str, start: str, end: str, room: str | None = None, **fields: Any) -> Row:
    times = {"date": "2027-03-09", "start_time": f"{start}:00", "end_time": f"{end}:00"}
    place = {"location_id": Ref(Kind.LOCATION, room) if room else None}
    title = source_id.title()
    return Row(Kind.SESSION, source_id, title, {"name": title, **times, **place, **fields})


def person(name: str, *sessions: str, **fields: Any) -> Row:
    values = {"first_name": name, "last_name": "Abel", **fields}
    return Row(Kind.SPEAKER, name.casefold(), f"{name} Abel", values, sessions=sessions)


def look(*rows: Row, nested: bool = False) -> list[Note]:
    return look_over(Programme(list(rows)), {}, nested=nested)


def told(*rows: Row, nested: bool = False) -> list[tuple[str, str]]:
    return [(note.code, note.source_id) for note in look(*rows, nested=nested)]


OPENING, KEYNOTE = session("opening", "09:00", "10:00"), session("keynote", "09:30", "10:30")


def test_a_speaker_in_two_places_is_one_note_for_all_who_are() -> None:
    people = [person(name, "opening", "keynote") for name in ("Ada", "Ben", "Cyd", "Dee")]
    assert look(OPENING, KEYNOTE, people[0])[0].message == (
        'Ada Abel is on "Opening" and on "Keynote", which overlap on 2027-03-09; move one of the '
        "two sessions in Sessionboard, or take them off one."
    )
    (note,) = look(OPENING, KEYNOTE, *people)
    assert (note.code, note.source_id) == ("speaker_in_two_places", "keynote")
    assert note.message.startswith("4 people (Ada Abel, Ben Abel, Cyd Abel and 1 more) are on")


@pytest.mark.parametrize(
    "other",
    [
        session("keynote", "10:00", "11:00"),
        session("keynote", "09:30", "10:30", date="2027-03-10"),
        session("unlinked", "09:30", "10:30"),
    ],
    ids=["one after the other", "another day", "another speaker's"],
)
def test_what_does_not_overlap_is_no_clash(other: Row) -> None:
    assert told(OPENING, other, person("Ada", "opening", "keynote", "over")) == []


def test_a_long_session_clashes_with_each_within_it() -> None:
    rows = [
        session("camp", "09:00", "17:00", "hall"),
        session("talk", "10:00", "11:00", "hall"),
        session("break", "11:00", "12:00", "hall"),
        session("party", "17:00", "18:00", "hall"),
        session("panel", "09:00", "10:00", "attic"),
    ]
    clashes = [("room_double_booked", "talk"), ("room_double_booked", "break")]
    assert told(*rows) == clashes
    assert told(*rows, nested=True) == [], "subsessions are parts of it"
    late = session("late", "16:30", "17:30", "hall")
    assert told(*rows[:3], late, nested=True) == [("room_double_booked", "late")]


def test_a_session_of_no_length_is_told() -> None:
    assert told(session("opening", "09:00", "09:00")) == [("session_without_length", "opening")]


@pytest.mark.parametrize(
    ("kind", "size", "small"),
    [
        (Kind.SPEAKER, (299, 900), True),
        (Kind.SPEAKER, (300, 300), False),
        (Kind.SPONSOR, (300, 40), False),
        (Kind.SPONSOR, (299, 40), True),
        (Kind.SPONSOR, (None, None), False),
    ],
)
def test_an_image_too_small_to_print_is_told(
    kind: Kind, size: tuple[int | None, int | None], *, small: bool
) -> None:
    row = Row(kind, "a", "Ada", {}, picture=Picture("https://x.test/a.png", "v"))
    images: Mapping[Key, Uploaded] = {row.key: Uploaded("", "", width=size[0], height=size[1])}
    assert [n.code for n in look_over(Programme([row]), images)] == ["image_small"] * small
    gone = Row(kind, "a", "Ada", {})
    assert look_over(Programme([gone]), images) == []


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "TBA"),
        ("name", "Keynote (TBD)"),
        ("name", "test"),
        ("name", "???"),
        ("name", "My Test Session 4"),
        ("description", "<p>Lorem ipsum dolor</p>"),
        ("description", "<p>Details TBC.</p>"),
        ("description", "Room to be announced"),
        ("description", "asdfasdf"),
        ("description", "About xxx and more"),
        ("first_name", "Tbd"),
        ("job_title", "n/a"),
    ],
)
def test_a_placeholder_is_told(field: str, text: str) -> None:
    row = Row(Kind.SESSION, "a", "A", {"start_time": "1", "end_time": "2", field: text})
    assert told(row) == [("placeholder_text", "a")]


@pytest.mark.parametrize(
    "text",
    [
        "Testing in production",
        "What is to be done",
        "<p>A test of nerves; TBAs and Xxxtra</p>",
        "Super Bowl XXX",
        "?",
    ],
)
def test_real_text_is_no_placeholder(text: str) -> None:
    row = Row(Kind.SESSION, "a", "A", {"start_time": "1", "end_time": "2", "description": text})
    assert told(row) == []
    named = Row(Kind.SESSION, "a", "A", {"start_time": "1", "end_time": "2", "name": text})
    assert told(named) == [("placeholder_text", "a")] * (text == "?")
