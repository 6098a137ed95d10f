"""What edits of a few records come to in an event pair that is otherwise at rest.

The rules are applied to the edited records and to those around them twice: as they were, and as
they are. Where no more than texts differ, in rows that are in Swoogo and as they should be, the
edits are all that there is to do, and the rest of the pair is as the last run found it. Wherever
that is not certain, there is no answer, and the whole pair is evaluated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_swoogo import observe
from target_swoogo.actions import Applied, Verb
from target_swoogo.evaluate import Evaluated, event_of, planned
from target_swoogo.guards import FEWEST
from target_swoogo.model import Kind, Programme, State
from target_swoogo.preflight import look_over
from target_swoogo.rules import Sources, decide
from target_swoogo.source import STREAMS, Reader, Session, Unreadable, people_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import msgspec

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Key, Row
    from target_swoogo.rest import Rest
    from target_swoogo.settings import Settings

Payloads = dict[str, str]
"""Records of one stream, as received, by their ids."""

_SINGLE = {
    "sessions": Kind.SESSION,
    "session_statuses": Kind.SESSION,
    "speakers": Kind.SPEAKER,
    "sponsors": Kind.SPONSOR,
}
"""The streams whose records are about one record of Swoogo's, and of which kind."""

_TEXTS = frozenset(
    {
        *("name", "description", "capacity"),
        *("first_name", "last_name", "job_title", "company", "bio"),
        *("website", "level"),
    }
)
"""The fields on which nothing depends that is decided about another record."""

_ORDINARY = frozenset({Verb.UPDATE, Verb.IMAGE})


def evaluate_edits(
    ledger: Ledger,
    pair: Pair,
    rest: Rest,
    before: Mapping[tuple[str, str], str],
    settings: Settings,
    now: datetime,
) -> Evaluated | None:
    """Evaluate what was edited, and nothing else.

    Args:
        ledger: What was received, and what Swoogo was told.
        pair: The pair; but for the edits it is at rest.
        rest: What the last run found.
        before: What the edited records were, by stream and record id.
        settings: The settings.
        now: The instant that decides what is over.

    Returns:
        The edited rows, and what Swoogo was told of them; None where the whole pair must be
        evaluated.
    """
    if (
        any(stream not in _SINGLE for stream, _ in before)
        # Both ask for more than the records around an edit.
        or settings.freeze_hours
        or settings.subsessions == "as_sessions"
        or ledger.held(pair)
    ):
        return None
    event, zone = event_of(ledger, pair)
    around = _Around.read(ledger, pair, before)
    was, became = (
        decide(sources, zone, settings, now, around.synced)
        for sources in (around.sources(before), around.sources({}))
    )
    rows = _edited(was, became, rest)
    if rows is None or not around.knows_everybody(became):
        return None
    keys = [row.key for row, _ in rows]
    applied = Applied(
        ledger.mapped(pair, keys) | ledger.choices(pair),
        ledger.links(pair, [row.source_id for row, _ in rows if row.kind is Kind.SPEAKER]),
        ledger.images(pair, keys),
        {},
    )
    seen = Evaluated(event, zone, applied, Programme([row for row, _ in rows]), {})
    old = [former for _, former in rows]
    if (
        any(not _is_synced(applied, key) for key in keys)
        or _is_much(rows, rest, settings)
        or _is_told_of(old, seen.programme.rows, rest)
        or look_over(Programme(old), applied.images) != look_over(seen.programme, applied.images)
    ):
        return None
    plan = planned(seen, observe.observed(pair, {}), settings, now, ())
    others = (plan.skips, plan.warnings, plan.waiting, plan.dead, plan.settled, plan.held)
    is_ordinary = all(action.verb in _ORDINARY for action in plan.actions)
    return seen if is_ordinary and not any(others) else None


