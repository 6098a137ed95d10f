"""The records by which the rules decide about a few others, from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_swoogo.model import Kind, Ref
from target_swoogo.rules import Sources
from target_swoogo.source import STREAMS, Reader, Session, Unreadable, people_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import msgspec

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Programme
    from target_swoogo.rest import Rest, Since
    from target_swoogo.settings import Settings

Payloads = dict[str, str]
"""Records of one stream, as received, by their ids."""

SINGLE = {
    "sessions": Kind.SESSION,
    "session_statuses": Kind.SESSION,
    "speakers": Kind.SPEAKER,
    "sponsors": Kind.SPONSOR,
}
"""The streams whose records are about one record of Swoogo's, and of which kind."""

_LISTS = {Kind.LOCATION: "rooms", Kind.TRACK: "tracks"}

_NOT_THERE = frozenset({"ambiguous", "deleted_in_swoogo"})
"""What is told of a record that should be in Swoogo and is not."""


@dataclass(frozen=True, slots=True)
class Around:
    """What was edited or ended, and all the records by which the rules decide about that.

    Attributes:
        payloads: By stream, as they are.
        edited: By kind, whatever was edited or ended.
        synced: The sessions among them that are in Swoogo.
    """

    payloads: Mapping[str, Payloads]
    edited: Mapping[Kind, set[str]]
    synced: frozenset[str]

    @classmethod
    def read(
        cls,
        ledger: Ledger,
        pair: Pair,
        since: Since,
        settings: Settings,
        beside: Collection[str] = (),
    ) -> Around:
        """Read them.

        Args:
            ledger: What was received, and what Swoogo was told.
            pair: The pair.
            since: What has happened to it.
            settings: The settings.
            beside: Sessions that decide as well.
        """
        edited: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        for stream, record_id in since.before:
            edited[SINGLE[stream]].add(record_id)
        edited[Kind.SESSION] |= since.over
        # A person's sessions decide whether they sync at all.
        sessions = {
            *edited[Kind.SESSION],
            *beside,
            *(session_id for _, session_id in ledger.links(pair, edited[Kind.SPEAKER])),
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
        people = edited[Kind.SPEAKER] | set(_people(payloads["sessions"], settings))
        payloads["speakers"] = read("speakers", people)
        known = ledger.mapped(pair, {(Kind.SESSION, session_id) for session_id in sessions})
        synced = {entry.source_id for entry in known.values() if entry.swoogo_id is not None}
        return cls(payloads, edited, frozenset(synced))

    def sources(self, before: Mapping[tuple[str, str], str | None]) -> Sources:
        """The records as they are, some of them as they were before.

        Args:
            before: Those, by stream and record id; None for one that was not there.
        """
        decoded: dict[str, list[Any]] = {}
        unreadable: list[tuple[Kind, Unreadable]] = []
        for stream, payloads in self.payloads.items():
            reader: Reader[msgspec.Struct] = Reader(STREAMS[stream])
            decoded[stream] = [
                reader.read(record_id, was)
                for record_id, payload in payloads.items()
                if (was := before.get((stream, record_id), payload)) is not None
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

    def knows_all(self, programme: Programme) -> bool:
        """Whether whoever and whatever the edited sessions name has a record of its own.

        Of others, what counts is what the first or the last of all their sessions says.

        Args:
            programme: What the rules made of these records.
        """
        sessions = self.edited[Kind.SESSION]
        named = {("speakers", one) for of in sessions for one in programme.people.get(of, ())}
        named |= {
            (_LISTS[place.kind], place.source_id)
            for row in programme.rows
            if row.kind is Kind.SESSION and row.source_id in sessions
            for place in row.fields.values()
            if isinstance(place, Ref)
        }
        return all(record_id in self.payloads[stream] for stream, record_id in named)


def beside(
    ledger: Ledger, pair: Pair, rest: Rest, moved: Collection[str], programmes: list[Programme]
) -> set[str]:
    """The sessions with which others may share a person or a room.

    Args:
        ledger: What was received, and what Swoogo was told.
        pair: The pair.
        rest: What the last run found.
        moved: The others.
        programmes: What the rules made of them, before and after.

    Returns:
        Their ids.
    """
    people = {one for programme in programmes for of in moved for one in programme.people[of]}
    placed = {
        (place, str(row.fields["date"]))
        for programme in programmes
        for row in programme.rows
        if row.kind is Kind.SESSION and row.source_id in moved
        if isinstance(place := row.fields["location_id"], Ref)
    }
    known = ledger.mapped(pair, {(place.kind, place.source_id) for place, _ in placed})
    there = {
        (entry.swoogo_id, day)
        for place, day in placed
        if (entry := known.get((place.kind, place.source_id))) and entry.swoogo_id is not None
    }
    linked = {session_id for _, session_id in ledger.links(pair, people)}
    # They have no links, and no room that Swoogo was told.
    not_there = {note.source_id for note in rest.skips if note.code in _NOT_THERE}
    return linked | ledger.sessions_in(pair, there) | not_there


def _people(sessions: Payloads, settings: Settings) -> Iterator[str]:
    """The ids of all whom sessions name, in whatever role.

    Others are on sessions far from these, and not on those that do not sync.
    """
    reader = Reader(Session)
    for record_id, payload in sessions.items():
        session = reader.read(record_id, payload)
        if (
            not isinstance(session, Unreadable)
            and session.status in settings.session_statuses
            and not session.is_abstract
        ):
            yield from (person.id for person in people_of(session))
