"""The sandbox's own clock: the wall clock, or a fixed moment, moved by hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """Tells the time by which tokens expire, quotas refill and records are stamped.

    Args:
        start: A fixed moment at which the clock stands still; None follows the wall clock.
        offset: Seconds by which the clock has been moved already.
    """

    def __init__(self, start: datetime | None = None, offset: float = 0) -> None:
        self._start = start
        self.offset = offset

    def now(self) -> datetime:
        """The sandbox's present moment, in UTC."""
        base = self._start or datetime.now(timezone.utc)
        return base + timedelta(seconds=self.offset)

    def stamp(self) -> str:
        """The present moment in the form in which records carry it."""
        return to_stamp(self.now())


def to_stamp(moment: datetime) -> str:
    """A moment as ``2025-03-14T23:02:51.562Z``; stamps sort as text."""
    utc = moment.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def from_stamp(text: str) -> datetime:
    """A moment from an RFC 3339 text.

    Raises:
        ValueError: The text is not a date and time with an offset.
    """
    text = text.replace("z", "Z").replace("Z", "+00:00")
    if "." in text:  # Python 3.10 reads three or six digits of a second only
        head, _, rest = text.partition(".")
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6]:0<6}{rest[len(digits) :]}"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError(text)
    return moment.astimezone(timezone.utc)


def swoogo_stamp(moment: datetime) -> str:
    """A moment as Swoogo writes it: ``YYYY-MM-DD HH:MM:SS``, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
