"""The guards: what looks like a mistake is held, and everything else goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo import guards
from target_swoogo.actions import Action, Applied, Change, Observed, Plan, Verb, digest
from target_swoogo.approvals import to_keep
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
    Uploaded,
)
from target_swoogo.plan import make_plan
from target_swoogo.removals import guard_removals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_swoogo.settings import Settings

    MakeSettings = Callable[..., Settings]

TODAY = date(2027, 3, 1)
NOW = 1_800_000_000.0


def session(number: int, hour: int = 9, **fields: Any) -> Row:
    times = {
        "date": "2027-03-09",
        "start_time": f"{hour:02}:00:00",
        "end_time": f"{hour:02}:45:00",
    }
    label = f"Session {number}"
    return Row(Kind.SESSION, f"s{number}", label, {"name": label, **times, **fields}, "2027")


def speaker(number: int, **fields: Any) -> Row:
    return Row(Kind.SPEAKER, f"p{number}", f"Person {number}", {"bio": "Weaves.", **fields})


def known(row: Row, **applied: Any) -> Mapped:
    fields: dict[str, Any] = {**row.fields, **applied}
    return Mapped(row.kind, row.source_id, row.label, 7, fields, State.SYNCED)


def guarded(
    settings: Settings,
    rows: list[Row],
    entries: Iterable[Mapped],
    *,
    approved: Iterable[Held] = (),
    images: dict[Key, Uploaded] | None = None,
    links: dict[tuple[str, str], bool] | None = None,
    matches: dict[Key, list[Found]] | None = None,
    full_reads: dict[str, list[int]] | None = None,
    **programme: Any,
) -> Plan:
    made = Programme(rows, **programme)
    applied = Applied({entry.key: entry for entry in entries}, links or {}, images or {}, {})
    plan = make_plan(made, applied, Observed(None, matches or {}), settings, NOW)
    guards.guard(plan, made, applied, settings, approved)
    limit = settings.guard_missing_percent
    guard_removals(plan, made, applied, limit, TODAY, approved, full_reads)
    return plan


def approve(plan: Plan) -> list[Held]:
    return [replace(one, approved=True) for one in to_keep(plan.held, (), ())]


def sent(plan: Plan) -> dict[str, set[str]]:
    return {action.row.source_id: set(action.changes) for action in plan.actions}


def shown(plan: Plan) -> dict[tuple[str, str], set[str]]:
    return {(held.code, held.action.row.source_id): set(held.action.changes) for held in plan.held}


BEFORE = [session(number) for number in range(12)]


def test_times_that_move_by_one_offset_are_held_and_other_edits_go_on(
    settings: MakeSettings,
) -> None:
    rows = [session(number, 10) for number in range(10)]
    rows += [session(10, 9, name="Renamed"), session(11, 14)]
    rows[0] = session(0, 10, name="Moved and renamed")
    plan = guarded(settings(), rows, map(known, BEFORE))
    assert sent(plan) == {"s0": {"name"}, "s10": {"name"}, "s11": {"start_time", "end_time"}}
    times = {"start_time", "end_time"}
    assert shown(plan) == {("guard_time_shift", f"s{number}"): times for number in range(10)}
    assert plan.held[0].message.startswith(
        "83 % of the sessions would move by +60 minutes: a time-zone change?"
    )
    assert plan.held[0].message.endswith("meltano invoke target-swoogo:approve")


@pytest.mark.parametrize(
    ("moved", "held"), [(5, False), (6, True)], ids=["under the share", "at the share"]
)
def test_the_share_of_shifted_sessions_decides(
    settings: MakeSettings, moved: int, *, held: bool
) -> None:
    rows = [session(number, 10 if number < moved else 9) for number in range(12)]
    plan = guarded(settings(guard_time_shift_percent=50), rows, map(known, BEFORE))
    assert (plan.actions == [], bool(plan.held)) == (held, held)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ({"date": "2027-03-02"}, "+7 days"),
        ({"date": "2027-03-10"}, "-1 day:"),
        ({"date": "2027-03-08", "start_time": "23:00:00"}, "+600 minutes"),
        ({"start_time": "12:00:00"}, "-180 minutes"),
    ],
)
def test_the_offset_is_told_in_words(
    settings: MakeSettings, before: dict[str, str], words: str
) -> None:
    plan = guarded(settings(), BEFORE, (known(row, **before) for row in BEFORE))
    assert words in plan.held[0].message
    assert plan.actions == []


def test_sessions_that_end_later_or_move_each_otherwise_are_no_shift(
    settings: MakeSettings,
) -> None:
    chosen = settings(guard_changed_percent=0)
    longer = [session(number, end_time="10:00:00") for number in range(12)]
    assert guarded(chosen, longer, map(known, BEFORE)).held == []
    apart = [session(number, 10 + number) for number in range(12)]
    assert guarded(chosen, apart, map(known, BEFORE)).held == []


def test_no_guard_acts_below_ten_known_records(settings: MakeSettings) -> None:
    few, rows = BEFORE[:9], [session(number, 10, description=None) for number in range(9)]
    plan = guarded(settings(), rows, (known(row, description="x") for row in few))
    assert (len(plan.actions), plan.held) == (9, [])


@pytest.mark.parametrize(
    ("changed", "held"), [(6, False), (7, True)], ids=["at the share", "over the share"]
)
def test_a_change_of_many_records_is_held(
    settings: MakeSettings, changed: int, *, held: bool
) -> None:
    rows = [session(n, name="New" if n < changed else f"Session {n}") for n in range(12)]
    plan = guarded(settings(guard_changed_percent=50), rows, map(known, BEFORE))
    assert (plan.actions == [], bool(plan.held)) == (held, held)
    if held:
        assert {held.code for held in plan.held} == {"guard_changed"}
        assert plan.held[0].message.startswith("58 % of the sessions would be changed at once")


def test_only_the_emptying_of_a_field_is_held(settings: MakeSettings) -> None:
    people = [speaker(number) for number in range(12)]
    rows = [speaker(number, bio=None) for number in range(3)] + people[3:]
    rows[0] = speaker(0, bio=None, job_title="Head")
    entries = [known(row, job_title="Weaver") for row in people]
    rows[1:] = [replace(row, fields=row.fields | {"job_title": "Weaver"}) for row in rows[1:]]
    plan = guarded(settings(guard_emptied_percent=20), rows, entries)
    assert sent(plan) == {"p0": {"job_title"}}
    assert shown(plan) == {("guard_emptied", f"p{number}"): {"bio"} for number in range(3)}
    assert plan.held[0].message.startswith("bio (25 %) of the speakers would be emptied")
    assert sent(guarded(settings(guard_emptied_percent=25), rows, entries)) == {
        "p0": {"job_title", "bio"},
        "p1": {"bio"},
        "p2": {"bio"},
    }


@pytest.mark.parametrize(
    "name", ["time_shift", "changed", "emptied", "missing"], ids=lambda name: f"no {name}"
)
def test_every_guard_can_be_turned_off(settings: MakeSettings, name: str) -> None:
    off = {
        f"guard_{other}_percent": 0
        for other in ("time_shift", "changed", "emptied", "missing")
        if name in {other, "changed"} or other == name
    }
    rows = [session(number, 10, description=None) for number in range(12)]
    plan = guarded(settings(**off), rows, (known(row, description="x") for row in BEFORE))
    assert f"guard_{name}" not in {held.code for held in plan.held}
    assert f"guard_{name}" not in {note.code for note in plan.warnings}


def test_an_approval_lets_exactly_what_was_shown_through(settings: MakeSettings) -> None:
    rows = [session(number, 10) for number in range(12)]
    entries = [known(row) for row in BEFORE]
    approved = approve(guarded(settings(), rows, entries))
    assert len(approved) == 12
    plan = guarded(settings(), rows, entries, approved=approved)
    assert (len(plan.actions), plan.held) == (12, [])
    moved_again = [session(number, 11) for number in range(12)]
    plan = guarded(settings(), moved_again, entries, approved=approved)
    assert (plan.actions, len(plan.held)) == ([], 12)


def test_what_is_not_approved_is_no_approval(settings: MakeSettings) -> None:
    rows, entries = [session(number, 10) for number in range(12)], [known(row) for row in BEFORE]
    held = to_keep(guarded(settings(), rows, entries).held, (), ())
    assert guarded(settings(), rows, entries, approved=held).actions == []
    other = [replace(one, approved=True, code="guard_changed") for one in held]
    assert guarded(settings(), rows, entries, approved=other).actions == []


def test_approved_changes_count_towards_no_share(settings: MakeSettings) -> None:
    entries = [known(row) for row in BEFORE]
    first = [session(number, 10 if number < 7 else 9) for number in range(12)]
    approved = approve(guarded(settings(), first, entries))
    rows = [session(number, 10 if number < 9 else 9) for number in range(12)]
    plan = guarded(settings(), rows, entries, approved=approved)
    assert (len(plan.actions), plan.held) == (9, [])


def test_values_that_are_merely_sent_again_are_no_change(settings: MakeSettings) -> None:
    entries = [known(row) for row in BEFORE]
    for entry in entries:
        entry.applied = {"name": entry.label}
    plan = guarded(settings(), [session(n, 10, capacity=None) for n in range(12)], entries)
    assert (len(plan.actions), plan.held) == (12, [])


def test_what_is_sent_again_goes_on_beside_what_is_held(settings: MakeSettings) -> None:
    entries = [known(row) for row in BEFORE]
    del entries[0].applied["end_time"]
    plan = guarded(settings(), [session(n, name="New") for n in range(12)], entries)
    assert sent(plan) == {"s0": {"end_time"}}
    assert len(plan.held) == 12


def test_times_that_became_unknown_wait_with_the_rest(settings: MakeSettings) -> None:
    entries = [known(row) for row in BEFORE]
    for entry in entries[:3]:
        del entry.applied["start_time"]
    rows = [session(number, 10) for number in range(12)]
    plan = guarded(settings(), rows, entries)
    assert (plan.actions, len(plan.held)) == ([], 12)
    approved = approve(plan)
    del entries[4].applied["start_time"]  # by a run that was killed while it sent what it may
    plan = guarded(settings(), rows, entries, approved=approved)
    assert (len(plan.actions), plan.held) == (12, [])


def test_one_wrong_zone_over_a_change_of_the_clocks_is_held_whole(settings: MakeSettings) -> None:
    rows = [session(number, 10 + (number % 2)) for number in range(12)]
    plan = guarded(settings(), rows, [known(row) for row in BEFORE])
    assert {held.code for held in plan.held} == {"guard_time_shift"}
    assert (plan.actions, len(plan.held)) == ([], 12)


def test_a_first_adoption_is_no_change_of_known_records(settings: MakeSettings) -> None:
    rows = [session(number, 10) for number in range(12)]
    matches = {
        row.key: [Found(number, dict(before.fields), {})]
        for number, (row, before) in enumerate(zip(rows, BEFORE, strict=True))
    }
    plan = guarded(settings(), rows, [], matches=matches)
    assert {action.verb for action in plan.actions} == {Verb.ADOPT}
    assert (len(plan.actions), plan.held) == (12, [])


def test_records_made_anew_are_taken_over_but_not_emptied(settings: MakeSettings) -> None:
    old = [speaker(number, email=f"{number}@example.org") for number in range(12)]
    new = [
        Row(Kind.SPEAKER, f"n{number}", row.label, {**row.fields, "bio": None})
        for number, row in enumerate(old)
    ]
    entries = [replace(known(row), swoogo_id=number) for number, row in enumerate(old)]
    matches = {
        row.key: [Found(entry.swoogo_id or 0, entry.applied, {})]
        for row, entry in zip(new, entries, strict=True)
    }
    plan = guarded(settings(), new, entries, matches=matches)
    assert [action.verb for action in plan.actions] == [Verb.ADOPT] * 12
    assert all(not action.changes for action in plan.actions)
    assert {held.action.verb for held in plan.held} == {Verb.UPDATE}
    assert plan.warnings == [], "none of them is missing"


def test_create_only_fields_are_none_of_a_guards_business(settings: MakeSettings) -> None:
    chosen = settings(create_only_fields=["session.start_time", "session.end_time"])
    rows = [session(number, 10) for number in range(12)]
    plan = guarded(chosen, rows, map(known, BEFORE))
    assert (plan.actions, plan.held) == ([], [])


def test_a_held_change_of_room_is_the_same_before_and_after_the_room_has_an_id(
    settings: MakeSettings,
) -> None:
    rows: list[Row] = [session(n, location_id=Ref(Kind.LOCATION, "new")) for n in range(12)]
    room = Row(Kind.LOCATION, "new", "New", {"name": "New"})
    entries = [known(row, location_id=1) for row in BEFORE]
    first = guarded(settings(), [room, *rows], entries)
    assert [action.verb for action in first.actions] == [Verb.CREATE], "the room goes on"
    second = guarded(settings(), [room, *rows], [*entries, known(room)])
    assert second.actions == []
    assert [digest(h.action) for h in first.held] == [digest(h.action) for h in second.held]


def test_a_picture_is_not_looked_at_for_an_address_that_is_held(settings: MakeSettings) -> None:
    picture = Picture("https://x.test/a.png", "v")
    people = [replace(speaker(n, email=f"{n}@a.test"), picture=picture) for n in range(12)]
    entries = [known(row, email=f"{row.source_id}@b.test") for row in people]
    images = {row.key: Uploaded(picture.url, "v", None, "abc") for row in people}
    images[people[0].key] = Uploaded(picture.url, "older", None, "abc")
    plan = guarded(settings(), people, entries, images=images)
    assert [(a.verb, a.row.source_id) for a in plan.actions] == [(Verb.IMAGE, "p0")]
    assert len(plan.held) == 12


def unlinking(settings: MakeSettings, left: int, *, limit: int = 30, **overrides: Any) -> Plan:
    """Of twelve sessions so many are left, and a speaker of one that is left has gone."""
    return guarded(
        settings(unlink_removed_speakers=True, guard_missing_percent=limit),
        [*BEFORE[:left], speaker(1)],
        [*map(known, BEFORE), known(speaker(1))],
        links={("p1", "s0"): True},
        people={"s0": frozenset()},
        **overrides,
    )


def test_a_shrunken_read_is_told_and_removes_no_links(settings: MakeSettings) -> None:
    plan = unlinking(settings, 8)
    (note,) = (note for note in plan.warnings if note.code == "guard_missing")
    assert note.message.startswith("4 of the 12 sessions in Swoogo (33 %) no longer belong")
    assert plan.actions == []
    assert [(h.action.verb, h.code) for h in plan.held] == [(Verb.UNLINK, "guard_missing")]
    approved = unlinking(settings, 8, approved=approve(plan))
    assert [action.verb for action in approved.actions] == [Verb.UNLINK]
    fine = unlinking(settings, 9)
    assert [action.verb for action in fine.actions] == [Verb.UNLINK]
    assert "guard_missing" not in {note.code for note in fine.warnings}


def test_an_empty_read_is_told_and_removes_no_links(settings: MakeSettings) -> None:
    plan = unlinking(settings, 12, full_reads={"sessions": [1_250, 0], "speakers": [12, 12]})
    (note,) = (note for note in plan.warnings if note.code == "guard_missing")
    assert note.message.startswith(
        "Sessionboard gave 0 sessions when all were last read, and 1,250 the time before "
        "(100 % fewer)"
    )
    assert [(h.action.verb, h.code) for h in plan.held] == [(Verb.UNLINK, "guard_missing")]


@pytest.mark.parametrize("counts", [[20, 14], [20, 90], [9, 0]], ids=["30 %", "more", "few"])
def test_a_read_that_gave_nearly_as_many_is_not_told(
    settings: MakeSettings, counts: list[int]
) -> None:
    plan = unlinking(settings, 12, full_reads={"sessions": counts})
    assert [action.verb for action in plan.actions] == [Verb.UNLINK]
    off = unlinking(settings, 12, full_reads={"sessions": [20, 0]}, limit=0)
    assert [action.verb for action in off.actions] == [Verb.UNLINK]


def test_what_is_over_or_deleted_in_swoogo_is_not_missing(settings: MakeSettings) -> None:
    entries = [known(row) for row in BEFORE]
    over = [Note("session", f"s{n}", "", "session_over", "") for n in range(4)]
    plan = guarded(settings(), BEFORE[4:], entries, skips=over)
    assert "guard_missing" not in {note.code for note in plan.warnings}
    for entry in entries[:4]:
        entry.applied["date"] = "2027-02-28"
    assert guarded(settings(), BEFORE[4:], entries).warnings[-1].code == "still_in_swoogo"
    for entry in entries[:4]:
        entry.applied["date"], entry.state = "2027-03-09", State.TOMBSTONE
    assert guarded(settings(), BEFORE[4:], entries).warnings == []


def test_approvals_last_until_the_change_is_done(settings: MakeSettings) -> None:
    rows, entries = [session(number, 10) for number in range(12)], [known(row) for row in BEFORE]
    approved = approve(guarded(settings(), rows, entries))
    plan = guarded(settings(), rows, entries, approved=approved)
    unfinished = {(action.row.key, "record") for action in plan.actions}
    assert to_keep(plan.held, approved, unfinished) == approved
    assert to_keep(plan.held, approved, {(rows[0].key, "record")}) == [approved[0]]
    assert to_keep(plan.held, approved, {(rows[0].key, "image")}) == []
    held = to_keep(guarded(settings(), rows, entries).held, approved, unfinished)
    assert not any(one.approved for one in held), "what is held anew is not approved"


def test_a_hundred_thousand_unchanged_rows_are_one_pass(settings: MakeSettings) -> None:
    class Counted(dict[Key, Mapped]):
        looked_up = 0

        def get(self, key: Key, default: Any = None) -> Any:
            self.looked_up += 1
            return super().get(key, default)

    rows = [session(number) for number in range(100_000)]
    mapped = Counted({row.key: known(row) for row in rows})
    plan = Plan(unchanged=rows)
    applied = Applied(mapped, {}, {}, {})
    guards.guard(plan, Programme(rows), applied, settings())
    assert mapped.looked_up == 0
    plan.actions = [Action(Verb.UPDATE, rows[0], {"name": Change("Old", "Session 0")})]
    guards.guard(plan, Programme(rows), applied, settings())
    assert mapped.looked_up == len(rows)
    assert (len(plan.actions), plan.held, plan.warnings) == (1, [], [])