@dataclass(frozen=True, slots=True)
class _Around:
    """The edited records, and all those by which the rules decide about them.

    Attributes:
        payloads: By stream, as they are.
        synced: The sessions among them that are in Swoogo.
    """

    payloads: Mapping[str, Payloads]
    synced: frozenset[str]

    @classmethod
    def read(cls, ledger: Ledger, pair: Pair, before: Iterable[tuple[str, str]]) -> _Around:
        edited: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        for stream, record_id in before:
            edited[_SINGLE[stream]].add(record_id)
        # A person's sessions decide whether they sync at all.
        sessions = edited[Kind.SESSION] | {
            session_id for _, session_id in ledger.links(pair, edited[Kind.SPEAKER])
        }
        event_id = pair.sessionboard_event_id

        def read(stream: str, ids: set[str] | None = None) -> Payloads:
            return dict(ledger.sources(stream, event_id, ids))

        payloads = {
            "sessions": read("sessions", sessions),
            "session_statuses": read("session_statuses", sessions),
            "sponsors": read("sponsors", edited[Kind.SPONSOR]),
            "rooms": read("rooms"),
            "tracks": read("tracks"),
        }
        people = edited[Kind.SPEAKER] | set(_people(payloads["sessions"]))
        payloads["speakers"] = read("speakers", people)
        known = ledger.mapped(pair, {(Kind.SESSION, session_id) for session_id in sessions})
        synced = {entry.source_id for entry in known.values() if entry.swoogo_id is not None}
        return cls(payloads, frozenset(synced))

    def sources(self, before: Mapping[tuple[str, str], str]) -> Sources:
        """The records as they are, some of them as they were before."""
        decoded: dict[str, list[Any]] = {}
        unreadable: list[tuple[Kind, Unreadable]] = []
        for stream, payloads in self.payloads.items():
            reader: Reader[msgspec.Struct] = Reader(STREAMS[stream])
            decoded[stream] = [
                reader.read(record_id, before.get((stream, record_id), payload))
                for record_id, payload in payloads.items()
            ]
        for stream, kind in (
            ("session_statuses", Kind.SESSION),
            ("rooms", Kind.LOCATION),
            ("tracks", Kind.TRACK),
        ):
            unreadable += [(kind, one) for one in decoded[stream] if isinstance(one, Unreadable)]
            decoded[stream] = [one for one in decoded[stream] if not isinstance(one, Unreadable)]
        return Sources(
            decoded["sessions"],
            decoded["speakers"],
            decoded["sponsors"],
            {status.id for status in decoded["session_statuses"] if status.deleted_at},
            {room.id: room for room in decoded["rooms"]},
            {track.id: track for track in decoded["tracks"]},
            unreadable,
        )

    def knows_everybody(self, programme: Programme) -> bool:
        """Whether all people on the sessions have records of their own.

        Of others, what counts is what the first of all their sessions says.
        """
        return all(
            people <= self.payloads["speakers"].keys() for people in programme.people.values()
        )


def _people(sessions: Payloads) -> Iterator[str]:
    """The ids of all whom sessions name, in whatever role."""
    reader = Reader(Session)
    for record_id, payload in sessions.items():
        session = reader.read(record_id, payload)
        if not isinstance(session, Unreadable):
            yield from (person.id for person in people_of(session))


def _edited(was: Programme, became: Programme, rest: Rest) -> list[tuple[Row, Row]] | None:
    """The rows that differ, as they are and as they were; None where more than texts does."""
    before = {row.key: row for row in was.rows}
    after = {row.key: row for row in became.rows}
    notes = {*rest.skips, *rest.warnings}
    if (
        before.keys() != after.keys()
        # Which of them it belongs to is decided by records far from the edited ones.
        or any(note.code == "speaker_email_shared" for note in rest.skips)
        or (was.skips, was.warnings) != (became.skips, became.warnings)
        or was.people != became.people
        # What was left alone before was told before: else this is not what the last run saw.
        or not notes.issuperset(note for note in (*was.skips, *was.warnings))
    ):
        return None
    rows = [(row, before[key]) for key, row in after.items() if row != before[key]]
    return rows if all(_shape(row) == _shape(former) for row, former in rows) else None


def _shape(row: Row) -> Row:
    """All of a row by which anything is decided about others."""
    fields = {name: value for name, value in row.fields.items() if name not in _TEXTS}
    return replace(row, label="", fields=fields, picture=None)


def _is_synced(applied: Applied, key: Key) -> bool:
    entry = applied.mapped.get(key)
    return entry is not None and entry.swoogo_id is not None and entry.state is State.SYNCED


def _is_much(rows: Iterable[tuple[Row, Row]], rest: Rest, settings: Settings) -> bool:
    """Whether so many records changed that a guard may have to look at all of them."""
    limits = (settings.guard_changed_percent, settings.guard_emptied_percent)
    least = min((limit for limit in limits if limit), default=0)
    changed = Counter(row.kind for row, _ in rows)
    return any(
        100 * count >= least * known
        for kind, count in changed.items()
        if least and (known := rest.counts.get(kind.value, 0)) >= FEWEST
    )


def _is_told_of(old: Iterable[Row], new: Iterable[Row], rest: Rest) -> bool:
    """Whether what is told of any record names one by a label that it no longer has."""
    former = {row.label for row in old} - {row.label for row in new}
    return any(label in note.message for label in former for note in (*rest.skips, *rest.warnings))
