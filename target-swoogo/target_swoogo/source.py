"""Sessionboard's records as the target reads them.

Only what the target uses is declared; all else stays in the ledger untouched. A contract test
compares these types with the tap's schemas. Field meanings are those of Sessionboard's public API
v1, "Sessions", "Speakers", "Sponsors" and "Event Settings".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_RECORD_ID = 128
RECORD_ID = r"^[A-Za-z0-9._:~-]+\Z"

RecordId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=LONGEST_RECORD_ID, pattern=RECORD_ID)
]
"""A UUID in truth; anything that can stand in a log line, a command and a column of the ledger."""

MOST_EVENT_ID = 2**63 - 1
"""What a column of the ledger can hold."""

EventId = Annotated[int, msgspec.Meta(ge=0, le=MOST_EVENT_ID)]

Word = Annotated[
    str, msgspec.Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029<>]*\Z")
]
"""Text that messages show as it is."""

Stamp = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[ -~]*\Z")]
Count = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class Record(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What every record has."""

    id: RecordId
    updated_at: Stamp | None = None
    created_at: Stamp | None = None


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """An event of a Sessionboard organisation; its zone places the sessions on calendar days."""

    id: EventId
    name: str | None = None
    timezone: str | None = None


class Room(Record, frozen=True, kw_only=True):
    """A room; it becomes a Swoogo location."""

    name: str | None = None
    capacity: Count | None = None


class Track(Record, frozen=True, kw_only=True):
    """A track."""

    name: str | None = None


class Role(msgspec.Struct, kw_only=True, frozen=True):
    """What a person does on a session: `core_role` is speaker, chairperson or moderator."""

    core_role: str | None = None


class Profile(Record, frozen=True, kw_only=True):
    """A person, as the speakers search returns them or as a session embeds them."""

    friendly_id: Word | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    title: str | None = None
    company_name: str | None = None
    about: str | None = None
    photo_url: str | None = None


class Participant(Profile, frozen=True, kw_only=True):
    """A person on a session, with their role there."""

    participant_role: Role | None = None


class Session(Record, frozen=True, kw_only=True):
    """A session; `starts_at` and `ends_at` are RFC 3339 instants."""

    friendly_id: Word | None = None
    title: str | None = None
    description: str | None = None
    status: Word | None = None
    is_abstract: bool | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    capacity: Count | None = None
    room: Room | None = None
    track: Track | None = None
    participants: list[Participant] | None = None
    speakers: list[Participant] | None = None
    chairpersons: list[Participant] | None = None
    moderators: list[Participant] | None = None
    subsessions: list[Session] | None = None


def people_of(session: Session) -> Iterator[Participant]:
    """All whom a session names, in whatever role; some perhaps twice.

    Args:
        session: The session.
    """
    for people in (
        session.participants,
        session.speakers,
        session.chairpersons,
        session.moderators,
    ):
        yield from people or ()


class CustomField(msgspec.Struct, kw_only=True, frozen=True):
    """A custom field of a sponsor, such as its tier."""

    name: str | None = None
    internal_name: str | None = None
    value: Any = None


class Sponsor(Record, frozen=True, kw_only=True):
    """A sponsor."""

    friendly_id: Word | None = None
    name: str | None = None
    description: str | None = None
    website_url: str | None = None
    logo_image_url: str | None = None
    custom_fields: list[CustomField] | None = None


class SessionStatus(Record, frozen=True, kw_only=True):
    """The status of a session, told also for sessions that the search no longer returns."""

    status: str | None = None
    deleted_at: str | None = None


STREAMS: dict[str, type[msgspec.Struct]] = {
    "events": Event,
    "sessions": Session,
    "speakers": Profile,
    "sponsors": Sponsor,
    "session_statuses": SessionStatus,
    "rooms": Room,
    "tracks": Track,
}
"""The streams the target understands, and the type of their records."""

T = TypeVar("T", bound=msgspec.Struct)


class Unreadable(msgspec.Struct, frozen=True):
    """A stored record whose shape is not Sessionboard's.

    Attributes:
        record_id: Its key.
        why: What does not fit, without the offending value.
    """

    record_id: str
    why: str


class Reader(Generic[T]):
    """Decodes stored records of one type."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind, strict=False)

    def read(self, record_id: str, payload: str) -> T | Unreadable:
        """Decode one stored record.

        Args:
            record_id: The key it is stored under.
            payload: The record as received, JSON.

        Returns:
            The record, or why it cannot be read.
        """
        try:
            return self._decoder.decode(payload)
        except msgspec.ValidationError as error:
            return Unreadable(record_id, str(error))
        except RecursionError:
            return Unreadable(record_id, "it is nested too deeply")
