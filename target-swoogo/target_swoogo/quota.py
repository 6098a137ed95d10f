"""Keeps the calls inside Swoogo's quota, and a reserve of it for other programs.

2,000 credits per 10 minutes and credential; a list costs 10, any other call 1; every answer tells
what is left and in how many seconds it is renewed (Swoogo's current documentation).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("target-swoogo")

LIST_COST = 10
CALL_COST = 1
_DEFAULT_LIMIT = 2000
_WINDOW = 600.0
"""Seconds."""
_WORTH_TELLING = 5.0
_NEW_WINDOW = 5.0
"""Seconds by which the end of a window must move to be the end of another window."""


class QuotaSpent(Exception):
    """No credit is left that may be used before the run's time is up."""


class Quota:
    """Credits, counted for all threads together.

    Args:
        reserve_percent: Share of the limit that is left alone.
        deadline: When the run's time is up, on `clock`.
        clock: Seconds that only move forward.
        sleep: Waits for so many seconds; what it returns is true when the run is to end.
    """

    def __init__(
        self,
        reserve_percent: int,
        deadline: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.spent = 0
        """Credits used by this run."""
        self._reserve_percent = reserve_percent
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._limit = _DEFAULT_LIMIT
        self._left: int | None = None
        self._reset_at = 0.0
        self._told = False
        """Whether Swoogo has told the figures of this window, or they are assumed."""
        self._in_flight = 0

    @property
    def left(self) -> int | None:
        """Credits left in the window as last told; None before the first answer."""
        return self._left

    @property
    def limit(self) -> int:
        """Credits of a window, as last told."""
        return self._limit

    @property
    def resets_in(self) -> float:
        """Seconds until the next window; a whole one before the first answer."""
        return max(self._reset_at - self._clock(), 0.0) if self._left is not None else _WINDOW

    def acquire(self, cost: int) -> None:
        """Wait until a call may be made.

        Args:
            cost: Its credits.

        Raises:
            QuotaSpent: The window is renewed only after the deadline, the deadline has passed, or
                the run is to end.
        """
        while (delay := self._try(cost)) > 0:
            if self._clock() + delay > self._deadline:
                raise QuotaSpent
            if delay > _WORTH_TELLING:
                _log.info(
                    "Swoogo's quota is used up but for its reserve; waiting %.0f s for the next "
                    "window.",
                    delay,
                )
            if self._sleep(delay):
                raise QuotaSpent

    def _try(self, cost: int) -> float:
        """Take the credits and return 0, or return the seconds to wait."""
        with self._lock:
            now = self._clock()
            if now > self._deadline:
                raise QuotaSpent
            if self._left is not None and now >= self._reset_at:
                self._left = None
            if self._left is None:
                # Before the first answer of a window nothing is known; assume a fresh window.
                self._left, self._reset_at, self._told = self._limit, now + _WINDOW, False
            if self._left - self._in_flight - cost < self._limit * self._reserve_percent // 100:
                return self._reset_at - now + 1
            self._in_flight += cost
            return 0

    def settle(self, cost: int, headers: Mapping[str, str]) -> None:
        """Note that a call has ended.

        Args:
            cost: Its credits.
            headers: Those of the answer; empty when there was none.
        """
        with self._lock:
            self._in_flight -= cost
            self.spent += cost
            try:
                limit = int(headers["X-Rate-Limit-Limit"])
                left = int(headers["X-Rate-Limit-Remaining"])
                reset = float(headers["X-Rate-Limit-Reset"])
            except (KeyError, ValueError):
                if self._left is not None:
                    self._left -= cost
                return
            reset_at = self._clock() + reset
            self._limit = limit
            another = abs(reset_at - self._reset_at) > _NEW_WINDOW
            if self._left is None or not self._told or another:
                self._left, self._reset_at, self._told = left, reset_at, True
            else:
                # Answers overtake each other; the lowest figure of a window is the newest.
                self._left = min(self._left, left)

    def exhausted(self, retry_after: float | None) -> None:
        """Note that Swoogo has answered 429.

        Args:
            retry_after: Seconds it asked to wait, if it did.
        """
        with self._lock:
            self._left, self._told = 0, True
            if retry_after is not None:
                self._reset_at = self._clock() + retry_after
            elif self._reset_at <= self._clock():
                self._reset_at = self._clock() + 60
