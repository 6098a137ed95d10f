"""Looks over the agenda for what an organiser would want to know before attendees see it. Pure.

Warnings only: everything syncs as Sessionboard has it. What the rules refuse or correct themselves
(an end before its start, a session that runs into another day, a shared e-mail address) is told by
them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from target_swoogo import wording
from target_swoogo.model import Kind, Note, Ref, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_swoogo.model import Key, Programme, Uploaded

FEWEST_PIXELS = 300
"""An inch in print, at the 300 dots per inch that printers ask for; a badge or a programme shows a
headshot or a logo no smaller. A headshot needs them both ways, a logo along its longer side."""

_Clash: TypeAlias = tuple[str, str]
"""Ids of two sessions that overlap."""


def look_over(
    programme: Programme, images: Mapping[Key, Uploaded], *, nested: bool = False
) -> list[Note]:
    """Find what is odd about an agenda.

    Args:
        programme: What the rules decided.
        images: The images as last sent.
        nested: Whether subsessions sync as sessions of their own: one that lies within another
            session is then taken for a part of it.

    Returns:
        A note for each oddity; none is a failure.
    """
    sessions = {row.source_id: row for row in programme.rows if row.kind is Kind.SESSION}
    return [
        *_busy_people(programme, sessions, nested=nested),
        *_busy_rooms(sessions, nested=nested),
        *_without_length(sessions.values()),
        *_small_images(programme.rows, images),
        *_placeholders(programme.rows),
    ]


# Clashes


def _busy_people(
    programme: Programme, sessions: Mapping[str, Row], *, nested: bool
) -> Iterator[Note]:
    clashes: dict[_Clash, list[str]] = defaultdict(list)
    for person in programme.rows:
        if person.kind is Kind.SPEAKER and len(person.sessions) > 1:
            theirs = [sessions[session] for session in person.sessions if session in sessions]
            for clash in _overlaps(theirs, nested=nested):
                clashes[clash].append(person.label)
    for (first, second), names in clashes.items():
        one, other = sessions[first], sessions[second]
        who, are = (names[0], "is") if len(names) == 1 else (f"{len(names)} people", "are")
        among = "" if len(names) == 1 else f" ({_listed(names)})"
        yield _note(
            other,
            "speaker_in_two_places",
            f'{who}{among} {are} on "{one.label}" and on "{other.label}", which overlap on '
            f"{other.fields['date']}; move one of the two sessions in Sessionboard, or take them "
            f"off one.",
        )


def _busy_rooms(sessions: Mapping[str, Row], *, nested: bool) -> Iterator[Note]:
    rooms: dict[str, list[Row]] = defaultdict(list)
    for row in sessions.values():
        room = row.fields.get("location_id")
        if isinstance(room, Ref):
            rooms[room.source_id].append(row)
    for inside in rooms.values():
        for first, second in _overlaps(inside, nested=nested):
            one, other = sessions[first], sessions[second]
            yield _note(
                other,
                "room_double_booked",
                f'Sessions "{one.label}" and "{other.label}" are in the same room and overlap on '
                f"{other.fields['date']}; change the room or the time of one in Sessionboard.",
            )


def _overlaps(sessions: Iterable[Row], *, nested: bool) -> Iterator[_Clash]:
    """Each session that begins before an earlier one has ended, and that one."""
    latest: Row | None = None
    for row in sorted(sessions, key=lambda row: (*_times(row), row.source_id)):
        if latest is None:
            latest = row
            continue
        (date, _, end), (day, starts, ends) = _times(latest), _times(row)
        if day == date and starts < end and not (nested and ends <= end):
            yield latest.source_id, row.source_id
        if (day, ends) > (date, end):
            latest = row


def _times(row: Row) -> tuple[str, str, str]:
    fields = row.fields
    return str(fields["date"]), str(fields["start_time"]), str(fields["end_time"])


def _listed(names: list[str], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


# Single records


def _without_length(sessions: Iterable[Row]) -> Iterator[Note]:
    for row in sessions:
        if row.fields["start_time"] == row.fields["end_time"]:
            yield _note(
                row,
                "session_without_length",
                f"{wording.name(row)} ends when it starts; correct its times in Sessionboard.",
            )


def _small_images(rows: Iterable[Row], images: Mapping[Key, Uploaded]) -> Iterator[Note]:
    for row in rows:
        image = images.get(row.key) if row.picture is not None else None
        if image is None or image.width is None or image.height is None:
            continue
        sides = image.width, image.height
        if (min(sides) if row.kind is Kind.SPEAKER else max(sides)) < FEWEST_PIXELS:
            yield _note(
                row,
                "image_small",
                f"The image of {wording.name(row)} has {image.width} × {image.height} pixels, too "  # noqa: RUF001 - as people write it
                f"few to print well; upload one with at least {FEWEST_PIXELS} in Sessionboard.",
            )


_NAMES = ("name", "first_name", "last_name", "job_title", "company")
_TEXTS = (*_NAMES, "description", "bio")
_WHOLE = re.compile(r"\W*(tb[acd]|test|x{2,}|placeholder|dummy|untitled|n/a|\?+)\W*", re.IGNORECASE)
"""What is a placeholder when it is all there is of a name."""

_ANYWHERE = re.compile(
    r"\b(?:(?i:lorem ipsum|test session|asdf\w*|to be (?:announced|confirmed|determined))"
    r"|TB[ACD]|xxx+)\b"
)
_HINTS = (
    "lorem ipsum",
    "test session",
    "asdf",
    "be announced",
    "be confirmed",
    "be determined",
    "tba",
    "tbc",
    "tbd",
    "xxx",
)
"""One of these is in any text that `_ANYWHERE` finds; they are found faster."""


def _placeholders(rows: Iterable[Row]) -> Iterator[Note]:
    for row in rows:
        if (found := _placeholder(row)) is not None:
            field, text = found
            yield _note(
                row,
                "placeholder_text",
                f'{wording.name(row)} has "{text}" in its {field.replace("_", " ")}, which looks '
                f"like a placeholder; write the real text in Sessionboard.",
            )


def _placeholder(row: Row) -> tuple[str, str] | None:
    for field in _TEXTS:
        text = row.fields.get(field)
        if not isinstance(text, str):
            continue
        if field in _NAMES and _WHOLE.fullmatch(text):
            return field, text
        lowered = text.lower()
        if any(hint in lowered for hint in _HINTS) and (match := _ANYWHERE.search(text)):
            return field, match[0]
    return None


def _note(row: Row, code: str, message: str) -> Note:
    return Note(row.kind.value, row.source_id, row.label, code, message)
