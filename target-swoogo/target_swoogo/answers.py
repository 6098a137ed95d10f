"""Reads Swoogo's answers: what is a result, what a refusal, what no answer at all."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from target_swoogo.errors import TargetError
from target_swoogo.values import line

if TYPE_CHECKING:
    from collections.abc import Iterable


_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_LONGEST_SAID = 300


class SwoogoError(Exception):
    """Swoogo did not do what it was asked to.

    Attributes:
        code: Stable name of the reason.
        is_repeated: Whether an answer to the same call was lost before: it may have been done then.
    """

    code = "swoogo_error"
    is_repeated = False


class Refused(SwoogoError):
    """Swoogo refuses the values (422, sometimes inside a 200), the call or the record.

    Attributes:
        fields: The names of the fields it complains about.
    """

    code = "swoogo_refused"

    def __init__(self, message: str, fields: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.fields = frozenset(fields)


class NotFound(SwoogoError):
    """Swoogo has no such record (404)."""

    code = "swoogo_not_found"


class Unavailable(SwoogoError):
    """Swoogo gave no usable answer, however often it was asked."""

    code = "swoogo_unavailable"


class OutcomeUnknown(SwoogoError):
    """A create was sent and its answer was lost: the record may or may not exist."""

    code = "swoogo_outcome_unknown"


def never_sent(error: requests.RequestException) -> bool:
    """Whether the request can't have reached the server."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError | NameResolutionError)


def retry_after(response: requests.Response) -> float | None:
    """Seconds to wait by `Retry-After` (both forms), else by the quota's reset."""
    text = response.headers.get("Retry-After") or response.headers.get("X-Rate-Limit-Reset")
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def is_garbled(response: requests.Response) -> bool:
    """Whether a successful answer is not JSON: an HTML error page, a body cut short."""
    if not response.ok:
        return False
    try:
        response.json()
    except requests.JSONDecodeError:
        return True
    return False


def judged(response: requests.Response) -> Any:
    """Tell an answer from a refusal."""
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        answer = None
    if isinstance(answer, list) and answer and all(_is_complaint(item) for item in answer):
        raise Refused(
            "; ".join(f"{item['field']}: {_said(response, item['message'])}" for item in answer),
            (str(item["field"]) for item in answer),
        )
    if response.ok:
        return answer
    status = response.status_code
    said = _said(response, answer.get("message")) if isinstance(answer, dict) else None
    if status == requests.codes.not_found:
        raise NotFound(said or "not found")
    if status == requests.codes.unauthorized:
        raise TargetError(
            "swoogo_credentials",
            "Swoogo refuses a token it has just given out; check consumer_key and "
            "consumer_secret, and that the API user is active.",
        )
    if status == requests.codes.forbidden:
        raise TargetError(
            "swoogo_forbidden",
            "Swoogo forbids the call (HTTP 403): the API user lacks the right to edit this event; "
            "ask a Swoogo administrator for it.",
        )
    raise Refused(f"HTTP {status}" + (f": {said}" if said else ""))


def _said(response: requests.Response, text: object) -> str | None:
    """What Swoogo says, fit to be shown: it may repeat anything that it was sent."""
    token = response.request.headers.get("Authorization", "").partition(" ")[2]
    shown = line(str(text or "").replace(token, "(token)") if token else str(text or ""))
    return _EMAIL.sub("(e-mail address)", shown)[:_LONGEST_SAID] if shown else None


def _is_complaint(item: object) -> bool:
    return isinstance(item, dict) and "field" in item and "message" in item


def as_object(answer: object) -> dict[str, Any]:
    """The answer, which must be an object.

    Raises:
        Unavailable: It is something else.
    """
    if not isinstance(answer, dict):
        message = "Swoogo's answer is not an object"
        raise Unavailable(message)
    return answer
