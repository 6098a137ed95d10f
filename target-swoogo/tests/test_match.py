"""Recognising records in Swoogo."""

from __future__ import annotations

from target_swoogo.match import best, candidates, found, natural_key
from target_swoogo.model import Kind
from target_swoogo.values import line


def test_case_and_spacing_do_not_matter() -> None:
    ours = {"name": "Opening  Keynote", "date": "2027-03-10", "start_time": "09:00:00"}
    theirs = {"name": " opening keynote", "date": "2027-03-10", "start_time": "09:00:00"}
    assert natural_key(Kind.SESSION, ours) == natural_key(Kind.SESSION, theirs)
    assert natural_key(Kind.SPEAKER, {"email": "A@X.org"}) == ("a@x.org",)


def test_what_is_written_with_a_space_is_recognised_as_people_write_it_without() -> None:
    name = line("Sorting a  Vec<T>")
    assert name == "Sorting a Vec< T>"
    theirs = {"name": "Sorting a Vec<T>"}
    assert natural_key(Kind.TRACK, {"name": name}) == natural_key(Kind.TRACK, theirs)


def test_an_answer_is_read_in_the_form_in_which_it_is_written() -> None:
    raw = {
        "id": 5,
        "capacity": "20",
        "description": "",
        "level": {"id": 2, "value": "Gold"},
        "location_id": {"id": "", "value": None},
        "track_id": None,
        "date": "2027-03-10",
    }
    assert found(raw).fields == {
        "capacity": 20,
        "description": None,
        "level": 2,
        "location_id": None,
        "track_id": None,
        "date": "2027-03-10",
    }


def test_a_natural_key_finds_its_candidates() -> None:
    records = [found({"id": n, "name": name}) for n, name in enumerate(["Hall", "hall ", "Foyer"])]
    keys = {natural_key(Kind.LOCATION, {"name": "HALL"})}
    assert [r.swoogo_id for r in candidates(Kind.LOCATION, keys, records)] == [0, 1]


def test_among_several_only_full_agreement_decides() -> None:
    records = [found({"id": n, "name": "Hall", "capacity": n}) for n in (1, 2)]
    assert best({"name": "Hall", "capacity": 2}, records) is records[1]
    assert best({"name": "Hall"}, records) is None
    assert best({"name": "Hall", "capacity": 3}, records) is None
    assert best({"name": "x"}, records[:1]) is records[0]
    assert best({"name": "x"}, []) is None
