"""Which records people mean, and what of a plan concerns them."""

from __future__ import annotations

import pytest
from target_swoogo.actions import Action, Change, HeldBack, Plan, Verb
from target_swoogo.model import Key, Kind, Note, Ref, Row
from target_swoogo.selection import named, narrow

HALL = Row(Kind.LOCATION, "hall", "Great Hall", {"name": "Great Hall"})
ATTIC = Row(Kind.LOCATION, "attic", "Attic", {"name": "Attic"})
OPENING = Row(
    Kind.SESSION,
    "opening",
    "Opening",
    {"name": "Opening", "location_id": Ref(Kind.LOCATION, "hall"), "track_id": None},
)
CLOSING = Row(
    Kind.SESSION,
    "closing",
    "Closing",
    {"name": "Closing", "location_id": Ref(Kind.LOCATION, "attic"), "track_id": None},
)
ADA = Row(
    Kind.SPEAKER,
    "ada",
    "Ada Abel",
    {"email": "Ada@Example.org", "first_name": "Ada"},
    sessions=("opening", "closing"),
)
ROWS = (HALL, ATTIC, OPENING, CLOSING, ADA)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("opening", {OPENING.key}),
        (" OPENING ", {OPENING.key}),
        ("ada@example.org", {ADA.key}),
        ("ada  abel", {ADA.key}),
        ("Ada", {ADA.key}),
        ("great hall", {HALL.key}),
        ("Abel", set()),
        ("", set()),
    ],
)
def test_a_name_means_what_is_called_so(name: str, keys: set[Key]) -> None:
    assert named(ROWS, [name]) == {name: keys}


def test_two_spellings_mean_the_same_and_one_name_may_mean_several() -> None:
    twin = Row(Kind.SESSION, "twin", "Opening", {"name": "Opening"})
    both = {OPENING.key, twin.key}
    assert named([*ROWS, twin], ["opening", "Opening"]) == {"opening": both, "Opening": both}


def create(row: Row) -> Action:
    return Action(Verb.CREATE, row, {name: Change(None, v) for name, v in row.fields.items()})


def link(*sessions: str) -> Action:
    return Action(Verb.LINK, ADA, sessions=sessions)


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(action.verb.value, action.row.source_id) for action in plan.actions]


def test_a_session_brings_its_room_and_no_other() -> None:
    plan = Plan([create(row) for row in ROWS] + [link("opening", "closing")])
    narrow(plan, {OPENING.key}, {})
    assert steps(plan) == [("create", "hall"), ("create", "opening")]


def test_a_session_that_is_as_it_should_be_brings_what_its_room_needs() -> None:
    rename = Action(Verb.UPDATE, HALL, {"name": Change("Hall", "Great Hall")})
    plan = Plan([rename, create(CLOSING)], unchanged=[OPENING])
    narrow(plan, {OPENING.key}, {OPENING.key: 1, HALL.key: 2})
    assert steps(plan) == [("update", "hall")]
    assert plan.unchanged == [OPENING]


def test_a_speaker_alone_is_linked_to_the_sessions_that_are_there() -> None:
    plan = Plan([create(row) for row in ROWS] + [link("opening", "closing")])
    narrow(plan, {ADA.key}, {CLOSING.key: 1})
    assert steps(plan) == [("create", "ada"), ("link", "ada")]
    assert plan.actions[1].sessions == ("closing",)


def test_a_session_is_linked_to_the_speakers_that_are_there() -> None:
    plan = Plan([create(OPENING), link("opening", "closing")])
    narrow(plan, {OPENING.key}, {ADA.key: 1, CLOSING.key: 2})
    assert steps(plan) == [("create", "opening"), ("link", "ada")]
    assert plan.actions[1].sessions == ("opening",)


def test_all_else_is_of_the_chosen_records_only() -> None:
    notes = [Note(row.kind.value, row.source_id, row.label, "x", "X.") for row in ROWS]
    held = [HeldBack(create(row), "guard", "Held.") for row in ROWS]
    plan = Plan(
        skips=[*notes],
        warnings=[*notes],
        waiting=[*notes],
        dead=[row.key for row in ROWS],
        held=held,
    )
    narrow(plan, {ADA.key}, {})
    assert plan.skips == plan.warnings == plan.waiting == [notes[-1]]
    assert plan.dead == [ADA.key]
    assert plan.held == [held[-1]]
