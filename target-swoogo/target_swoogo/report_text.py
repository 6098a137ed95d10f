"""The report as lines for a log, for people who have little time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from target_swoogo.model import Kind
from target_swoogo.report_outcome import COLUMNS, changed, outcome

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from target_swoogo.model import Note
    from target_swoogo.report import PairReport, RunReport

_WORDS = {"images same": "the same as before"}
_MOST_NAMES = 4
_LONGEST_NAME = 40


def run_text(report: RunReport) -> list[str]:
    """The report as lines: what came of each event pair, its figures, and what is to be done."""
    lines = [line for pair in report.pairs for line in _pair(pair, dry_run=report.dry_run)]
    if report.estimate is not None:
        lines.append(report.estimate.sentence)
    return [*lines, quota(report)]


def quota(report: RunReport) -> str:
    """What the run used of Swoogo's quota, as a sentence."""
    if report.credits_left is not None:
        return (
            f"Credits of Swoogo's quota: {report.credits_used:,} used, "
            f"{report.credits_left:,} left."
        )
    if changed(report.pairs) or any(pair.error or pair.postponed for pair in report.pairs):
        return "Swoogo was not called."
    return "Swoogo was not called: there was nothing to do."


def extras(pair: PairReport) -> list[tuple[str, str]]:
    """What was done with links and images: of each, what it is and the figures."""
    counted = pair.extras()
    told = []
    for what, label in (("links", "Speakers linked to sessions"), ("images", "Images")):
        parts = [
            f"{count:,} {_WORDS.get(key, key.split(' ', 1)[1])}"
            for key, count in sorted(counted.items())
            if key.startswith(what)
        ]
        if parts:
            told.append((label, ", ".join(parts)))
    return told


def grouped(notes: Iterable[Note]) -> dict[tuple[str, str], list[Note]]:
    """Notes by the kind of their record and the code of their reason."""
    groups: dict[tuple[str, str], list[Note]] = defaultdict(list)
    for note in notes:
        groups[note.kind, note.code].append(note)
    return groups


def filled(counts: dict[str, Counter[str]]) -> tuple[list[Kind], list[str]]:
    """The rows and columns of the table of counts that say anything."""
    kinds = [kind for kind in Kind if any(counts[kind.value].values())]
    return kinds, [c for c in COLUMNS if any(counts[kind.value][c] for kind in kinds)]


def _pair(pair: PairReport, *, dry_run: bool) -> list[str]:
    code = f" [{pair.error[0]}]" if pair.error else ""
    event_ids = (
        f"Sessionboard event {pair.pair.sessionboard_event_id} to Swoogo event "
        f"{pair.pair.swoogo_event_id}"
    )
    lines = [
        f"{pair.event_name or 'Event'}: {outcome([pair], dry_run=dry_run)}{code}",
        f"  {event_ids}",
    ]
    active = bool(pair.steps())
    if active:
        lines += _table(pair)
    lines += [f"  {label}: {figures}" for label, figures in extras(pair)]
    for title, notes in (
        ("Failed", pair.failures()),
        ("Held back", pair.held()),
        ("Later", pair.pending()),
    ):
        lines += _sorted_out(title, notes)
    for title, notes in (("Left out", pair.skips()), ("Note", pair.plan.warnings)):
        # What was said when something was done last need not be said in full every time.
        lines += _sorted_out(title, notes) if active else _in_short(title, notes)
    return lines


def _table(pair: PairReport) -> list[str]:
    counts = pair.counts()
    kinds, columns = filled(counts)
    lines = [" " * 12 + "".join(f"{column:>10}" for column in columns)] if kinds else []
    for kind in kinds:
        figures = "".join(f"{counts[kind.value][column]:>10,}" for column in columns)
        lines.append(f"  {kind.plural:<10}{figures}")
    return lines


def _in_short(title: str, notes: Iterable[Note]) -> list[str]:
    reasons = [
        f"{_count(kind, members)} [{code}]" for (kind, code), members in grouped(notes).items()
    ]
    return [f"  {title}: {', '.join(reasons)}"] if reasons else []


def _sorted_out(title: str, notes: Iterable[Note]) -> list[str]:
    """Reason by reason: the first record's sentence, and the names of some others."""
    lines = []
    for (kind, code), members in grouped(notes).items():
        lines += [f"  {title}: {_count(kind, members)} [{code}]", f"    {members[0].message}"]
        others = [_short(note.label) for note in members[1 : 1 + _MOST_NAMES]]
        if others:
            rest = len(members) - 1 - len(others)
            names = "; ".join(others) + (f"; and {rest:,} more" if rest else "")
            lines.append(f"    Likewise: {names}")
    return lines


def _count(kind: str, members: Sequence[Note]) -> str:
    return f"{len(members):,} {kind}{'s' if len(members) > 1 else ''}"


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…"
