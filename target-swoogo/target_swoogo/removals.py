"""Sees that much of what Swoogo has is gone from Sessionboard at once, and keeps the links. Pure.

Nothing but links is ever removed from Swoogo. An outage at the source must not cost those either.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeAlias

from target_swoogo.actions import CHOICES, HeldBack, Verb
from target_swoogo.approvals import TO_APPROVE, Approvals
from target_swoogo.guards import share_of
from target_swoogo.model import Kind, Note, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_swoogo.actions import Action, Applied, Plan
    from target_swoogo.model import Held, Programme

_PerDay: TypeAlias = Counter[tuple[Kind, str]]
"""How many records of a kind are on a day, ``YYYY-MM-DD``; "" stands for no day."""


def guard_removals(
    plan: Plan,
    programme: Programme,
    applied: Applied,
    limit: int,
    today: date,
    approved: Iterable[Held] = (),
    full_reads: Mapping[str, Sequence[int]] | None = None,
) -> None:
    """Tell that too much is gone, and then hold the removals of links.

    Args:
        plan: The plan, which is changed.
        programme: What the rules decided.
        applied: What Swoogo was last told.
        limit: The share of a kind that may go, in percent; 0 allows all.
        today: What was before it is not missed.
        approved: What was held back before, and approved since.
        full_reads: By stream, how many records the last two full reads gave, the latest last.
    """
    if not limit:
        return
    code = "guard_missing"
    shrunk = _shrunk(*_known_and_gone(programme, applied, plan.actions), today, limit)
    short = _short_reads(full_reads or {}, limit)
    messages = [(kind, _too_much_gone(kind, *counts)) for kind, counts in shrunk.items()]
    plan.warnings += [
        Note("event", kind.plural, kind.plural, code, message)
        for kind, message in (*messages, *short.items())
    ]
    if shrunk or short:
        _hold_unlinks(plan, code, dict.fromkeys((*shrunk, *short)), Approvals(approved))


def next_day(programme: Programme, applied: Applied, limit: int, today: date) -> date | None:
    """The first day on which something else would be told, with nothing else changed.

    Args:
        programme: What the rules decided.
        applied: What Swoogo was last told.
        limit: The share of a kind that may go, in percent; 0 allows all.
        today: The present day.

    Returns:
        That day, or one before it; None where there is none.
    """
    known, gone = _known_and_gone(programme, applied)
    if not limit or not any(gone.values()):
        return None
    told = _shrunk(known, gone, today, limit)
    for day in sorted({day for _, day in known if day >= today.isoformat()}):
        try:
            following = date.fromisoformat(day) + timedelta(days=1)
        except ValueError:  # adopted in a form that is not ours
            return today + timedelta(days=1)
        if _shrunk(known, gone, following, limit) != told:
            return following
    return None


def is_any_missing(programme: Programme, applied: Applied) -> bool:
    """Whether Swoogo has records that no longer belong to what is synced.

    Args:
        programme: What the rules decided.
        applied: What Swoogo was last told.
    """
    _, gone = _known_and_gone(programme, applied)
    return any(gone.values())


def _known_and_gone(
    programme: Programme, applied: Applied, actions: Iterable[Action] = ()
) -> tuple[_PerDay, _PerDay]:
    """The records that Swoogo has, and those of them that no longer belong to what is synced."""
    there = {row.key for row in programme.rows}
    there |= {action.replaces for action in actions if action.replaces}
    there |= {
        (Kind.SESSION, note.source_id) for note in programme.skips if note.code == "session_over"
    }
    known: _PerDay = Counter()
    gone: _PerDay = Counter()
    for key, entry in applied.mapped.items():
        if (
            # Rooms and tracks go with their last session, also with one that is over.
            entry.kind not in CHOICES
            and entry.swoogo_id is not None
            and entry.state is not State.TOMBSTONE
        ):
            on = (entry.kind, str(entry.applied.get("date") or ""))
            known[on] += 1
            gone[on] += key not in there
    return known, gone


def _shrunk(known: _PerDay, gone: _PerDay, today: date, limit: int) -> dict[Kind, tuple[int, int]]:
    """The kinds of which too much is gone: how many records, and of how many."""
    first = today.isoformat()
    shrunk = {}
    for kind in Kind:
        of_kind = [on for on in known if on[0] is kind and (not on[1] or on[1] >= first)]
        counts = sum(gone[on] for on in of_kind), sum(known[on] for on in of_kind)
        if share_of(*counts) > limit:
            shrunk[kind] = counts
    return shrunk


def _too_much_gone(kind: Kind, gone: int, known: int) -> str:
    return (
        f"{gone:,} of the {known:,} {kind.plural} in Swoogo ({share_of(gone, known):.0f} %) no "
        f"longer belong to what is synced: an empty read, or renamed statuses? Nothing is "
        f"removed from Swoogo; look at them in Sessionboard, and at the settings that "
        f"choose what is synced. If it is meant, raise guard_missing_percent."
    )


def _short_reads(full_reads: Mapping[str, Sequence[int]], limit: int) -> dict[Kind, str]:
    """The kinds of which Sessionboard suddenly gave far fewer, or none; and that as a sentence."""
    short = {}
    for kind in Kind:
        before, now = full_reads.get(kind.plural, (0, 0))
        share = share_of(before - now, before)
        if share > limit:
            short[kind] = (
                f"Sessionboard gave {now:,} {kind.plural} when all were last read, and "
                f"{before:,} the time before ({share:.0f} % fewer): an outage, or a token that "
                f"may see less? What was read before is kept, and nothing is removed from "
                f"Swoogo; see whether they are all in Sessionboard."
            )
    return short


def _hold_unlinks(plan: Plan, code: str, kinds: Iterable[Kind], approvals: Approvals) -> None:
    names = " and ".join(kind.plural for kind in kinds)
    message = (
        f"So many {names} are no longer among what is synced, or were not read, that no "
        f"speaker is taken off a session; see the note on them; {TO_APPROVE}"
    )
    kept = []
    for action in plan.actions:
        if action.verb is Verb.UNLINK and not approvals.allow(action, code):
            plan.held.append(HeldBack(action, code, message))
        else:
            kept.append(action)
    plan.actions = kept
