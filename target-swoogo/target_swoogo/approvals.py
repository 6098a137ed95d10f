"""What was held back until a person approves it, and what of it was approved. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_swoogo.actions import Verb, digest, part
from target_swoogo.model import Held

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from target_swoogo.actions import Action, HeldBack
    from target_swoogo.model import Key

TO_APPROVE = "to let it through: meltano invoke target-swoogo:approve"


class Approvals:
    """The changes that a person let through.

    Args:
        held: What was held back; only what of it was approved counts.
    """

    def __init__(self, held: Iterable[Held]) -> None:
        self._known = {
            (one.kind, one.source_id, one.action, one.code, one.digest)
            for one in held
            if one.approved
        }

    def allow(self, action: Action, code: str) -> bool:
        """Whether this very change was approved."""
        return bool(self._known) and (
            (*action.row.key, action.verb.value, code, digest(action)) in self._known
        )


def to_keep(
    held: Iterable[HeldBack], before: Iterable[Held], unfinished: Collection[tuple[Key, str]]
) -> list[Held]:
    """What the ledger is to remember of what is held back.

    Args:
        held: What is held back.
        before: What was held back before.
        unfinished: The records, and what of them, that are still to be done; their approvals last.
    """
    kept = {
        (one.kind, one.source_id, one.action, one.code): one
        for one in before
        if one.approved and ((one.kind, one.source_id), part(Verb(one.action))) in unfinished
    }
    for action, code, message in held:
        kind, source_id = action.row.key
        kept[kind, source_id, action.verb.value, code] = Held(
            kind, source_id, action.verb.value, code, digest(action), action.row.label, message
        )
    return list(kept.values())
