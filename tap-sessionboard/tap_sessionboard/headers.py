"""What the headers of an answer say of time."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

if t.TYPE_CHECKING:
    import requests

MAX_WAIT_SECONDS = 300.0
"""The longest wait before another try, whatever Sessionboard asks for.

Its quota window is 15 minutes (API v1 reference, Rate limits), which four such waits outlast.
"""


def date_header(response: requests.Response, name: str) -> datetime | None:
    """Read an HTTP date out of the headers.

    Args:
        response: The answer.
        name: The header's name.

    Returns:
        The moment; None where it is not there or not readable.
    """
    try:
        moment = parsedate_to_datetime(response.headers.get(name, ""))
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)


def retry_after(response: requests.Response) -> float | None:
    """Read how many seconds the server asks to wait, from either form of ``Retry-After``.

    An HTTP date counts from the server's own clock where it tells it. RFC 9110, Retry-After.

    Args:
        response: The answer.

    Returns:
        Seconds, `MAX_WAIT_SECONDS` at most; None where it does not ask.
    """
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return min(float(asked), MAX_WAIT_SECONDS)
    until = date_header(response, "Retry-After")
    if until is None:
        return None
    now = date_header(response, "Date") or datetime.now(timezone.utc)
    return min(max((until - now).total_seconds(), 0.0), MAX_WAIT_SECONDS)
