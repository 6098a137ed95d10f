"""Near the event, lets only times and rooms of known sessions through. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from target_swoogo.actions import Change, HeldBack, Verb
from target_swoogo.approvals import TO_APPROVE, Approvals
from target_swoogo.guards import TIMES, piece, without
from target_swoogo.model import Held, Kind, Ref, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from target_swoogo.actions import Action, Applied, Plan
    from target_swoogo.model import Key, Programme, Value

_ALLOWED = TIMES | {"location_id"}


def freeze(
    plan: Plan, programme: Programme, applied: Applied, hours: int, approved: Iterable[Held] = ()
) -> None:
    """Hold everything but times and rooms of known sessions.

    Args:
        plan: The plan, which is changed.
        programme: What the rules decided.
        applied: What Swoogo was last told.
        hours: How long before the event the freeze begins, for people.
        approved: What was held back before, and approved since.
    """
    code = "frozen"
    approvals = Approvals(approved)
    rooms = _rooms(programme, applied)
    message = (
        f"The event is near or on, and freeze_hours ({hours}) lets only times and rooms of known "
        f"sessions through until it is over; {TO_APPROVE}"
    )
    actions: list[Action] = []
    for action in plan.actions:
        kept, held = _divide(action, rooms, lambda shown: approvals.allow(shown, code))
        if kept is not None:
            actions.append(kept)
        if held is not None:
            plan.held.append(HeldBack(held, code, message))
    plan.actions = actions


def is_frozen(
    programme: Programme, applied: Applied, zone: ZoneInfo, hours: int, now: datetime
) -> bool:
    """Whether the event is so near, or on.

    Args:
        programme: What the rules decided.
        applied: What Swoogo was last told; it knows when the sessions were that are over.
        zone: The event's time zone.
        hours: How long before the first session the freeze begins; 0 never freezes.
        now: The present instant.
    """
    sessions = [row.fields for row in programme.rows if row.kind is Kind.SESSION] if hours else []
    ends = [end for fields in sessions if (end := _instant(fields, "end_time", zone))]
    if not ends or max(ends) <= now:
        return False
    over = [
        entry.applied
        for note in programme.skips
        if note.code == "session_over"
        and (entry := applied.mapped.get((Kind.SESSION, note.source_id))) is not None
    ]
    starts = [_instant(fields, "start_time", zone) for fields in sessions]
    starts += [_instant(fields, "start_time", zone) for fields in over]
    return now >= min(filter(None, starts)) - timedelta(hours=hours)


def bounds(programme: Programme, zone: ZoneInfo, hours: int) -> list[datetime]:
    """The instants at which the freeze may begin or end.

    Args:
        programme: What the rules decided.
        zone: The event's time zone.
        hours: How long before the first session the freeze begins.
    """
    sessions = [row.fields for row in programme.rows if row.kind is Kind.SESSION]
    starts = [_instant(fields, "start_time", zone) for fields in sessions]
    ends = [_instant(fields, "end_time", zone) for fields in sessions]
    return [start - timedelta(hours=hours) for start in starts if start] + [*filter(None, ends)]


def _instant(fields: Mapping[str, Value], name: str, zone: ZoneInfo) -> datetime | None:
    """A session's start or end; None where it is not known, or was adopted in another form."""
    try:
        moment = datetime.fromisoformat(f"{fields['date']}T{fields[name]}")
    except (KeyError, ValueError):
        return None
    return moment.replace(tzinfo=zone)


def _rooms(programme: Programme, applied: Applied) -> set[Key]:
    """The rooms that known sessions are in, or go to."""
    return {
        (room.kind, room.source_id)
        for row in programme.rows
        if row.kind is Kind.SESSION
        and isinstance(room := row.fields.get("location_id"), Ref)
        and (entry := applied.mapped.get(row.key)) is not None
        and entry.swoogo_id is not None
        and entry.state is not State.TOMBSTONE
    }


def _divide(
    action: Action, rooms: Iterable[Key], approved: Callable[[Action], bool]
) -> tuple[Action | None, Action | None]:
    """What of an action goes, and what is held."""
    if action.row.key in rooms:
        return action, None
    if action.verb in {Verb.UPDATE, Verb.ADOPT}:
        allowed = _ALLOWED if action.row.kind is Kind.SESSION else frozenset()
        names = action.changes.keys() - allowed
        # An adoption by itself changes nothing in Swoogo.
        if not names or approved(_as_new(action)):
            return action, None
        held = piece(action, names)
        return (action, None) if approved(held) else (without(action, names), held)
    shown = _as_shown(action)
    return (action, None) if approved(shown) else (None, shown)


def _as_shown(action: Action) -> Action:
    """An action so that it is told from another one of its kind, and the same in every run."""
    if action.verb is Verb.CREATE:
        return _as_new(action)
    if action.verb is Verb.IMAGE and action.row.picture is not None:
        return replace(action, changes={"picture": Change(None, action.row.picture.version)})
    return action


def _as_new(action: Action) -> Action:
    """The create that an action is, or would be if Swoogo had not had the record already."""
    changes = {name: Change(None, value) for name, value in action.row.fields.items()}
    return replace(action, verb=Verb.CREATE, changes=changes, found=None, replaces=None)
