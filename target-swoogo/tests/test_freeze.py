"""The freeze: near the event, only times and rooms of known sessions go through."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from target_swoogo.actions import Applied, Observed, Plan, Verb
from target_swoogo.approvals import to_keep
from target_swoogo.freeze import freeze, is_frozen
from target_swoogo.model import (
    Found,
    Held,
    Key,
    Kind,
    Mapped,
    Note,
    Picture,
    Programme,
    Ref,
    Row,
    State,
)
from target_swoogo.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_swoogo.settings import Settings

    MakeSettings = Callable[..., Settings]

ZONE = ZoneInfo("America/New_York")
HALL, ATTIC = Ref(Kind.LOCATION, "hall"), Ref(Kind.LOCATION, "attic")
TIMES = {"date": "2027-03-09", "start_time": "09:00:00", "end_time": "10:00:00"}


def session(source_id: str, **fields: Any) -> Row:
    values = {"name": source_id, **TIMES, "location_id": HALL, **fields}
    return Row(Kind.SESSION, source_id, source_id, values, "2027")


def room(ref: Ref, name: str) -> Row:
    return Row(Kind.LOCATION, ref.source_id, name, {"name": name})


def known(row: Row, swoogo_id: int = 7, **applied: Any) -> Mapped:
    fields: dict[str, Any] = {**row.fields, **applied}
    return Mapped(row.kind, row.source_id, row.label, swoogo_id, fields, State.SYNCED)


def frozen(
    settings: Settings,
    rows: list[Row],
    *entries: Mapped,
    approved: Iterable[Held] = (),
    matches: dict[Key, list[Found]] | None = None,
    links: dict[tuple[str, str], bool] | None = None,
) -> Plan:
    programme = Programme(rows)
    applied = Applied({entry.key: entry for entry in entries}, links or {}, {}, {})
    plan = make_plan(programme, applied, Observed(None, matches or {}), settings, 0.0)
    freeze(plan, programme, applied, 24, approved)
    return plan


def steps(plan: Plan) -> list[tuple[str, str, set[str]]]:
    return [(a.verb.value, a.row.source_id, set(a.changes)) for a in plan.actions]


def held(plan: Plan) -> list[tuple[str, str, set[str]]]:
    assert {one.code for one in plan.held} <= {"frozen"}
    return [(h.action.verb.value, h.action.row.source_id, set(h.action.changes)) for h in plan.held]


def test_times_and_rooms_of_known_sessions_go_and_all_else_is_held(
    settings: MakeSettings,
) -> None:
    person = replace(
        Row(Kind.SPEAKER, "ada", "Ada", {"bio": "x"}, sessions=("old", "new")),
        picture=Picture("https://x.test/a.png", "v"),
    )
    rows = [
        room(HALL, "Great Hall"),
        room(ATTIC, "Attic"),
        room(Ref(Kind.LOCATION, "cellar"), "Cellar"),
        session("old", start_time="09:30:00", location_id=ATTIC, name="Renamed"),
        session("same"),
        session("new", location_id=Ref(Kind.LOCATION, "cellar")),
        person,
    ]
    plan = frozen(
        settings(),
        rows,
        known(rows[0], 1, name="Hall"),
        known(session("old"), 2, location_id=1),
        known(session("same"), 3, location_id=1),
        known(person, 4, bio="y"),
    )
    assert steps(plan) == [
        ("create", "attic", {"name"}),
        ("update", "hall", {"name"}),
        ("update", "old", {"start_time", "location_id"}),
    ]
    assert held(plan) == [
        ("create", "cellar", {"name"}),
        ("update", "ada", {"bio"}),
        ("create", "new", {"name", *TIMES, "location_id"}),
        ("update", "old", {"name"}),
        ("link", "ada", set()),
        ("image", "ada", {"picture"}),
    ]
    assert "freeze_hours (24)" in plan.held[0].message
    assert "target-swoogo:approve" in plan.held[0].message


def approve(plan: Plan) -> list[Held]:
    return [replace(one, approved=True) for one in to_keep(plan.held, (), ())]


def test_what_was_approved_goes_in_the_freeze_too(settings: MakeSettings) -> None:
    rows = [session("old", name="Renamed"), session("new", location_id=None)]
    entries = [known(session("old"), location_id=None)]
    first = frozen(settings(), rows, *entries)
    assert [h.action.verb for h in first.held] == [Verb.CREATE, Verb.UPDATE]
    approved = approve(first)
    again = frozen(settings(), rows, *entries, approved=approved)
    assert (len(again.actions), again.held) == (2, [])
    match = Found(9, {**rows[1].fields, "name": "NEW"}, {})
    found = frozen(settings(), rows, *entries, approved=approved, matches={rows[1].key: [match]})
    assert [action.verb for action in found.actions] == [Verb.ADOPT, Verb.UPDATE]
    assert found.actions[0].changes.keys() == {"name"}, "an approved record may turn up in Swoogo"


def test_an_adoption_is_noted_but_what_it_would_change_is_held(settings: MakeSettings) -> None:
    row = session("new", location_id=None, start_time="09:30:00")
    match = Found(9, {**row.fields, "name": "NEW", "start_time": "09:00:00"}, {})
    first = frozen(settings(), [row], matches={row.key: [match]})
    assert steps(first) == [("adopt", "new", {"start_time"})]
    assert held(first) == [("update", "new", {"name"})]
    later = frozen(settings(), [row], known(row, name="NEW"), approved=approve(first))
    assert steps(later) == [("update", "new", {"name"})], "approved before it was known"


def test_another_picture_is_another_change(settings: MakeSettings) -> None:
    person = Row(Kind.SPEAKER, "ada", "Ada", {}, picture=Picture("https://x.test/a.png", "v1"))
    approved = approve(frozen(settings(), [person], known(person)))
    other = replace(person, picture=Picture("https://x.test/a.png", "v2"))
    assert steps(frozen(settings(), [person], known(person), approved=approved))
    assert not steps(frozen(settings(), [other], known(other), approved=approved))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2027-03-08T13:59:00", False),
        ("2027-03-08T14:00:00", True),
        ("2027-03-10T20:00:00", True),
        ("2027-03-11T15:00:00", False),
    ],
    ids=["early", "a day before", "on", "over"],
)
def test_the_freeze_lasts_from_before_the_first_session_to_the_end_of_the_last(
    now: str, *, expected: bool
) -> None:
    # In March, New York is five hours behind.
    programme = Programme([session("a"), session("b", date="2027-03-11")])
    assert is_frozen(programme, Applied({}, {}, {}, {}), ZONE, 24, at(now)) is expected
    assert not is_frozen(programme, Applied({}, {}, {}, {}), ZONE, 0, at(now))


def test_a_night_between_two_days_is_within_the_freeze() -> None:
    programme = Programme(
        [session("b", date="2027-03-10")], [Note("session", "a", "A", "session_over", "")]
    )
    applied = Applied({(Kind.SESSION, "a"): known(session("a"))}, {}, {}, {})
    assert is_frozen(programme, applied, ZONE, 1, at("2027-03-10T03:00:00"))
    assert not is_frozen(programme, Applied({}, {}, {}, {}), ZONE, 1, at("2027-03-10T03:00:00"))


def test_times_adopted_in_another_form_are_passed_over() -> None:
    programme = Programme([session("b")], [Note("session", "a", "A", "session_over", "")])
    odd = known(session("a"), date="9 March")
    applied = Applied({(Kind.SESSION, "a"): odd}, {}, {}, {})
    assert is_frozen(programme, applied, ZONE, 24, at("2027-03-09T12:00:00"))
    assert not is_frozen(Programme(), applied, ZONE, 24, at("2027-03-09T12:00:00"))
