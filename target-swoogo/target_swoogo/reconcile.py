"""One run after the last record: rules, observe, plan, apply, pair by pair."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from target_swoogo import observe
from target_swoogo.actions import Applied, Verb
from target_swoogo.answers import SwoogoError
from target_swoogo.apply import Applier
from target_swoogo.errors import TargetError
from target_swoogo.images import ImageFetcher
from target_swoogo.model import Choice, Kind, Note
from target_swoogo.observe import PairError
from target_swoogo.plan import level_name, make_plan, to_find
from target_swoogo.quota import Quota, QuotaSpent
from target_swoogo.report import PairReport
from target_swoogo.rules import Sources, decide
from target_swoogo.source import STREAMS, Event, Reader, Room, Track, Unreadable
from target_swoogo.swoogo import Swoogo
from target_swoogo.values import label_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    import msgspec

    from target_swoogo.actions import Observed, Plan
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Found, Key, Programme
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
    """

    ledger: Ledger
    settings: Settings
    stop: threading.Event
    user_agent: str
    now: datetime

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
        self._fetcher = ImageFetcher(
            max_bytes=settings.image_max_bytes,
            allow_private=settings.allow_private_images,
            user_agent=self.user_agent,
        )

    def run(self) -> list[PairReport]:
        """Sync every event pair of the settings.

        Returns:
            What was done, pair by pair. A pair that failed says so and does not stop the others;
            a failure of all of them ends the run after the pair that met it.
        """
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
        event, zone = self._event(pair)
        report.event_name = label_of(event.name, None, "Event")
        applied = Applied(
            self.ledger.mapped(pair),
            self.ledger.links(pair),
            self.ledger.images(pair),
            self.ledger.intents(pair),
        )
        synced = {
            entry.source_id
            for entry in applied.mapped.values()
            if entry.kind is Kind.SESSION and entry.swoogo_id is not None
        }
        sources = self._sources(pair.sessionboard_event_id)
        programme = decide(sources, zone, self.settings, self.now, synced)
        report.plan = self._plan(report, programme, applied, zone)
        if self.settings.dry_run:
            return
        applier = Applier(pair, self.ledger, self._client, self._fetcher, self.settings, self.stop)
        report.outcomes = applier.run(report.plan)
        if applier.error is not None:
            raise applier.error

    # Reading the ledger

    def _event(self, pair: Pair) -> tuple[Event, ZoneInfo]:
        records = dict(self.ledger.sources("events", pair.sessionboard_event_id))
        payload = records.get(str(pair.sessionboard_event_id))
        if payload is None:
            raise PairError(
                "sessionboard_event_unknown",
                f"Nothing was received of Sessionboard event {pair.sessionboard_event_id}; correct "
                f"sessionboard_event_id in event_mappings, and see that the tap's event_ids "
                f"include it and its stream events is selected.",
            )
        event = Reader(Event).read(str(pair.sessionboard_event_id), payload)
        zone = None if isinstance(event, Unreadable) else observe.zone_of(event.timezone)
        if isinstance(event, Unreadable) or zone is None:
            raise PairError(
                "sessionboard_timezone_unknown",
                f"Sessionboard event {pair.sessionboard_event_id} has no known time zone, so its "
                f"sessions cannot be placed on days; set it on the event's Details page.",
            )
        return event, zone

    def _sources(self, event_id: int) -> Sources:
        statuses = self._read("session_statuses", event_id)
        return Sources(
            self._read("sessions", event_id),
            self._read("speakers", event_id),
            self._read("sponsors", event_id),
            {s.id for s in statuses if not isinstance(s, Unreadable) and s.deleted_at},
            {room.id: room for room in self._read("rooms", event_id) if isinstance(room, Room)},
            {t.id: t for t in self._read("tracks", event_id) if isinstance(t, Track)},
        )

    def _read(self, stream: str, event_id: int) -> Iterator[Any]:
        reader: Reader[msgspec.Struct] = Reader(STREAMS[stream])
        for record_id, payload in self.ledger.sources(stream, event_id):
            yield reader.read(record_id, payload)

    # Observing, as far as the plan needs it

    def _plan(
        self, report: PairReport, programme: Programme, applied: Applied, zone: ZoneInfo
    ) -> Plan:
        pair, now = report.pair, self.now.timestamp()

        def plan(seen: Observed) -> Plan:
            return make_plan(programme, applied, seen, self.settings, now)

        draft = plan(observe.observed(pair, {}))
        unknown = _unknown_levels(programme, pair)
        look_for = to_find(programme, applied, self.settings)
        stale = now - pair.observed.get("levels_read_at", 0.0) > observe.LEVELS_AGE_SECONDS
        # An image can be tried again without asking Swoogo anything first.
        writes = any(action.verb is not Verb.IMAGE for action in draft.actions)
        if not writes and not look_for and not (unknown and stale):
            if not pair.held and "timezone" in pair.observed:
                # Released and mapped again, and as it should be.
                self.ledger.hold([pair.events])
            return draft
        observe.check_event(self._client, pair)
        warning = self._compare_zones(pair, zone, programme)
        if unknown:
            observe.read_levels(self._client, pair, now)
        matches: dict[Key, list[Found]] = {}
        if look_for:
            matches = observe.find(self._client, pair, look_for, applied.intents)
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


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(timezone.utc)
