"""What edits of a few records, and ends of sessions, come to in a pair that is otherwise at rest.

The rules are applied twice to the edited records, to the sessions that ended and to the records
around them: as they were then, and as they are now. Where no more than texts differ, in rows that
are in Swoogo and as they should be, and sessions are gone that are merely over, that is all that
there is to do, and the rest of the pair is as the last run found it. Wherever that is not certain,
there is no answer, and the whole pair is evaluated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from msgspec import structs

from target_swoogo import observe
from target_swoogo.actions import CHOICES, Applied, Verb
from target_swoogo.evaluate import Evaluated, event_of, planned
from target_swoogo.guards import FEWEST
from target_swoogo.model import Kind, Programme, State
from target_swoogo.preflight import look_over
from target_swoogo.rest import places
from target_swoogo.rules import Sources, decide
from target_swoogo.source import STREAMS, Reader, Session, Unreadable, people_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import msgspec

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Key, Mapped, Note, Row
    from target_swoogo.rest import Rest, Since
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

_LISTS = {Kind.LOCATION: "rooms", Kind.TRACK: "tracks"}

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
    ledger: Ledger, pair: Pair, since: Since, settings: Settings, now: datetime
) -> tuple[Evaluated, Rest] | None:
    """Evaluate what was edited and what ended, and nothing else.

    Args:
        ledger: What was received, and what Swoogo was told.
        pair: The pair; but for that it is at rest.
        since: What has happened since it was.
        settings: The settings.
        now: The instant that decides what is over.

    Returns:
        The edited rows, with what Swoogo was told of them; and what is at rest when that is done.
        None where the whole pair must be evaluated.
    """
    if (
        any(stream not in _SINGLE for stream, _ in since.before)
        # Both ask for more than the records around an edit.
        or settings.freeze_hours
        or settings.subsessions == "as_sessions"
        or ledger.held(pair)
    ):
        return None
    event, zone = event_of(ledger, pair)
    around = _Around.read(ledger, pair, since)
    was = decide(around.sources(since.before), zone, settings, since.then, around.synced)
    became = decide(around.sources({}), zone, settings, now, around.synced)
    difference = _difference(was, became, since)
    if difference is None or not around.knows_everybody(became):
        return None
    keys = [row.key for row in difference.rows]
    known = ledger.mapped(pair, keys)
    applied = Applied(
        known | ledger.choices(pair),
        ledger.links(pair, [source_id for kind, source_id in keys if kind is Kind.SPEAKER]),
        ledger.images(pair, keys),
        {},
    )
    seen = Evaluated(event, zone, applied, Programme(difference.rows), {})
    rest = _without(difference, since.rest)
    if (
        any(not _is_synced(known, key) for key in keys)
        or not _knows_places(difference, around)
        or _is_much(difference.rows, rest, settings)
        or _is_told_of(difference, since.rest)
        or look_over(Programme(difference.former), applied.images)
        != look_over(seen.programme, applied.images)
    ):
        return None
    plan = planned(seen, observe.observed(pair, {}), settings, now, ())
    others = (plan.skips, plan.warnings, plan.waiting, plan.dead, plan.settled, plan.held)
    is_ordinary = all(action.verb in _ORDINARY for action in plan.actions)
    return (seen, rest) if is_ordinary and not any(others) else None


@dataclass(frozen=True, slots=True)
class _Around:
    """What was edited or ended, and all the records by which the rules decide about that.

    Attributes:
        payloads: By stream, as they are.
        synced: The sessions among them that are in Swoogo.
    """

    payloads: Mapping[str, Payloads]
    synced: frozenset[str]

    @classmethod
    def read(cls, ledger: Ledger, pair: Pair, since: Since) -> _Around:
        edited: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        for stream, record_id in since.before:
            edited[_SINGLE[stream]].add(record_id)
        edited[Kind.SESSION] |= since.over
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


@dataclass(frozen=True, slots=True)
class _Difference:
    """In what the two programmes differ.

    Attributes:
        rows: The rows with other texts, as they are.
        former: The same, as they were.
        over: The sessions that ended, as they were, and the rooms and tracks that no other has.
        notes: What is told of those sessions now.
        used: Rooms and tracks, and how many of the sessions that are not over each has.
    """

    rows: list[Row]
    former: list[Row]
    over: list[Row]
    notes: list[Note]
    used: Counter[Key]


def _difference(was: Programme, became: Programme, since: Since) -> _Difference | None:
    """In what the programmes differ; None where more does than texts, and sessions that ended."""
    before = {row.key: row for row in was.rows}
    after = {row.key: row for row in became.rows}
    # Whether a room or a track is still needed is decided by all sessions.
    over = [row for key, row in before.items() if key not in after and row.kind not in CHOICES]
    told = Counter(became.skips)
    told.subtract(was.skips)
    notes = [note for note, more in told.items() if more]
    seen = {*since.rest.skips, *since.rest.warnings}
    if (
        not after.keys() <= before.keys()
        or {(note.kind, note.source_id) for note in notes} != {row.key for row in over}
        or any(note.code != "session_over" or told[note] != 1 for note in notes)
        # Which of them it belongs to is decided by records far from the edited ones.
        or any(note.code == "speaker_email_shared" for note in since.rest.skips)
        or was.warnings != became.warnings
        or was.people != became.people
        or {one: was.ends[one] for one in was.ends.keys() - since.over} != became.ends
        # What was left alone before was told before: else this is not what the last run saw.
        or not seen.issuperset((*was.skips, *was.warnings))
    ):
        return None
    pairs = [(row, before[key]) for key, row in after.items() if row != before[key]]
    if any(row.kind in CHOICES or _shape(row) != _shape(former) for row, former in pairs):
        return None
    used = Counter({(kind, record_id): count for kind, record_id, count in since.rest.used})
    used.subtract(places(over))
    over += [row for key, row in before.items() if key in used and not used[key]]
    return _Difference([row for row, _ in pairs], [old for _, old in pairs], over, notes, +used)


def _knows_places(difference: _Difference, around: _Around) -> bool:
    """Whether the rooms and tracks of the sessions that ended are listed.

    Of others, what counts is what the last of all their sessions says.
    """
    return all(
        record_id in around.payloads[_LISTS[kind]] for kind, record_id in places(difference.over)
    )


def _without(difference: _Difference, rest: Rest) -> Rest:
    """What is at rest without the sessions that ended."""
    over = {row.source_id for row in difference.over}
    return structs.replace(
        rest,
        ends=[one for one in rest.ends if one[1] not in over],
        used=[(*key, count) for key, count in difference.used.items()],
        counts=dict(Counter(rest.counts) - Counter(row.kind.value for row in difference.over)),
        skips=[*rest.skips, *difference.notes],
    )


def _shape(row: Row) -> Row:
    """All of a row by which anything is decided about others."""
    fields = {name: value for name, value in row.fields.items() if name not in _TEXTS}
    return replace(row, label="", fields=fields, picture=None)


def _is_synced(known: Mapping[Key, Mapped], key: Key) -> bool:
    entry = known.get(key)
    return entry is not None and entry.swoogo_id is not None and entry.state is State.SYNCED


def _is_much(rows: Iterable[Row], rest: Rest, settings: Settings) -> bool:
    """Whether so many records changed that a guard may have to look at all of them."""
    limits = (settings.guard_changed_percent, settings.guard_emptied_percent)
    least = min((limit for limit in limits if limit), default=0)
    changed = Counter(row.kind for row in rows)
    return any(
        100 * count >= least * known
        for kind, count in changed.items()
        if least and (known := rest.counts.get(kind.value, 0)) >= FEWEST
    )


def _is_told_of(difference: _Difference, rest: Rest) -> bool:
    """Whether what is told of any record names one by a label that it no longer has, or is over."""
    notes = (*rest.skips, *rest.warnings)
    over = {row.key for row in difference.over}
    labels = {row.label for row in difference.former} - {row.label for row in difference.rows}
    labels |= {row.label for row in difference.over}
    return any((note.kind, note.source_id) in over for note in notes) or any(
        label in note.message for label in labels for note in notes
    )
