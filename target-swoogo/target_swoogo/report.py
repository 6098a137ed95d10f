"""The summary of a run, as text and JSON."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from target_swoogo.actions import Plan, Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.model import Choice, Kind, Note, Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from target_swoogo.actions import Action
    from target_swoogo.ledger import Pair
    from target_swoogo.model import Value

VERSION = 1
"""Of the JSON report's shape."""

_MOST_NAMES = 4
_LONGEST_NAME = 40
_RECORD_VERBS = frozenset({Verb.CREATE, Verb.ADOPT, Verb.UPDATE})
_COLUMNS = ("created", "updated", "adopted", "unchanged", "skipped", "failed", "pending")
_VERDICT_COLUMN = {
    Verdict.CREATED: "created",
    Verdict.UPDATED: "updated",
    Verdict.ADOPTED: "adopted",
    Verdict.GONE: "skipped",
    Verdict.FAILED: "failed",
    Verdict.PENDING: "pending",
}
_PLANNED = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.ADOPT: "adopted"}


@dataclass
class PairReport:
    """What a run made of one event pair.

    Attributes:
        pair: The pair.
        event_name: The event's name in Sessionboard.
        plan: What was to be done.
        outcomes: What came of it; empty in a dry run.
        error: Code and sentence of what stopped the pair.
        postponed: Whether the run ended before the pair could be looked at.
    """

    pair: Pair
    event_name: str | None = None
    plan: Plan = field(default_factory=Plan)
    outcomes: list[Outcome] = field(default_factory=list)
    error: tuple[str, str] | None = None
    postponed: bool = False

    def counts(self) -> dict[str, Counter[str]]:
        """How many records of each kind were created, updated and so on.

        In a dry run these are the figures the run would have had.
        """
        table: dict[str, Counter[str]] = {kind.value: Counter() for kind in Kind}
        for row in self.plan.unchanged:
            table[row.kind.value]["unchanged"] += 1
        for note in (*self.plan.skips, *self.plan.waiting):
            column = "pending" if note in self.plan.waiting else "skipped"
            table[note.kind][column] += 1
        for action, column in self._record_results():
            table[action.row.kind.value][column] += 1
        return table

    def _record_results(self) -> Iterator[tuple[Action, str]]:
        if self.outcomes:
            for outcome in self.outcomes:
                if outcome.action.verb in _RECORD_VERBS:
                    yield outcome.action, _VERDICT_COLUMN[outcome.verdict]
        else:
            for action in self.plan.actions:
                if action.verb in _RECORD_VERBS:
                    yield action, _PLANNED[action.verb]

    def extras(self) -> Counter[str]:
        """How many speakers were linked, and how many images sent, the same, failed or pending."""
        done: Counter[str] = Counter()
        for outcome in self.outcomes:
            if outcome.action.verb in {Verb.LINK, Verb.UNLINK}:
                done[f"links {outcome.verdict.value}"] += 1
            elif outcome.action.verb is Verb.IMAGE:
                name = outcome.verdict.value.removeprefix("image ")
                done[f"images {name}"] += 1
        if not self.outcomes:
            for action in self.plan.actions:
                if action.verb in {Verb.LINK, Verb.UNLINK}:
                    done[f"links to {action.verb.value}"] += 1
                elif action.verb is Verb.IMAGE:
                    done["images to look at"] += 1
        return done

    def failures(self) -> list[Note]:
        """What failed, each with its reason."""
        return [_outcome_note(o) for o in self.outcomes if o.verdict is Verdict.FAILED]

    def pending(self) -> list[Note]:
        """What a later run completes, each with its reason."""
        late = [_outcome_note(o) for o in self.outcomes if o.verdict is Verdict.PENDING]
        # A record that waits with its links and its image is one record that waits.
        return list(dict.fromkeys([*self.plan.waiting, *late]))

    def skips(self) -> list[Note]:
        """What was left alone, each with its reason."""
        gone = [_outcome_note(o) for o in self.outcomes if o.verdict is Verdict.GONE]
        return [*self.plan.skips, *gone]

    def failed_percent(self) -> float:
        """Share of the records that failed, of all that should be in Swoogo."""
        failed = {o.action.row.key for o in self.outcomes if o.verdict is Verdict.FAILED}
        wanted = {a.row.key for a in self.plan.actions} | {r.key for r in self.plan.unchanged}
        return 100 * len(failed) / len(wanted) if wanted else 0.0


@dataclass
class RunReport:
    """What a run did.

    Attributes:
        run_id: Names the run.
        started: When it began to reconcile.
        ended: When it was done.
        dry_run: Whether nothing was to be changed.
        pairs: Its event pairs.
        credits_used: Credits of Swoogo's quota it used.
        credits_left: Credits left in the quota's window; None when Swoogo was not called.
    """

    run_id: str
    started: datetime
    ended: datetime
    dry_run: bool
    pairs: Sequence[PairReport]
    credits_used: int
    credits_left: int | None

    def summary(self) -> dict[str, Any]:
        """The figures of the run, for the ledger."""
        return {
            "dry_run": self.dry_run,
            "credits": self.credits_used,
            "pairs": [_figures(pair) for pair in self.pairs],
        }

    def as_json(self) -> dict[str, Any]:
        """The report as plain data, of shape `VERSION`."""
        return {
            "version": VERSION,
            "run_id": self.run_id,
            "started_at": self.started.isoformat(timespec="seconds"),
            "ended_at": self.ended.isoformat(timespec="seconds"),
            "dry_run": self.dry_run,
            "credits_used": self.credits_used,
            "credits_left": self.credits_left,
            "pairs": [_pair_json(pair) for pair in self.pairs],
        }

    def as_text(self) -> list[str]:
        """The report as lines for a log."""
        lines = [line for pair in self.pairs for line in _pair_text(pair, dry_run=self.dry_run)]
        if self.credits_left is None:
            lines.append("Swoogo was not called: there was nothing to do.")
        else:
            lines.append(
                f"Credits of Swoogo's quota: {self.credits_used:,} used, "
                f"{self.credits_left:,} left."
            )
        return lines

    def write(self, folder: str) -> Path | None:
        """Keep the report as a file, for its owner's eyes only.

        Args:
            folder: Where; none when empty.

        Returns:
            The file.

        Raises:
            OSError: It cannot be written.
        """
        if not folder:
            return None
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        content = msgspec.json.format(msgspec.json.encode(self.as_json()), indent=1)
        report = path / f"{self.run_id}.json"
        for file in (report, path / "latest.json"):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
        return report


