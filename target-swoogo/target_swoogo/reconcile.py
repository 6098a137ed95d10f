"""One run after the last record: rules, observe, plan, apply, pair by pair."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from target_swoogo import observe
from target_swoogo.actions import Applied, Verb, part
from target_swoogo.answers import SwoogoError
from target_swoogo.apply import Applier, Verdict
from target_swoogo.approvals import to_keep
from target_swoogo.clock import utc_now
from target_swoogo.edits import evaluate_edits
from target_swoogo.errors import TargetError
from target_swoogo.estimate import Estimate, estimate
from target_swoogo.evaluate import evaluate, planned
from target_swoogo.images import ImageFetcher
from target_swoogo.model import Choice, Kind, Mapped, Note, State
from target_swoogo.observe import PairError
from target_swoogo.plan import level_name, to_find
from target_swoogo.preflight import look_over
from target_swoogo.progress import Progress
from target_swoogo.quota import Quota, QuotaSpent
from target_swoogo.report import PairReport, RunReport
from target_swoogo.report_directory import look_up
from target_swoogo.rest import Rests
from target_swoogo.selection import narrow
from target_swoogo.swoogo import Swoogo
from target_swoogo.values import label_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from target_swoogo.actions import Action, Observed, Plan
    from target_swoogo.evaluate import Evaluated
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Found, Held, Key, Programme
    from target_swoogo.rest import Rest
    from target_swoogo.settings import Settings


@dataclass
class Reconciler:
    """Closes the difference between what Sessionboard last said and what Swoogo was last told.

    Attributes:
        ledger: What both were.
        settings: The settings.
        stop: Set to end early.
        user_agent: Names this program to the servers it talks to.
        now: The instant that decides what is over.
        only: Chooses the records of a pair to which this run is limited; all where None.
        read: The Sessionboard events that were read whole in this run; None where it is not about
            reading.
        full_reads: Of those events, how many records of each stream the last two full reads gave.
    """

    ledger: Ledger
    settings: Settings
    stop: threading.Event
    user_agent: str
    now: datetime
    only: Callable[[Pair, Programme, Applied], Collection[Key]] | None = None
    read: Collection[int] | None = None
    full_reads: Mapping[int, Mapping[str, Sequence[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        deadline = time.monotonic() + settings.time_budget_minutes * 60
        self.quota = Quota(settings.quota_reserve_percent, deadline, sleep=self.stop.wait)
        self._client = Swoogo(
            settings.api_url,
            settings.consumer_key,
            settings.consumer_secret,
            self.quota,
            workers=settings.max_workers,
            user_agent=self.user_agent,
            sleep=self.stop.wait,
        )
        self._rests: Rests | None = None
        if self.only is None and not settings.dry_run:
            self._rests = Rests(self.ledger, settings, self.user_agent, self.now)
        self._fetcher = ImageFetcher(
            max_bytes=settings.image_max_bytes,
            allow_private=settings.allow_private_images,
            user_agent=self.user_agent,
        )

    def run(self) -> RunReport:
        """Sync every event pair of the settings, and note in the ledger how it went.

        Returns:
            What was done, pair by pair. A pair that failed says so and does not stop the others;
            a failure of all of them ends the run after the pair that met it.
        """
        started = utc_now()
        past = self.ledger.past_runs(_TREND)
        pairs = self._pairs()
        for pair in pairs:
            if not pair.directory.pages:
                pair.directory = look_up(self.ledger, pair)
        left = self.quota.left if self.quota.spent else None
        report = RunReport(
            self.ledger.run_id,
            started,
            utc_now(),
            self.settings.dry_run,
            pairs,
            self.quota.spent,
            left,
            past,
            self._estimate(pairs) if self.settings.dry_run else None,
            partial=self.only is not None,
        )
        self.ledger.end_run(report.summary())
        if self._rests is not None:
            self._rests.keep()
        return report

    def _estimate(self, pairs: Iterable[PairReport]) -> Estimate:
        """The real run asks Swoogo what this one has asked, and then does what is planned."""
        return estimate(
            self.quota.spent + sum(pair.plan.cost for pair in pairs),
            reserve_percent=self.settings.quota_reserve_percent,
            budget_minutes=self.settings.time_budget_minutes,
            workers=self.settings.max_workers,
            limit=self.quota.limit,
            left=self.quota.left,
            resets_in=self.quota.resets_in,
        )

    def _pairs(self) -> list[PairReport]:
        reports: list[PairReport] = []
        try:
            for pair in self.ledger.propose(self.settings.event_mappings):
                report = PairReport(pair)
                reports.append(report)
                if self.stop.is_set():
                    report.postponed = True
                    continue
                try:
                    self._pair(report)
                except PairError as error:
                    report.error = (error.code, str(error))
                except QuotaSpent:
                    report.postponed = True
                except SwoogoError as error:
                    report.error = (error.code, f"Swoogo could not be read: {error}.")
                except TargetError as error:
                    report.error = (error.code, str(error))
                    break
        finally:
            self._client.close()
        return reports

    def _pair(self, report: PairReport) -> None:
        pair = report.pair
        report.read = self.read is None or pair.sessionboard_event_id in self.read
        counts = self.full_reads.get(pair.sessionboard_event_id)
        if counts is not None and counts != pair.observed.get("full_reads"):
            pair.observed["full_reads"] = counts
            with self.ledger.commit():
                self.ledger.remember(pair)
        done = (self._rests is not None and self._rests.tell(report)) or self._bring_up(report)
        if not report.read:
            report.plan.warnings.append(_not_read(pair, report.event_name))
        elif done:
            with self.ledger.commit():
                self.ledger.synced(pair)

    def _bring_up(self, report: PairReport) -> bool:
        """Bring a pair up to date; whether nothing was left undone."""
        pair = report.pair
        seen, rest = self._seen(pair)
        applied, programme = seen.applied, seen.programme
        report.event_name = label_of(seen.event.name, None, "Event")
        report.zone = seen.zone
        before = self.ledger.held(pair)
        asked = self.quota.spent
        report.plan = plan = self._plan(pair, seen, before)
        if self._rests is not None and rest is not None:
            self._rests.tell_beside(report, rest, programme.rows)
        else:
            nested = self.settings.subsessions == "as_sessions"
            plan.warnings += look_over(programme, applied.images, nested=nested)
        held, to_do = plan.held, {_what(action) for action in plan.actions}
        before = self._hold_back(pair, before, to_keep(held, before, to_do))
        if self.only is not None:
            ids = {k: e.swoogo_id for k, e in applied.mapped.items() if e.swoogo_id is not None}
            narrow(plan, self.only(pair, programme, applied), ids)
        if self.settings.dry_run:
            return False
        self._note_ambiguous(report)
        self._apply(report)
        to_do -= {_what(o.action) for o in report.outcomes}
        to_do |= {_what(o.action) for o in report.outcomes if o.verdict in _UNFINISHED}
        self._hold_back(pair, before, to_keep(held, before, to_do))
        # Levels that are not known are looked for again after a while.
        asks = self.quota.spent > asked or _unknown_levels(programme, pair)
        if self._rests is not None and rest is not None:
            if all(o.verdict in _AS_PLANNED and o.code is None for o in report.outcomes):
                self._rests.stay(report, rest)
        elif self._rests is not None and not asks:
            self._rests.note(report, seen)
        return self.only is None and not any(o.code in _CUT_OFF for o in report.outcomes)

    def _seen(self, pair: Pair) -> tuple[Evaluated, Rest | None]:
        """The pair as it stands; or what happened to it alone, and what the rest of it is."""
        if self._rests is not None and (since := self._rests.since(pair)) is not None:
            part = evaluate_edits(self.ledger, pair, since, self.settings, self.now)
            if part is not None:
                return part
        return evaluate(self.ledger, pair, self.settings, self.now), None

    def _apply(self, report: PairReport) -> None:
        progress = Progress(
            report.event_name or "",
            len(report.plan.actions),
            self.settings.progress_seconds,
            lambda: self.quota.left,
        )
        applier = Applier(
            report.pair,
            self.ledger,
            self._client,
            self._fetcher,
            self.settings,
            self.stop,
            progress,
        )
        report.outcomes = applier.run(report.plan)
        if applier.error is not None:
            raise applier.error

    def _hold_back(self, pair: Pair, before: list[Held], now: list[Held]) -> list[Held]:
        """Remember what is held back, where that has changed."""
        if set(before) != set(now) and not self.settings.dry_run:
            with self.ledger.commit():
                self.ledger.hold_back(pair, now)
        return now

    def _note_ambiguous(self, report: PairReport) -> None:
        """Remember for those who ask later which records Swoogo has several times."""
        with self.ledger.commit():
            for note in report.plan.skips:
                if note.code == "ambiguous":
                    kind, state = Kind(note.kind), State.AMBIGUOUS
                    entry = Mapped(kind, note.source_id, note.label, state=state)
                    entry.code, entry.message = note.code, note.message
                    self.ledger.save(report.pair, entry)

    # Observing, as far as the plan needs it

    def _plan(self, pair: Pair, seen: Evaluated, held: list[Held]) -> Plan:
        applied, programme, settings = seen.applied, seen.programme, self.settings
        now = self.now.timestamp()

        def plan(observed: Observed) -> Plan:
            return planned(seen, observed, settings, self.now, held)

        draft = plan(observe.observed(pair, {}))
        unknown = _unknown_levels(programme, pair)
        # What is held back is not created, so that it need not be looked for.
        kept = {one.action.row.key for one in draft.held if one.action.verb is Verb.CREATE}
        look_for = [r for r in to_find(programme, applied, settings) if r.key not in kept]
        stale = now - pair.observed.get("levels_read_at", 0.0) > observe.LEVELS_AGE_SECONDS
        # An image can be tried again without asking Swoogo anything first.
        writes = any(action.verb is not Verb.IMAGE for action in draft.actions)
        if not writes and not look_for and not (unknown and stale):
            if not pair.held and "timezone" in pair.observed:
                # Released and mapped again, and as it should be.
                self.ledger.hold([pair.events])
            return draft
        observe.check_event(self._client, pair)
        warning = self._compare_zones(pair, seen.zone, programme)
        if unknown:
            observe.read_levels(self._client, pair, now)
        matches: dict[Key, list[Found]] = {}
        if look_for:
            matches = observe.find(self._client, pair, look_for, applied.intents)
            wanted = {row.key for row in programme.rows}
            left_over = (
                entry
                for key, entry in applied.mapped.items()
                if key not in wanted and entry.state is not State.TOMBSTONE
            )
            observe.find_unlisted(self._client, look_for, matches, left_over)
        with self.ledger.commit():
            self.ledger.remember(pair)
        self.ledger.hold([pair.events])
        final = plan(observe.observed(pair, matches))
        if warning:
            final.warnings.append(warning)
        return final

    def _compare_zones(self, pair: Pair, ours: ZoneInfo, programme: Programme) -> Note | None:
        name = pair.observed.get("timezone")
        theirs = observe.zone_of(name)
        instants = [
            datetime.fromisoformat(row.order) for row in programme.rows if row.kind is Kind.SESSION
        ]
        if theirs is not None and observe.same_zone(ours, theirs, instants):
            return None
        message = (
            f"The time zones differ: Sessionboard event {pair.sessionboard_event_id} keeps "
            f"{ours.key}, Swoogo event {pair.swoogo_event_id} keeps {name or 'none'}. Every "
            f"session would show at the wrong hour; set the same zone in both"
        )
        if self.settings.timezone_mismatch == "error":
            raise PairError("timezone_mismatch", f"{message}, or set timezone_mismatch to warn.")
        event_id = str(pair.sessionboard_event_id)
        return Note("event", event_id, event_id, "timezone_mismatch", f"{message}.")


_TREND = 20
"""So many past runs are shown beside this one."""

_CUT_OFF = frozenset({"quota_spent", "run_ended"})
"""Why an action was not even tried."""

_AS_PLANNED = frozenset({Verdict.UPDATED, Verdict.LINKED})
"""How an action ends that leaves nothing to look at again."""

_UNFINISHED = frozenset({Verdict.PENDING, Verdict.FAILED})
"""How an action ends that a later run tries again."""


def _not_read(pair: Pair, name: str | None) -> Note:
    event_id = str(pair.sessionboard_event_id)
    since = f"of {pair.synced_at}" if pair.synced_at else "incomplete"
    message = (
        f"Sessionboard event {event_id} was not read whole in this run, so what is in Swoogo may "
        f"be {since}; see what tap-sessionboard says above, and that its event_ids include "
        f"{event_id}."
    )
    return Note("event", event_id, name or event_id, "sessionboard_not_read", message)


def _what(action: Action) -> tuple[Key, str]:
    """The record that an action is about, and what of it."""
    return action.row.key, part(action.verb)


def _unknown_levels(programme: Programme, pair: Pair) -> bool:
    """Whether a sponsor has a tier that is not among the levels as last read."""
    levels = observe.remembered_levels(pair) or defaultdict(list)
    return any(
        len(levels.get(level_name(value.name), ())) != 1
        for row in programme.rows
        for value in _choices(row.fields.values())
    )


def _choices(values: Iterable[object]) -> Iterable[Choice]:
    return (value for value in values if isinstance(value, Choice))
