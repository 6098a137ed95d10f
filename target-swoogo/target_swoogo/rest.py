"""Knows when a run must come out as the last one did, so that nothing is judged anew.

An event pair is at rest after a run that found nothing to do for it and had nothing to wait for.
It stays so while nothing arrives, no setting and no version changes, nobody else opens the ledger,
and no instant passes at which the rules would decide otherwise. What edits of a few records and
the ends of a few sessions come to is evaluated alone (`edits`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, time, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from target_swoogo.actions import Plan
from target_swoogo.freeze import bounds as freeze_bounds
from target_swoogo.model import Kind, Note, Ref
from target_swoogo.records import MOST_EDITS
from target_swoogo.removals import is_any_missing, next_day
from target_swoogo.report_directory import Directory, Pages
from target_swoogo.settings import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_swoogo.evaluate import Evaluated
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Key, Row
    from target_swoogo.report import PairReport
    from target_swoogo.settings import Settings


class Rest(msgspec.Struct, frozen=True):
    """What a run found that had nothing to do for a pair.

    Attributes:
        basis: Stands for all that it was decided by, besides records and time.
        until: The first instant at which it may come out otherwise, but for the ends of sessions;
            None where there is none.
        ends: When a session ends that is synced until then, and its id; the next ones, the
            soonest first.
        used: Rooms and tracks, and how many of the sessions that are not over each has.
        missing: Whether Swoogo has records that no longer belong to what is synced.
        event_name: The event's name in Sessionboard.
        zone: The event's time zone.
        counts: How many records of each kind are as they should be.
        skips: What is left alone.
        warnings: What a person should know.
        pages: Kind, id, and both pages of the records that are named.
    """

    basis: str
    until: datetime | None
    ends: list[tuple[datetime, str]]
    used: list[tuple[Kind, str, int]]
    missing: bool
    event_name: str | None
    zone: str
    counts: dict[str, int]
    skips: list[Note]
    warnings: list[Note]
    pages: list[tuple[Kind, str, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Since:
    """What has happened to a pair since it was found at rest.

    Attributes:
        rest: What the last run found.
        before: What the edited records were, by stream and record id; None for a new one.
        over: The sessions that ended.
        then: An instant at which they had not, and all others that are over had.
    """

    rest: Rest
    before: Mapping[tuple[str, str], str | None]
    over: frozenset[str]
    then: datetime


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
        self._stayed: list[tuple[PairReport, Rest]] = []
        self._found: list[tuple[PairReport, Evaluated]] = []

    def tell(self, report: PairReport) -> bool:
        """Report what the last run found, if this one can find nothing else.

        Args:
            report: The pair's report.

        Returns:
            Whether it is told, so that nothing has to be evaluated.
        """
        since = self.since(report.pair)
        if since is None or since.before or since.over:
            return False
        rest = since.rest
        report.event_name, report.zone = rest.event_name, ZoneInfo(rest.zone)
        report.plan = Plan()
        self.tell_beside(report, rest, ())
        pages = {(kind, id_): Pages(ours, theirs) for kind, id_, ours, theirs in rest.pages}
        report.directory = Directory(pages)
        self.stay(report, rest)
        return True

    def since(self, pair: Pair) -> Since | None:
        """Look whether a pair is at rest but for edits of a few records, and sessions that ended.

        Args:
            pair: The pair.

        Returns:
            What has happened since the last run; None where the pair is not at rest, or where more
            has arrived.
        """
        rest = self._rest_of(pair)
        before = self._ledger.arrived.get(pair.sessionboard_event_id, {})
        if rest is None or before is None:
            return None
        over = [(end, session_id) for end, session_id in rest.ends if end <= self._now]
        then = over[0][0] - datetime.resolution if over else self._now
        return Since(rest, before, frozenset(session_id for _, session_id in over), then)

    def tell_beside(self, report: PairReport, rest: Rest, evaluated: Iterable[Row]) -> None:
        """Report what is as the last run found it, beside what was evaluated.

        Args:
            report: The pair's report, with the plan for the evaluated rows.
            rest: What is at rest when that is done.
            evaluated: The evaluated rows.
        """
        report.at_rest = Counter(rest.counts) - Counter(row.kind.value for row in evaluated)
        report.plan.skips[:0] = rest.skips
        report.plan.warnings[:0] = rest.warnings

    def stay(self, report: PairReport, rest: Rest) -> None:
        """Let a pair rest on.

        Args:
            report: The pair's report.
            rest: What is at rest now.
        """
        self._stayed.append((report, rest))

    def _rest_of(self, pair: Pair) -> Rest | None:
        """What the last run found of a pair, if no time or setting lets this one find else."""
        rest = _read(self._known.get(pair.id))
        if rest is None or rest.basis != self._basis(pair):
            return None
        return rest if rest.until is None or self._now < rest.until else None

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
        resting = [(report, self._rest(report, seen)) for report, seen in self._found]
        texts = {
            report.pair.id: msgspec.json.encode(replace(rest, pages=_pages(report, rest))).decode()
            for report, rest in (*resting, *self._stayed)
        }
        self._ledger.keep_resting(texts)

    def _rest(self, report: PairReport, seen: Evaluated) -> Rest:
        until, ends = _next_changes(seen, self._settings, self._now)
        return Rest(
            self._basis(report.pair),
            until,
            ends,
            [(*key, count) for key, count in places(seen.programme.rows).items()],
            is_any_missing(seen.programme, seen.applied),
            report.event_name,
            seen.zone.key,
            {kind: n for kind, ended in report.counts().items() if (n := ended["unchanged"])},
            report.plan.skips,
            [note for note in report.plan.warnings if note.code not in _OF_THE_RUN],
            [],
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


def places(rows: Iterable[Row]) -> Counter[Key]:
    """The rooms and tracks of sessions, and how many of the sessions each has.

    Args:
        rows: The sessions, and any others.
    """
    return Counter(
        (place.kind, place.source_id)
        for row in rows
        if row.kind is Kind.SESSION
        for place in row.fields.values()
        if isinstance(place, Ref)
    )


def _pages(report: PairReport, rest: Rest) -> list[tuple[Kind, str, str | None, str | None]]:
    """Where the records can be seen that are named for as long as the pair is at rest."""
    named = {(note.kind, note.source_id) for note in (*rest.skips, *rest.warnings)}
    return [(*key, *pages) for key, pages in report.directory.pages.items() if key in named]


def _next_changes(
    seen: Evaluated, settings: Settings, now: datetime
) -> tuple[datetime | None, list[tuple[datetime, str]]]:
    """When the freeze begins or ends, or enough days are over for the guards; and sessions end."""
    ends = sorted((end, session_id) for session_id, end in seen.programme.ends.items())
    listed = ends[:MOST_EDITS]
    moments = [end for end, _ in ends[MOST_EDITS : MOST_EDITS + 1]]
    limit, today = settings.guard_missing_percent, now.astimezone(timezone.utc).date()
    day = next_day(seen.programme, seen.applied, limit, today)
    if day is not None:
        moments.append(datetime.combine(day, time.min, timezone.utc))
    if settings.freeze_hours:
        moments += freeze_bounds(seen.programme, seen.zone, settings.freeze_hours)
    return min((moment for moment in moments if moment > now), default=None), listed
