"""Asking for pages before their turn, so that waiting for one overlaps with waiting for others."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue

import requests
from requests.adapters import HTTPAdapter

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from tap_sessionboard.paging import Page

FetchPage: t.TypeAlias = "Callable[[int], Page]"
"""Gives the page of a number, counted from 1."""

Asked: t.TypeAlias = "Callable[[], Page]"
"""Gives a page that was asked for, waiting as long as it takes."""

_Request: t.TypeAlias = "tuple[Future[Page], FetchPage, int]"

REQUESTS_AT_ONCE = 8
"""How many pages are asked for at once."""

EVENTS_AHEAD = 2
"""Of how many events the first pages are asked for, the one that is being read included."""


class Ahead:
    """The requests that are under way.

    Attributes:
        session: Their connections, which all streams share.
    """

    def __init__(self) -> None:
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=REQUESTS_AT_ONCE))
        self._asked: SimpleQueue[_Request | None] = SimpleQueue()
        self._threads = 0
        self._first: dict[str, Asked] = {}

    def ask(self, fetch: FetchPage, number: int) -> Asked:
        """Ask for a page, and do not wait for it.

        Args:
            fetch: Gives the page of a number, counted from 1.
            number: The page's number.

        Returns:
            What gives the page.
        """
        page: Future[Page] = Future()
        self._asked.put((page, fetch, number))
        if self._threads < REQUESTS_AT_ONCE:
            self._threads += 1
            # Whoever ends the tap does not wait for them, for one may have been told to wait for
            # minutes; the threads of an executor would be waited for.
            threading.Thread(target=_fetch, args=(self._asked,), daemon=True).start()
        return page.result

    def ask_first(self, search: str, fetch: FetchPage) -> None:
        """Ask for the first page of a search, if that has not been done.

        Args:
            search: Names the search.
            fetch: Gives the page of a number.
        """
        if search not in self._first:
            self._first[search] = self.ask(fetch, 1)

    def first(self, search: str, fetch: FetchPage) -> Page:
        """Give the first page of a search, which is then forgotten.

        Args:
            search: Names the search.
            fetch: Gives the page of a number, for a search that was not asked for.

        Returns:
            The page.
        """
        asked = self._first.pop(search, None)
        return fetch(1) if asked is None else asked()

    def close(self) -> None:
        """Give up what has not begun: the run is over."""
        asked, self._asked = self._asked, SimpleQueue()
        with suppress(Empty):
            while request := asked.get_nowait():
                request[0].cancel()
        for _ in range(self._threads):
            asked.put(None)
        self._threads = 0


def _fetch(asked: SimpleQueue[_Request | None]) -> None:
    """Fetch page after page, until there is to be no more."""
    while (request := asked.get()) is not None:
        page, fetch, number = request
        try:
            page.set_result(fetch(number))
        except BaseException as error:  # noqa: BLE001 - it is raised where the page is waited for
            page.set_exception(error)
        # Or they would be kept until the next one is asked for.
        del request, page, fetch
