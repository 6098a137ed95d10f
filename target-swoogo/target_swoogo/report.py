"""What a run did: its event pairs, what came of each, and the figures of it all."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from target_swoogo import report_json, report_text
from target_swoogo.actions import Plan, Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.history import KEPT
from target_swoogo.model import Kind, Note
from target_swoogo.report_directory import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from target_swoogo.actions import Action
    from target_swoogo.estimate import Estimate
    from target_swoogo.ledger import Pair
    from target_swoogo.model import Key, PastRun

_REPORT = re.compile(r"(\d{8}T\d{6})-[0-9a-f]{6}\.(?:json|html)")
"""A report's name, which begins with the time of its run."""

_RECORD_VERBS = frozenset({Verb.CREATE, Verb.ADOPT, Verb.UPDATE})
_VERDICT_COLUMN = {
    Verdict.CREATED: "created",
    Verdict.UPDATED: "updated",
    Verdict.ADOPTED: "adopted",
    Verdict.GONE: "skipped",
    Verdict.FAILED: "failed",
    Verdict.PENDING: "pending",
}
_PLANNED = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.ADOPT: "adopted"}
_DONE = frozenset({"created", "updated", "adopted", "unchanged"})


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
        zone: The event's time zone; None where it is not known.
        directory: Names and pages of the records that the report names.
        read: Whether the event was read whole from Sessionboard in this run.
        at_rest: By kind, how many records the plan leaves out, for they are as the last run found
            them to be; None where the plan is about all of them.
    """

    pair: Pair
    event_name: str | None = None
    plan: Plan = field(default_factory=Plan)
    outcomes: list[Outcome] = field(default_factory=list)
    error: tuple[str, str] | None = None
    postponed: bool = False
    zone: ZoneInfo | None = None
    directory: Directory = field(default_factory=Directory)
    read: bool = True
    at_rest: Mapping[str, int] | None = None

    def counts(self) -> dict[str, Counter[str]]:
        """How many records of each kind were created, updated and so on.

        A record of which a part was done and a part is held back counts as held. In a dry run these
        are the figures the run would have had.
        """
        ended: dict[Key, str] = {row.key: "unchanged" for row in self.plan.unchanged}
        ended |= {action.row.key: column for action, column in self._record_results()}
        for held in self.plan.held:
            key = held.action.row.key
            if held.action.verb in _RECORD_VERBS and ended.get(key, "unchanged") in _DONE:
                ended[key] = "held"
        table: dict[str, Counter[str]] = {kind.value: Counter() for kind in Kind}
        for kind_at_rest, count in (self.at_rest or {}).items():
            table[kind_at_rest]["unchanged"] += count
        for (kind, _), column in ended.items():
            table[kind.value][column] += 1
        for column, notes in (("pending", self.plan.waiting), ("skipped", self.plan.skips)):
            for note in notes:
                table[note.kind][column] += 1
        return table

    def done(self) -> Counter[str]:
        """How many records were created, updated and adopted, also where a part is held back."""
        return Counter(column for _, column in self._record_results() if column in _DONE)

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
        for held in self.plan.held:
            if held.action.verb not in _RECORD_VERBS:
                done["images held" if held.action.verb is Verb.IMAGE else "links held"] += 1
        return done

    def failures(self) -> list[Note]:
        """What failed, each with its reason."""
        return [_outcome_note(o) for o in self.outcomes if o.verdict is Verdict.FAILED]

    def held(self) -> list[Note]:
        """What a guard holds back, each with its reason."""
        return [
            Note(row.kind.value, row.source_id, row.label, held.code, held.message)
            for held in self.plan.held
            for row in [held.action.row]
        ]

    def pending(self) -> list[Note]:
        """What a later run completes, each with its reason."""
        late = [_outcome_note(o) for o in self.outcomes if o.verdict is Verdict.PENDING]
        # A record that waits with its links and its image is one record that waits.
        return list(dict.fromkeys([*self.plan.waiting, *late]))

    def skips(self) -> list[Note]:
        """What was left alone, each with its reason."""
        gone = [_outcome_note(o) for o in self.outcomes if o.verdict is Verdict.GONE]
        return [*self.plan.skips, *gone]

    def steps(self) -> list[Outcome | Action]:
        """What was done, or in a dry run would be."""
        return [*(self.outcomes or self.plan.actions)]

    def failed_percent(self) -> float:
        """Share of the records that failed, of all that should be in Swoogo."""
        failed = {o.action.row.key for o in self.outcomes if o.verdict is Verdict.FAILED}
        planned = {a.row.key for a in self.plan.actions} | {r.key for r in self.plan.unchanged}
        wanted = len(planned) + sum((self.at_rest or {}).values())
        return 100 * len(failed) / wanted if wanted else 0.0


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
        past: The runs before it, the latest first.
        partial: Whether it was limited to chosen records, so that it is not the latest of all.
        estimate: For a dry run, what carrying it out would cost.
    """

    run_id: str
    started: datetime
    ended: datetime
    dry_run: bool
    pairs: Sequence[PairReport]
    credits_used: int
    credits_left: int | None
    past: Sequence[PastRun] = ()
    estimate: Estimate | None = None
    partial: bool = False

    def summary(self) -> dict[str, Any]:
        """The figures of the run, for the ledger; they name no record."""
        return report_json.summary(self)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data, of the shape that `report_json` describes."""
        return report_json.run_json(self)

    def as_text(self) -> list[str]:
        """The report as lines for a log."""
        return report_text.run_text(self)

    def as_html(self) -> str:
        """The report as a page that needs nothing else."""
        from target_swoogo import report_html  # noqa: PLC0415 - jinja2

        return report_html.page(self)

    def write(self, folder: str) -> Path | None:
        """Keep the report as files, for their owner's eyes only.

        Each is replaced whole or not at all: the report of this run and a copy of it as the latest,
        both as JSON and as a page. A run that found all at rest says nothing new, and is told as
        the latest only; a partial one is not the latest.

        Args:
            folder: Where; none when empty.

        Returns:
            The page.

        Raises:
            OSError: It cannot be written.
        """
        if not folder:
            return None
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        resting = [
            pair.at_rest is not None and pair.read and not pair.plan.actions for pair in self.pairs
        ]
        quiet = bool(resting) and all(resting)
        names = ["latest"] if quiet else [self.run_id] if self.partial else [self.run_id, "latest"]
        data = msgspec.json.format(msgspec.json.encode(self.as_json()), indent=1)
        text = self.as_html().encode()
        for content, ending in ((data, "json"), (text, "html")):
            for name in names:
                _replace(path / f"{name}.{ending}", content)
        _let_go(path, self.ended - KEPT)
        return path / f"{names[0]}.html"


def _let_go(folder: Path, before: datetime) -> None:
    """Remove reports, and nothing else, that are older than what the ledger remembers."""
    for file in folder.iterdir():
        if (named := _REPORT.fullmatch(file.name)) and named[1] < f"{before:%Y%m%dT%H%M%S}":
            file.unlink(missing_ok=True)


def _replace(file: Path, content: bytes) -> None:
    # A new file of mkstemp is its owner's alone, whatever the umask.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise


def _outcome_note(outcome: Outcome) -> Note:
    row = outcome.action.row
    code, message = outcome.code or outcome.verdict.value, outcome.message or outcome.verdict.value
    return Note(row.kind.value, row.source_id, row.label, code, message)
