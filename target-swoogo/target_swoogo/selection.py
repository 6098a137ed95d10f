"""Narrows a plan to chosen records and to what they cannot do without. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from target_swoogo.actions import CHOICES, Verb
from target_swoogo.model import Kind, Ref

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from target_swoogo.actions import Action, Plan
    from target_swoogo.model import Key, Note, Row


def named(rows: Iterable[Row], wanted: Collection[str]) -> dict[str, set[Key]]:
    """Find the records that people mean.

    Args:
        rows: All records there are.
        wanted: Ids, titles, names or e-mail addresses, in any case and spacing.

    Returns:
        For each of `wanted`, the records it means; none where it means nothing.
    """
    found: dict[str, set[Key]] = {even(name): set() for name in wanted}
    for row in rows:
        for said in (row.source_id, row.label, row.fields.get("name"), row.fields.get("email")):
            if isinstance(said, str) and (name := even(said)) in found:
                found[name].add(row.key)
    return {name: found[even(name)] for name in wanted}


def narrow(plan: Plan, keys: Collection[Key], ids: Mapping[Key, int]) -> None:
    """Leave only what concerns chosen records in a plan.

    What the rooms and tracks they refer to need is done with them. A link stays when one of its
    ends is chosen and the other is, or is in Swoogo already.

    Args:
        plan: The plan, which is changed.
        keys: The chosen records.
        ids: The Swoogo ids of what is known to be there.
    """
    rows = [action.row for action in plan.actions] + plan.unchanged
    needed = {
        (value.kind, value.source_id)
        for row in rows
        if row.key in keys
        for value in row.fields.values()
        if isinstance(value, Ref)
    }
    there = {*keys, *ids}
    plan.actions = [
        kept for action in plan.actions if (kept := _kept(action, keys, needed, there)) is not None
    ]
    plan.unchanged = [row for row in plan.unchanged if row.key in keys]
    plan.held = [held for held in plan.held if held.action.row.key in keys]
    plan.dead = [key for key in plan.dead if key in keys]
    chosen = {(kind.value, source_id) for kind, source_id in keys}
    for notes in (plan.skips, plan.warnings, plan.waiting):
        notes[:] = _of(notes, chosen)


def _kept(
    action: Action, keys: Collection[Key], needed: Collection[Key], there: Collection[Key]
) -> Action | None:
    row = action.row
    if action.verb in {Verb.LINK, Verb.UNLINK}:
        sessions = tuple(
            session
            for session in action.sessions
            if (Kind.SESSION, session) in there
            and row.key in there
            and (row.key in keys or (Kind.SESSION, session) in keys)
        )
        return replace(action, sessions=sessions) if sessions else None
    wanted = row.key in keys or (row.kind in CHOICES and row.key in needed)
    return action if wanted else None


def _of(notes: Iterable[Note], chosen: Collection[tuple[str, str]]) -> list[Note]:
    return [note for note in notes if (note.kind, note.source_id) in chosen]


def even(text: str) -> str:
    """A name with case and spacing evened out."""
    return " ".join(text.split()).casefold()
