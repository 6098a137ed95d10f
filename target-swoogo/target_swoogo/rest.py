"""Knows when a run must come out as the last one did, so that nothing is judged anew.

An event pair is at rest after a run that found nothing to do for it and had nothing to wait for.
It stays so while nothing arrives, no setting and no version changes, nobody else opens the ledger,
and no instant passes at which the rules would decide otherwise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime, time, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from target_swoogo.actions import Plan
from target_swoogo.freeze import bounds as freeze_bounds
from target_swoogo.model import Kind, Note  # noqa: TC001 - msgspec reads them
from target_swoogo.removals import next_day
from target_swoogo.report_directory import Directory, Pages
from target_swoogo.settings import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_swoogo.evaluate import Evaluated
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Row
    from target_swoogo.report import PairReport
    from target_swoogo.settings import Settings


class Rest(msgspec.Struct, frozen=True):
    """What a run found that had nothing to do for a pair.

    Attributes:
        basis: Stands for all that it was decided by, besides records and time.
        until: The first instant at which it may come out otherwise; None where there is none.
        event_name: The event's name in Sessionboard.
        zone: The event's time zone.
        counts: How many records of each kind are as they should be.
        skips: What is left alone.
        warnings: What a person should know.
        pages: Kind, id, and both pages of the records that are named.
    """

    basis: str
    until: datetime | None
    event_name: str | None
    zone: str
    counts: dict[str, int]
    skips: list[Note]
    warnings: list[Note]
    pages: list[tuple[Kind, str, str | None, str | None]]


class Rests:
    """The pairs at rest, for one run.

    Args:
        ledger: Remembers them from run to run.
        settings: The settings.
        version: Of this program.
        now: The instant by which this run decides.
    """

    def __init__(self, ledger: Ledger, settings: Settings, version: str, now: datetime) -> None:
        self._ledger = ledger
        self._settings = settings
        self._version = version
        self._now = now
        self._known = ledger.resting()
        self._kept: dict[int, Rest] = {}
        self._found: list[tuple[PairReport, Evaluated]] = []

    def tell(self, report: PairReport) -> bool:
        """Report what the last run found, if this one can find nothing else.

        Args:
            report: The pair's report.

        Returns:
            Whether it is told, so that nothing has to be evaluated.
        """
        pair = report.pair
        rest = self._rest_of(pair)
        if rest is None or pair.sessionboard_event_id in self._ledger.arrived:
            return False
        report.event_name, report.zone = rest.event_name, ZoneInfo(rest.zone)
        report.plan = Plan()
        self.tell_beside(report, rest, ())
        self._kept[pair.id] = rest
        return True

    def edits(self, pair: Pair) -> tuple[Rest, dict[tuple[str, str], str]] | None:
        """Look whether a pair is at rest but for edits of a few records.

        Args:
            pair: The pair.

        Returns:
            What the last run found, and what the edited records were, by stream and record id;
            None where the pair is not at rest, or where more has arrived.
        """
        rest, before = self._rest_of(pair), self._ledger.arrived.get(pair.sessionboard_event_id)
        return (rest, before) if rest is not None and before else None

    def tell_beside(self, report: PairReport, rest: Rest, edited: Iterable[Row]) -> None:
        """Report what the last run found, beside what is done about edits.

        Args:
            report: The pair's report, with the plan for the edited rows.
            rest: What the last run found.
            edited: The edited rows.
        """
        report.at_rest = Counter(rest.counts) - Counter(row.kind.value for row in edited)
        report.plan.skips[:0] = rest.skips
        report.plan.warnings[:0] = rest.warnings
        pages = {(kind, id_): Pages(ours, theirs) for kind, id_, ours, theirs in rest.pages}
        report.directory = Directory(pages)

    def stay(self, pair: Pair, rest: Rest) -> None:
        """Let a pair rest on, after its edits were carried out.

        Args:
            pair: The pair.
            rest: What was found before them.
        """
        self._kept[pair.id] = rest

    def _rest_of(self, pair: Pair) -> Rest | None:
        """What the last run found of a pair, if no time or setting lets this one find else."""
        rest = _read(self._known.get(pair.id))
        if (
            rest is None
            or (rest.until and rest.until <= self._now)
            or rest.basis != self._basis(pair)
        ):
            return None
        return rest

    def note(self, report: PairReport, seen: Evaluated) -> None:
        """Look whether a pair is at rest, after it was brought up to date.

        Args:
            report: The pair's report.
            seen: The pair as it stood.
        """
        if _is_at_rest(report, seen):
            self._found.append((report, seen))

    def keep(self) -> None:
        """Remember the pairs at rest, as the last thing that a run does."""
        for report, seen in self._found:
            self._kept[report.pair.id] = self._rest(report, seen)
        texts = {pair: msgspec.json.encode(rest).decode() for pair, rest in self._kept.items()}
        self._ledger.keep_resting(texts)

    def _rest(self, report: PairReport, seen: Evaluated) -> Rest:
        return Rest(
            self._basis(report.pair),
            _next_change(seen, self._settings, self._now),
            report.event_name,
            seen.zone.key,
            {kind: n for kind, ended in report.counts().items() if (n := ended["unchanged"])},
            report.plan.skips,
            [note for note in report.plan.warnings if note.code not in _OF_THE_RUN],
            [(*key, *pages) for key, pages in report.directory.pages.items()],
        )

    def _basis(self, pair: Pair) -> str:
        given = {k: v for k, v in asdict(self._settings).items() if k not in _SECRETS}
        facts = (self._version, pair.events, pair.observed.get("full_reads"), given)
        return blake2b(msgspec.json.encode(facts, order="sorted"), digest_size=16).hexdigest()


def _read(text: str | None) -> Rest | None:
    """What was remembered; None where nothing was, or by another version."""
    try:
        return msgspec.json.decode(text, type=Rest) if text else None
    except msgspec.DecodeError:
        return None


_SECRETS = {name for name, schema in SCHEMA["properties"].items() if schema.get("secret")}
"""Nothing is decided by them."""

_OF_THE_RUN = frozenset({"sessionboard_not_read"})
"""Warnings that are not about what a run found."""


def _is_at_rest(report: PairReport, seen: Evaluated) -> bool:
    plan = report.plan
    return not (
        plan.actions
        or plan.held
        or plan.waiting
        or plan.dead
        or plan.settled
        or report.outcomes
        or seen.applied.intents
    )


def _next_change(seen: Evaluated, settings: Settings, now: datetime) -> datetime | None:
    """When a session ends, the freeze begins or ends, or enough days are over for the guards."""
    moments = [seen.programme.until] if seen.programme.until is not None else []
    limit, today = settings.guard_missing_percent, now.astimezone(timezone.utc).date()
    day = next_day(seen.programme, seen.applied, limit, today)
    if day is not None:
        moments.append(datetime.combine(day, time.min, timezone.utc))
    if settings.freeze_hours:
        moments += freeze_bounds(seen.programme, seen.zone, settings.freeze_hours)
    return min((moment for moment in moments if moment > now), default=None)
