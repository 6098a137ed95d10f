"""Evening out the records that Sessionboard's API gives."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone
from functools import lru_cache

import pendulum

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MASK = "**"
"""What is in every masked e-mail address."""


def parse_timestamp(text: str) -> datetime:
    """Read a timestamp in either of the forms that Sessionboard sends.

    They are ``2025-03-14T23:02:51.562+00:00`` and ``2025-03-14T23:02:51.562Z``.

    Args:
        text: The timestamp; without an offset it is UTC.

    Returns:
        The moment, in UTC.

    Raises:
        ValueError: The text is not a timestamp.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # Before Python 3.11 that does not take a Z.
        parsed = pendulum.parse(text)
        if not isinstance(parsed, pendulum.DateTime):
            msg = "not a moment in time"
            raise ValueError(msg) from None  # noqa: TRY004 (its content is not right)
        moment = parsed
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(*error.args) from None


@lru_cache(maxsize=10_000)
def _moment(text: str) -> str | None:
    """Even out a date-time; cached, for a room's or a track's come with each of its sessions."""
    if usual := _USUAL.fullmatch(text):
        # What the rest would give, in a third of its time.
        datetime.fromisoformat(usual[1])
        return f"{usual[1]}000+00:00"
    if not text.strip():
        return None
    return parse_timestamp(text).isoformat(timespec="microseconds")


_USUAL = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})(?:Z|\+00:00)", re.ASCII)


Tidy: t.TypeAlias = "Callable[[t.Any], None]"
"""Evens out what is in an object or a list."""


def tidying(schema: dict[str, t.Any], *, empties: bool) -> Tidy | None:
    """Make what evens out the objects or lists of a schema, once for all of them.

    An empty object in a nullable place becomes null: Sessionboard's search sends ``{}`` for an
    unassigned track, room, level, language or format (API v1 reference, Session). A blank
    date-time becomes null too; any other gets one form, UTC with microseconds, so that texts
    sort as the moments do and an unchanged record stays the same text.

    Args:
        schema: The JSON schema of the value.
        empties: Whether to look for empty objects; an answer without any is evened out in three
            quarters of the time.

    Returns:
        The function, which leaves alone what is not as the schema says; None where there is
        nothing to even out. It raises ValueError when a date-time cannot be read; the message is
        the field's name.
    """
    if "properties" in schema:
        return _tidying_object(schema["properties"], empties=empties)
    return _tidying_list(schema["items"], empties=empties) if "items" in schema else None


def _tidying_object(fields: dict[str, dict[str, t.Any]], *, empties: bool) -> Tidy:
    nullable = {name for name, schema in fields.items() if _is_nullable(schema)}
    moments = [name for name, schema in fields.items() if schema.get("format") == "date-time"]
    made = ((name, tidying(schema, empties=empties)) for name, schema in fields.items())
    parts = [(name, tidy) for name, tidy in made if tidy is not None]

    def tidy_object(value: t.Any) -> None:
        if not isinstance(value, dict):
            return
        if empties and _EMPTY in value.values():
            value.update({name: None for name in nullable if value.get(name) == _EMPTY})
        for name in moments:
            if isinstance(text := value.get(name), str):
                try:
                    value[name] = _moment(text)
                except ValueError:
                    raise ValueError(name) from None
        for name, tidy in parts:
            if part := value.get(name):
                tidy(part)

    return tidy_object


def _tidying_list(schema: dict[str, t.Any], *, empties: bool) -> Tidy:
    tidy = tidying(schema, empties=empties)
    nulls = empties and _is_nullable(schema)

    def tidy_list(value: t.Any) -> None:
        if not isinstance(value, list):
            return
        if nulls and _EMPTY in value:
            value[:] = [None if item == _EMPTY else item for item in value]
        if tidy is not None:
            for item in value:
                tidy(item)

    return tidy_list


def has_empties(text: bytes) -> bool:
    """Tell whether there may be an empty object in a JSON text."""
    return _EMPTY_OBJECT.search(text) is not None


def has_masks(text: bytes) -> bool:
    """Tell whether there may be a masked e-mail address in a JSON text."""
    # One letter is found far faster than two, and few texts have it.
    return b"*" in text and MASK.encode() in text


def _is_nullable(schema: dict[str, t.Any]) -> bool:
    return "null" in schema.get("type", ())


_EMPTY: dict[str, t.Any] = {}
_EMPTY_OBJECT = re.compile(rb"\{\s*\}")


class MaskedEmails:
    """The people of each event whose e-mail a token shows only as ``j***@a***.com``."""

    def __init__(self) -> None:
        self._people: dict[int, set[str]] = {}

    def note(self, event_id: int, record: t.Any) -> None:
        """Note the people with a masked e-mail anywhere in a record."""
        for person in _masked_people(record):
            self._people.setdefault(event_id, set()).add(person)

    def count(self, event_id: int) -> int:
        """Tell how many people of an event have been noted."""
        return len(self._people.get(event_id, ()))


def _masked_people(record: t.Any) -> Iterator[str]:
    """Give the id of every object in the record that has a masked e-mail."""
    waiting = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            email = value.get("email")
            if isinstance(email, str) and MASK in email:
                yield str(value.get("id"))
            value = value.values()
        waiting += [item for item in value if isinstance(item, (dict, list))]
