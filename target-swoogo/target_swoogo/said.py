"""What Sessionboard last said of single records, in a form for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from target_swoogo.model import Key, Kind
from target_swoogo.source import Profile, Room, Session, Sponsor, Track, Unreadable, people_of
from target_swoogo.values import label_of, line, person_label
from target_swoogo.wording import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_swoogo.source import Record

KINDS = {
    "sessions": Kind.SESSION,
    "speakers": Kind.SPEAKER,
    "sponsors": Kind.SPONSOR,
    "rooms": Kind.LOCATION,
    "tracks": Kind.TRACK,
}
"""What the records of a stream become in Swoogo."""

_ADDRESSES = frozenset({"photo_url", "logo_image_url"})
_LONG = frozenset({"description", "about"})
_UNTOLD = frozenset({"id", "created_at", "custom_fields", "is_abstract"})
_BY_ROLE = frozenset({"speakers", "chairpersons", "moderators"})


def with_embedded(kind: Kind, record: Record | Unreadable) -> Iterator[tuple[Key, Any]]:
    """A record, and those that it brings along: subsessions, people, rooms and tracks.

    Args:
        kind: What it becomes in Swoogo.
        record: The record.

    Yields:
        The key and the record of each.
    """
    if isinstance(record, Unreadable):
        yield (kind, record.record_id), record
        return
    yield (kind, record.id), record
    if not isinstance(record, Session):
        return
    for child in record.subsessions or ():
        yield from with_embedded(Kind.SESSION, child)
    for person in people_of(record):
        yield (Kind.SPEAKER, person.id), person
    if record.room is not None:
        yield (Kind.LOCATION, record.room.id), record.room
    if record.track is not None:
        yield (Kind.TRACK, record.track.id), record.track


def name_of(record: Record | Unreadable) -> str:
    """What people call a record."""
    if isinstance(record, Unreadable):
        return record.record_id
    if isinstance(record, Profile):
        return person_label(record)
    if isinstance(record, Session):
        return label_of(record.title, record.friendly_id, record.id)
    if isinstance(record, Sponsor):
        return label_of(record.name, record.friendly_id, record.id)
    return label_of(getattr(record, "name", None), None, record.id)


def email_of(record: Record | Unreadable) -> str | None:
    """A person's address, as it was received."""
    return line(record.email) if isinstance(record, Profile) else None


def said(record: Record | Unreadable) -> dict[str, str | int]:
    """The fields of a record that matter, as Sessionboard last said them.

    E-mail addresses are masked, long texts are measured, and of an image's address only that is
    told which holds no signature.
    """
    if isinstance(record, Unreadable):
        return {"unreadable": record.why}
    told = ((name, _told(name, getattr(record, name))) for name in record.__struct_fields__)
    # `participants` is the list to prefer; the three by role are what older answers carry.
    untold = _UNTOLD | (_BY_ROLE if getattr(record, "participants", None) else set())
    return {name: value for name, value in told if value is not None and name not in untold}


def _told(name: str, value: Any) -> str | int | None:
    if isinstance(value, Room | Track):
        return line(value.name)
    if isinstance(value, list):
        return "; ".join(_names(value)) or None
    if not isinstance(value, str):
        return value if isinstance(value, int) else None
    if name in _LONG:
        return f"{len(value):,} characters" if value.strip() else None
    if name in _ADDRESSES:
        address = urlsplit(value)
        return line(f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}")
    text = line(value)
    return masked(text) if text and name == "email" else text


def _names(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Session | Profile):
            yield name_of(value)