def _figures(pair: PairReport) -> dict[str, Any]:
    return {
        "sessionboard_event_id": pair.pair.sessionboard_event_id,
        "swoogo_event_id": pair.pair.swoogo_event_id,
        "event_name": pair.event_name,
        "error": {"code": pair.error[0], "message": pair.error[1]} if pair.error else None,
        "postponed": pair.postponed,
        "counts": {kind: dict(counts) for kind, counts in pair.counts().items()},
        "links_and_images": dict(pair.extras()),
        "planned_credits": pair.plan.cost,
    }


def _pair_json(pair: PairReport) -> dict[str, Any]:
    if pair.outcomes:
        changes = [_change_json(o.action, o.verdict.value, o.detail) for o in pair.outcomes]
    else:
        changes = [_change_json(action, "planned", None) for action in pair.plan.actions]
    return _figures(pair) | {
        "actions": changes,
        "skipped": [_note_json(note) for note in pair.skips()],
        "failed": [_note_json(note) for note in pair.failures()],
        "pending": [_note_json(note) for note in pair.pending()],
        "warnings": [_note_json(note) for note in pair.plan.warnings],
    }


def _change_json(action: Action, verdict: str, detail: str | None) -> dict[str, Any]:
    return {
        "action": action.verb.value,
        "kind": action.row.kind.value,
        "id": action.row.source_id,
        "name": action.row.label,
        "outcome": verdict,
        "detail": detail,
        "credits": action.cost,
        "changes": {
            name: {"old": _shown(name, change.old), "new": _shown(name, change.new)}
            for name, change in action.changes.items()
        },
        "sessions": list(action.sessions),
    }


def _shown(name: str, value: Value) -> str | int | None:
    if isinstance(value, Ref):
        return f"new {value.kind.value}"
    if isinstance(value, Choice):
        return value.name
    if name == "email" and isinstance(value, str):
        return masked(value)
    return value


def masked(email: str) -> str:
    """An e-mail address that can be recognised by those who know it, and used by nobody else."""
    return re.sub(r"(?<=^.)[^@]*|(?<=@.)[^.]*", "***", email)


def _note_json(note: Note) -> dict[str, Any]:
    return {
        "kind": note.kind,
        "id": note.source_id,
        "name": note.label,
        "code": note.code,
        "message": note.message,
    }


def _pair_text(pair: PairReport, *, dry_run: bool) -> list[str]:
    name = pair.event_name or "Event"
    lines = [
        f"{name}: Sessionboard event {pair.pair.sessionboard_event_id} to Swoogo event "
        f"{pair.pair.swoogo_event_id}" + (" (dry run: nothing was changed)" if dry_run else "")
    ]
    if pair.error:
        lines.append(f"  Stopped [{pair.error[0]}]: {pair.error[1]}")
    if pair.postponed:
        lines.append("  Not looked at: the run ended before its turn; the next one does it.")
    counts = pair.counts()
    if any(counts.values()):
        lines.append("  " + " " * 10 + "".join(f"{column:>10}" for column in _COLUMNS))
        for kind in Kind:
            figures = "".join(f"{counts[kind.value][column]:>10,}" for column in _COLUMNS)
            lines.append(f"  {kind.plural:<10}{figures}")
    extras = pair.extras()
    for what, label in (("links", "Speakers linked to their sessions"), ("images", "Images")):
        parts = [
            f"{count:,} {key.split(' ', 1)[1]}"
            for key, count in sorted(extras.items())
            if key.startswith(what)
        ]
        if parts:
            lines.append(f"  {label}: {', '.join(parts)}")
    if dry_run:
        lines.append(f"  It would use {pair.plan.cost:,} credits of Swoogo's quota")
    for title, notes in (
        ("Failed", pair.failures()),
        ("Pending", pair.pending()),
        ("Skipped", pair.skips()),
        ("Note", pair.plan.warnings),
    ):
        lines += _grouped(title, notes)
    return lines


def _grouped(title: str, notes: Iterable[Note]) -> list[str]:
    """Reason by reason: the first record's sentence, and the names of some others."""
    groups: dict[tuple[str, str], list[Note]] = defaultdict(list)
    for note in notes:
        groups[note.kind, note.code].append(note)
    lines = []
    for (kind, code), members in groups.items():
        count = f"{len(members):,} {kind}{'s' if len(members) > 1 else ''}"
        lines += [f"  {title}: {count} [{code}]", f"    {members[0].message}"]
        others = [_short(note.label) for note in members[1 : 1 + _MOST_NAMES]]
        if others:
            rest = len(members) - 1 - len(others)
            names = "; ".join(others) + (f"; and {rest:,} more" if rest else "")
            lines.append(f"    Likewise: {names}")
    return lines


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…"


def _outcome_note(outcome: Outcome) -> Note:
    row = outcome.action.row
    code, message = outcome.code or outcome.verdict.value, outcome.message or outcome.verdict.value
    return Note(row.kind.value, row.source_id, row.label, code, message)
