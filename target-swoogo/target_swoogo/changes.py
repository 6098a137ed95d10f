"""What single actions change, in lines for a terminal: for the plan, and for what is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_swoogo.actions import Verb, digest
from target_swoogo.console import cell
from target_swoogo.model import Kind
from target_swoogo.report import PairReport
from target_swoogo.report_changes import field_changes
from target_swoogo.report_directory import look_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_swoogo.actions import Action, Plan
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Held
    from target_swoogo.report_changes import Excerpt

_LONGEST = 120


def change_lines(action: Action, pair: PairReport) -> list[str]:
    """What an action changes, a line for each field.

    Args:
        action: The action.
        pair: What it is part of; its plan and its directory name other records.
    """
    if action.sessions:
        word = "off" if action.verb is Verb.UNLINK else "to"
        return [f"{word} {'; '.join(_titles(action.sessions, pair))}"]
    if action.verb is Verb.IMAGE:
        return ["headshot" if action.row.kind is Kind.SPEAKER else "logo"]
    lines = []
    for change in field_changes(action, pair.directory):
        new = _excerpt(change.new)
        is_new = action.verb is Verb.CREATE
        lines.append(f"{change.name}: {new if is_new else f'{_excerpt(change.old)} → {new}'}")
    return lines or ["nothing to send"]


class HeldLines:
    """What would change if what guards hold back were let through.

    Args:
        ledger: What Swoogo was last told.
        pair: The pair.
        plan: Its plan.
    """

    def __init__(self, ledger: Ledger, pair: Pair, plan: Plan) -> None:
        self._report = PairReport(pair, plan=plan)
        self._report.directory = look_up(ledger, self._report)
        self._actions = {(one.code, digest(one.action)): one.action for one in plan.held}

    def of(self, held: Held) -> list[str]:
        """The lines of one change; none where the next run would no longer make it."""
        action = self._actions.get((held.code, held.digest))
        return change_lines(action, self._report) if action else []


def _titles(session_ids: Iterable[str], pair: PairReport) -> Iterator[str]:
    rows = [action.row for action in pair.plan.actions] + pair.plan.unchanged
    labels = {row.source_id: row.label for row in rows if row.kind is Kind.SESSION}
    known = pair.directory.labels
    for session_id in session_ids:
        label = labels.get(session_id) or known.get((Kind.SESSION, session_id), session_id)
        yield cell(label)


def _excerpt(value: Excerpt | None) -> str:
    return cell(f"{value.before}{value.text}{value.after}" if value else None, _LONGEST)
