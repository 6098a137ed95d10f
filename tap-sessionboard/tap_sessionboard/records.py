"""Evening out the records that Sessionboard's API gives."""

from __future__ import annotations

import re
import typing as t
from datetime import timezone

import pendulum

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_MASKED = re.compile(r"\*{2,}")


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
    moment = pendulum.parse(text)
    if not isinstance(moment, pendulum.DateTime):
        msg = "not a moment in time"
        raise ValueError(msg)  # noqa: TRY004 (the text's type is right, its content is not)
    return moment.astimezone(timezone.utc)


def tidy(value: t.Any, schema: dict[str, t.Any], name: str = "record") -> t.Any:
    """Even out a value as its schema says.

    An empty object in a nullable place becomes null: Sessionboard's search sends ``{}`` for an
    unassigned track, room, level, language or format (API v1 reference, Session). A blank
    date-time becomes null too; any other gets one form, UTC with microseconds, so that texts
    sort as the moments do and an unchanged record stays the same text.

    Args:
        value: A JSON value.
        schema: The JSON schema of the value; empty for a field that is not declared.
        name: What the value is, for the message.

    Returns:
        The tidy value.

    Raises:
        ValueError: A date-time cannot be read; the message is the field's name.
    """
    if isinstance(value, dict):
        if not value and "null" in schema.get("type", ()):
            return None
        fields = schema.get("properties", {})
        return {key: tidy(item, fields.get(key, {}), key) for key, item in value.items()}
    if isinstance(value, list):
        return [tidy(item, schema.get("items", {}), name) for item in value]
    if schema.get("format") == "date-time" and isinstance(value, str):
        if not value.strip():
            return None
        try:
            return parse_timestamp(value).isoformat(timespec="microseconds")
        except ValueError:
            raise ValueError(name) from None
    return value


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


def _masked_people(value: t.Any) -> Iterator[str]:
    """Give the id of every object in the value that has a masked e-mail."""
    if isinstance(value, dict):
        email = value.get("email")
        if isinstance(email, str) and _MASKED.search(email):
            yield str(value.get("id"))
        for item in value.values():
            yield from _masked_people(item)
    elif isinstance(value, list):
        for item in value:
            yield from _masked_people(item)
