"""What the ledger says of one event pair, and what the rules make of it. Swoogo is not asked."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_swoogo import guards, observe
from target_swoogo.actions import Applied, digest
from target_swoogo.freeze import freeze, is_frozen
from target_swoogo.model import Held, Kind
from target_swoogo.observe import PairError
from target_swoogo.plan import make_plan
from target_swoogo.removals import guard_removals
from target_swoogo.rules import Sources, decide
from target_swoogo.source import STREAMS, Event, Reader, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    import msgspec

    from target_swoogo.actions import Observed, Plan
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Programme
    from target_swoogo.settings import Settings


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One event pair as it stands.

    Attributes:
        event: The event in Sessionboard.
        zone: Its time zone.
        applied: What Swoogo was last told.
        programme: What the rules decided.
        full_reads: By stream, how many records the last two full reads gave, the latest last.
    """

    event: Event
    zone: ZoneInfo
    applied: Applied
    programme: Programme
    full_reads: Mapping[str, Sequence[int]]


@contextmanager
def _without_collector() -> Iterator[None]:
    """What is made inside is kept, so that to look through it again and again frees nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_without_collector()
def evaluate(ledger: Ledger, pair: Pair, settings: Settings, now: datetime) -> Evaluated:
    """Apply the rules to what the ledger has of one pair.

    Args:
        ledger: What was received, and what Swoogo was told.
        pair: The pair.
        settings: The settings.
        now: The instant that decides what is over.

    Returns:
        The pair as it stands.

    Raises:
        PairError: The event was never received, or has no time zone.
    """
    event, zone = event_of(ledger, pair)
    applied = Applied(
        ledger.mapped(pair), ledger.links(pair), ledger.images(pair), ledger.intents(pair)
    )
    synced = {
        entry.source_id
        for entry in applied.mapped.values()
        if entry.kind is Kind.SESSION and entry.swoogo_id is not None
    }
    sources = _sources(ledger, pair.sessionboard_event_id)
    programme = decide(sources, zone, settings, now, synced)
    return Evaluated(event, zone, applied, programme, pair.observed.get("full_reads", {}))


@_without_collector()
def planned(
    seen: Evaluated, observed: Observed, settings: Settings, now: datetime, held: Iterable[Held]
) -> Plan:
    """The plan of a run: what separates Swoogo from what it should have, less what is held back.

    Args:
        seen: The pair as it stands.
        observed: What was seen in Swoogo.
        settings: The settings.
        now: The present instant.
        held: What was held back before; what of it was approved goes through.
    """
    programme, applied, held = seen.programme, seen.applied, list(held)
    plan = make_plan(programme, applied, observed, settings, now.timestamp())
    if is_frozen(programme, applied, seen.zone, settings.freeze_hours, now):
        freeze(plan, programme, applied, settings.freeze_hours, held)
    guards.guard(plan, programme, applied, settings, held)
    limit = settings.guard_missing_percent
    guard_removals(plan, programme, applied, limit, now.date(), held, seen.full_reads)
    return plan


def held_now(plan: Plan, held: Iterable[Held]) -> list[Held]:
    """What waits for approval: of the last run, and of what was received since.

    Args:
        plan: The plan.
        held: What the ledger has.
    """
    waiting = {(o.kind, o.source_id, o.action, o.code): o for o in held if not o.approved}
    for action, code, message in plan.held:
        kind, source_id = action.row.key
        verb, label = action.verb.value, action.row.label
        one = Held(kind, source_id, verb, code, digest(action), label, message)
        waiting.setdefault((kind, source_id, verb, code), one)
    return list(waiting.values())


def records(ledger: Ledger, stream: str, event_id: int) -> Iterator[Any]:
    """Every record of one stream and event, decoded; `Unreadable` where that fails."""
    reader: Reader[msgspec.Struct] = Reader(STREAMS[stream])
    for record_id, payload in ledger.sources(stream, event_id):
        yield reader.read(record_id, payload)


def event_of(ledger: Ledger, pair: Pair) -> tuple[Event, ZoneInfo]:
    """The event of a pair in Sessionboard, and its time zone.

    Args:
        ledger: What was received.
        pair: The pair.

    Raises:
        PairError: It was never received, or has no time zone.
    """
    record_id = str(pair.sessionboard_event_id)
    payload = dict(ledger.sources("events", pair.sessionboard_event_id)).get(record_id)
    if payload is None:
        raise PairError(
            "sessionboard_event_unknown",
            f"Nothing was received of Sessionboard event {pair.sessionboard_event_id}. If "
            f"tap-sessionboard failed above, mend that first; else correct sessionboard_event_id "
            f"in event_mappings, and see that the tap's event_ids include it and its stream "
            f"events is selected.",
        )
    event = Reader(Event).read(record_id, payload)
    zone = None if isinstance(event, Unreadable) else observe.zone_of(event.timezone)
    if isinstance(event, Unreadable) or zone is None:
        raise PairError(
            "sessionboard_timezone_unknown",
            f"Sessionboard event {pair.sessionboard_event_id} has no known time zone, so its "
            f"sessions cannot be placed on days; set it on the event's Details page.",
        )
    return event, zone


def _sources(ledger: Ledger, event_id: int) -> Sources:
    unreadable: list[tuple[Kind, Unreadable]] = []

    def readable(stream: str, kind: Kind) -> Iterator[Any]:
        for record in records(ledger, stream, event_id):
            if isinstance(record, Unreadable):
                unreadable.append((kind, record))
            else:
                yield record

    return Sources(
        records(ledger, "sessions", event_id),
        records(ledger, "speakers", event_id),
        records(ledger, "sponsors", event_id),
        {s.id for s in readable("session_statuses", Kind.SESSION) if s.deleted_at},
        {room.id: room for room in readable("rooms", Kind.LOCATION)},
        {track.id: track for track in readable("tracks", Kind.TRACK)},
        unreadable,
    )
