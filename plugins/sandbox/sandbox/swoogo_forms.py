"""What Swoogo accepts of a form: fields, formats, limits; everything else is a 422."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.answers import Refusal

if TYPE_CHECKING:
    from sandbox.store import Record, Store

_NAME_LIMIT = 255
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'+/=?^_`{|}~-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}")


class Invalid(ValueError):
    """A value that a field does not take; the message follows the field's label."""


@dataclass(frozen=True)
class Context:
    """What a check may look at: the account, and the event that the record belongs to."""

    store: Store
    event_id: int | None


Check = Callable[[Context, str], Any]


@dataclass(frozen=True)
class Form:
    """The form of a record type.

    Attributes:
        checks: Its fields, each with what turns the form's text into the stored value.
        required: Fields that a create must have, and that can never be blank.
        always: Fields that an update must have too.
    """

    checks: Mapping[str, Check]
    required: frozenset[str]
    always: frozenset[str] = frozenset()

    def read(self, store: Store, fields: Mapping[str, str], old: Record | None) -> Record:
        """The values to store.

        Args:
            store: The account.
            fields: The form as sent.
            old: The record to update; None for a create.

        Raises:
            Refusal: 422 with every error, field by field.
        """
        errors = [
            _error(name, f"{_label(name)} is not a field of this form.")
            for name in fields
            if name not in self.checks
        ]
        due = self.required if old is None else self.always
        blank = [name for name in self.required if name in fields and not fields[name].strip()]
        missing = [name for name in due if name not in fields]
        errors += [
            _error(name, f"{_label(name)} cannot be blank.") for name in sorted({*blank, *missing})
        ]
        context = Context(store, self._event_id(store, fields, old, errors))
        values = {}
        for name, check in self.checks.items():
            if name in fields and name not in blank:
                try:
                    values[name] = check(context, fields[name])
                except Invalid as error:
                    errors.append(_error(name, f"{_label(name)} {error}"))
        if errors:
            raise Refusal(422, errors)
        return values

    def _event_id(
        self,
        store: Store,
        fields: Mapping[str, str],
        old: Record | None,
        errors: list[dict[str, str]],
    ) -> int | None:
        if old is None:
            text = fields.get("event_id", "")
            known = text.isdigit() and int(text) in store.swoogo["events"]
            return int(text) if known else None
        if fields.get("event_id", str(old["event_id"])) != str(old["event_id"]):
            errors.append(_error("event_id", "Event ID cannot be changed."))
        return int(old["event_id"])


def _error(name: str, message: str) -> dict[str, str]:
    return {"field": name, "message": message}


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize().removesuffix(" id") + (
        " ID" if name.endswith("_id") else ""
    )


def _integer(_: Context, text: str) -> int | None:
    if text == "":
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        message = "must be an integer."
        raise Invalid(message)
    return int(text)


def _event(context: Context, text: str) -> int:
    number = _integer(context, text)
    if number is None or number not in context.store.swoogo["events"]:
        message = "is invalid."
        raise Invalid(message)
    return number


def _text(limit: int | None = _NAME_LIMIT) -> Check:
    def check(_: Context, text: str) -> str | None:
        if limit and len(text) > limit:
            message = f"should contain at most {limit} characters."
            raise Invalid(message)
        return text or None

    return check


def _timed(pattern: str, shape: str, label: str) -> Check:
    def check(_: Context, text: str) -> str | None:
        if text == "":
            return None
        message = f"must be formatted {label}."
        if not re.fullmatch(shape, text, re.ASCII):
            raise Invalid(message)
        try:
            datetime.strptime(text, pattern)  # noqa: DTZ007 - a date or a time of day has no zone
        except ValueError:
            raise Invalid(message) from None
        return text

    return check


def _email(_: Context, text: str) -> str:
    if not _EMAIL.fullmatch(text) or len(text) > _NAME_LIMIT:
        message = "is not a valid email address."
        raise Invalid(message)
    return text


def _flag(_: Context, text: str) -> int:
    if text not in {"0", "1"}:
        message = 'must be either "1" or "0".'
        raise Invalid(message)
    return int(text)


def _record(kind: str) -> Check:
    def check(context: Context, text: str) -> int | None:
        number = _integer(context, text)
        if number is None:
            return None
        row = context.store.swoogo[kind].get(number)
        if row is None or row["event_id"] != context.event_id:
            message = "is invalid."
            raise Invalid(message)
        return number

    return check


def _level(context: Context, text: str) -> int | None:
    number = _integer(context, text)
    event = context.store.swoogo["events"].get(context.event_id, {"levels": []})
    if number is not None and number not in {level["id"] for level in event["levels"]}:
        message = "is invalid."
        raise Invalid(message)
    return number


_DATE = _timed("%Y-%m-%d", r"\d{4}-\d{2}-\d{2}", "YYYY-MM-DD")
_TIME = _timed("%H:%M:%S", r"\d{2}:\d{2}:\d{2}", "HH:MM:SS")
_OWNED = {"event_id": _event}
_OWNED_NAME = {**_OWNED, "name": _text()}
_NAMED = frozenset({"event_id", "name"})

FORMS = {
    "sessions": Form(
        {
            **_OWNED_NAME,
            "description": _text(None),
            "date": _DATE,
            "start_time": _TIME,
            "end_time": _TIME,
            "capacity": _integer,
            "location_id": _record("locations"),
            "track_id": _record("tracks"),
            "c_401": _text(),
        },
        required=_NAMED,
        always=_NAMED,
    ),
    "speakers": Form(
        {
            **_OWNED,
            "email": _email,
            "first_name": _text(),
            "last_name": _text(),
            "job_title": _text(),
            "company": _text(),
            "bio": _text(None),
            "c_501": _text(),
        },
        required=frozenset({"event_id", "email", "first_name", "last_name"}),
    ),
    "sponsors": Form(
        {
            **_OWNED_NAME,
            "website": _text(),
            "description": _text(None),
            "level": _level,
            "notes": _text(None),
        },
        required=_NAMED,
    ),
    "locations": Form(
        {**_OWNED_NAME, "capacity": _integer, "use_event_address": _flag}, required=_NAMED
    ),
    "tracks": Form(_OWNED_NAME, required=_NAMED),
}
