"""Single values: into the form in which Swoogo takes them, or refused with a reason. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_swoogo.html import clean_text, defuse
from target_swoogo.model import Choice, Picture, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from target_swoogo.source import Profile

SHORT_TEXT = 255
"""Most characters of a name (Swoogo, locations: documented; elsewhere assumed to be the same)."""

LONG_TEXT = 65_535
"""Most characters of a description or biography (assumed)."""

_LIMITS = {"description": LONG_TEXT, "bio": LONG_TEXT}
_EMAIL = re.compile(r"[^@\s,;<>\"']+@[^@\s,;<>\"'.]+(\.[^@\s,;<>\"'.]+)+")
_YEARS = range(1970, 2200)
"""Of a conference; what is outside is a slip, and past it there is no time zone to reckon with."""
_WEBSITE = re.compile(
    r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?(?:[/?#][^\s\"'<>\\]*)?", re.IGNORECASE
)
END_OF_DAY = "23:59:59"
"""Where a session ends that really ends on a later day."""


class Refused(Exception):
    """A rule says no; carries the code and the sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Placed(NamedTuple):
    """A session on its calendar day.

    Attributes:
        date: ``YYYY-MM-DD``.
        start: ``HH:MM:SS``.
        end: ``HH:MM:SS``.
        clamped: Whether it really ends on a later day.
    """

    date: str
    start: str
    end: str
    clamped: bool


@lru_cache(maxsize=10_000)
def place(starts: datetime, ends: datetime, zone: ZoneInfo) -> Placed:
    """Place a session on its start's calendar day.

    "Sessions that span multiple dates are not supported in Swoogo and will be synced as the same
    calendar day as the start date" (Sessionboard's Swoogo article). Cached, for many are at once.

    Args:
        starts: The start.
        ends: The end.
        zone: The event's time zone.

    Returns:
        Date, start and end in Swoogo's formats, and whether the end was clamped to the day.
    """
    local_start, local_end = (
        moment.astimezone(zone).isoformat(timespec="seconds") for moment in (starts, ends)
    )
    date, start, end = local_start[:10], local_start[11:19], local_end[11:19]
    clamped = local_end[:10] != date
    if clamped:
        end = END_OF_DAY
    elif end < start:
        # Clocks went back between start and end; the wall clock can't show it.
        end = start
    return Placed(date, start, end, clamped)


def instant(text: str | None, label: str, which: str) -> datetime:
    """A session's start or end as an instant; one without offset is taken as UTC.

    Args:
        text: RFC 3339 text.
        label: The session.
        which: "start" or "end".

    Raises:
        Refused: There is none, or it cannot be read.
    """
    if not text:
        raise Refused(
            "session_undated",
            f'Session "{label}" has no {which} time; schedule it in Sessionboard to sync it.',
        )
    try:
        return moment(text)
    except ValueError:
        raise Refused(
            "session_time_unreadable",
            f'The {which} time of session "{label}" cannot be read; set it anew in Sessionboard.',
        ) from None


@lru_cache(maxsize=10_000)
def moment(text: str) -> datetime:
    """An instant from RFC 3339 text; one without offset is UTC. Cached, for many are at once.

    Args:
        text: The text.

    Raises:
        ValueError: It cannot be read, or is of no year in which conferences are.
    """
    read = msgspec.convert(text, datetime)
    if read.year not in _YEARS:
        raise ValueError
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)


@lru_cache(maxsize=10_000)
def line(text: str | None) -> str | None:
    """One line of plain text: no control characters, white space folded, no HTML in it.

    None when nothing is left. Cached, for names of rooms and companies come again and again.
    """
    return " ".join(defuse(clean_text(text)).split()) or None if text else None


def label_of(name: str | None, friendly_id: str | None, record_id: str) -> str:
    """What people call a record: its name, else its short number, else its id."""
    text = line(name) or friendly_id or record_id
    return text if len(text) <= SHORT_TEXT else f"{text[:80]}…"


def person_label(person: Profile) -> str:
    """What a person is called."""
    name = line(f"{person.first_name or ''} {person.last_name or ''}")
    return label_of(name, f"Contact {person.friendly_id or person.id}", person.id)


def picture_of(url: str | None, version: str | None) -> Picture | None:
    """A record's image, if it has one."""
    address = clean_text(url or "").strip()
    return Picture(address, version or "") if address else None


def capacity_of(value: int | None, who: str) -> int | None:
    """A capacity.

    Raises:
        Refused: It is negative.
    """
    if value is not None and value < 0:
        raise Refused(
            "capacity_negative", f"{who} has a negative capacity; correct it in Sessionboard."
        )
    return value


def check_limits(fields: Mapping[str, Value], who: str) -> None:
    """See that every text fits; one that does not is refused, never cut.

    Raises:
        Refused: One is too long; the sentence names the limit.
    """
    for name, value in fields.items():
        text = value.name if isinstance(value, Choice) else value
        if (
            isinstance(text, str)
            and len(text) > SHORT_TEXT  # as hardly any is
            and len(text) > (limit := _LIMITS.get(name, SHORT_TEXT))
        ):
            raise Refused(
                "text_too_long",
                f"{who} has a {name.replace('_', ' ')} of {len(text):,} characters, and Swoogo "
                f"takes at most {limit:,}; shorten it in Sessionboard.",
            )


def email_of(person: Profile, label: str) -> str:
    """A person's e-mail address, by which Swoogo knows a speaker.

    Raises:
        Refused: There is none, it is masked, or it is not valid.
    """
    email = line(person.email)
    if not email:
        raise missing("speaker_without_email", label, "e-mail address")
    if "*" in email:
        raise Refused(
            "speaker_email_masked",
            f"{label}'s e-mail address is masked: give the Sessionboard token the right to see "
            f"personal data.",
        )
    if not _EMAIL.fullmatch(email):
        raise Refused(
            "speaker_email_invalid",
            f"{label}'s e-mail address is not valid; correct it in Sessionboard.",
        )
    return email


def missing(code: str, label: str, what: str) -> Refused:
    """The refusal of a speaker who lacks what Swoogo requires."""
    return Refused(
        code,
        f"{label} has no {what} in Sessionboard, which Swoogo requires; add it to the contact.",
    )


def website_of(address: str | None) -> str | None:
    """A web address, with or without its scheme.

    Raises:
        ValueError: It is something else.
    """
    website = line(address)
    if website and not _WEBSITE.fullmatch(website):
        raise ValueError
    return website
