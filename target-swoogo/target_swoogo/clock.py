"""The time of day, in one place, so that tests can set it."""

from __future__ import annotations

from datetime import datetime, timezone


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(timezone.utc)
