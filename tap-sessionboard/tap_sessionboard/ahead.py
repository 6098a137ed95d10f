"""Asking for pages before their turn, so that waiting for one overlaps with waiting for others.

What comes is left as it came until it is that page's turn: what a thread makes of it on one
processor, another thread on another processor takes a third longer to go through.
"""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class Answer(t.NamedTuple):
    """What Sessionboard answered.

    Attributes:
        text: JSON.
        asked_at: When it was asked, by the slower of the server's clock and ours.
    """

    text: bytes
    asked_at: datetime


Fetch: t.TypeAlias = "Callable[[], Answer]"
"""Gives an answer, waiting as long as it takes."""

_Request: t.TypeAlias = "tuple[Future[Answer], Fetch]"

REQUESTS_AT_ONCE = 8
"""How many pages are asked for at once."""

PAGES_AHEAD = 2 * REQUESTS_AT_ONCE
"""How many pages are asked for, or wait for their turn: so many that, while the records of one are
written, there is always another to ask for."""

EVENTS_AHEAD = 2
"""Of how many events the first pages are asked for, the one that is being read included."""


class Ahead:
    """The requests that are under way."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[_Request | None] = SimpleQueue()
        self._threads = 0
        self._first: dict[str, Fetch] = {}

    def ask(self, fetch: Fetch) -> Fetch:
        """Ask for a page, and do not wait for it.

        Args:
            fetch: Gives the answer.

        Returns:
            What gives the answer from now on.
        """
        answer: Future[Answer] = Future()
        self._asked.put((answer, fetch))
        if self._threads < REQUESTS_AT_ONCE:
            self._threads += 1
            # Whoever ends the tap does not wait for them, for one may have been told to wait for
            # minutes; the threads of an executor would be waited for.
            threading.Thread(target=_work, args=(self._asked,), daemon=True).start()
        return answer.result

    def ask_first(self, search: str, fetch: Fetch) -> None:
        """Ask for the first page of a search, if that has not been done.

        Args:
            search: Names the search.
            fetch: Gives the answer.
        """
        if search not in self._first:
            self._first[search] = self.ask(fetch)

    def first(self, search: str, fetch: Fetch) -> Answer:
        """Give the first page of a search, which is then forgotten.

        Args:
            search: Names the search.
            fetch: Gives the answer, for a search that was not asked for.

        Returns:
            The answer.
        """
        return self._first.pop(search, fetch)()

    def close(self) -> None:
        """Give up what has not begun: the run is over."""
        asked, self._asked = self._asked, SimpleQueue()
        with suppress(Empty):
            while request := asked.get_nowait():
                request[0].cancel()
        for _ in range(self._threads):
            asked.put(None)
        self._threads = 0


def _work(asked: SimpleQueue[_Request | None]) -> None:
    """Fetch one answer after another, until there is to be no more."""
    while (request := asked.get()) is not None:
        answer, fetch = request
        try:
            answer.set_result(fetch())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            answer.set_exception(error)
        # Or they would be kept until the next one is asked for.
        del request, answer, fetch
