"""Tells how far a long run has come, every few seconds."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("target-swoogo")


class Progress:
    """A line in the log every so often; none for a run that is done before the first is due.

    Args:
        name: What is being worked on, for people.
        total: How many steps there are.
        every: Seconds between two lines; 0 for none.
        left: Tells the credits left in the quota's window; None before Swoogo was called.
        clock: Seconds that only move forward.
    """

    def __init__(
        self,
        name: str,
        total: int,
        every: float,
        left: Callable[[], int | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every = every
        self._name = name
        self._total = total
        self._left = left
        self._clock = clock
        self._began = self._told = clock()

    def reached(self, done: int) -> None:
        """Note how many steps are done, and tell it when it is time.

        Args:
            done: So many of the total.
        """
        now = self._clock()
        if not self.every or now - self._told < self.every or done >= self._total:
            return
        self._told = now
        rate = done / (now - self._began)
        parts = [f"{done:,} of {self._total:,} done", f"{_number(rate)} per second"]
        if (left := self._left()) is not None:
            parts.append(f"{left:,} credits left")
        if rate:
            parts.append(f"about {_duration((self._total - done) / rate)} to go")
        _log.info("%s: %s", self._name, ", ".join(parts))


_FAST = 10.0
_MINUTE = 60.0


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= _FAST or not rate else f"{rate:.1f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:,.0f} min"
