"""Asking for pages before their turn, so that waiting for one overlaps with waiting for others."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from tap_sessionboard.paging import Page

REQUESTS_AT_ONCE = 8
"""How many pages are asked for at once."""

EVENTS_AHEAD = 2
"""Of how many events the first pages are asked for, the one that is being read included."""


class Ahead:
    """The requests that are under way.

    Attributes:
        pool: Makes them.
        session: Their connections, which all streams share.
    """

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(REQUESTS_AT_ONCE)
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=REQUESTS_AT_ONCE))
        self._first: dict[str, Future[Page]] = {}

    def ask(self, search: str, fetch: Callable[[int], Page]) -> None:
        """Ask for the first page of a search, if that has not been done.

        Args:
            search: Names the search.
            fetch: Gives the page of a number, counted from 1.
        """
        if search not in self._first:
            self._first[search] = self.pool.submit(fetch, 1)

    def first(self, search: str, fetch: Callable[[int], Page]) -> Page:
        """Give the first page of a search, which is then forgotten.

        Args:
            search: Names the search.
            fetch: Gives the page of a number, for a search that was not asked for.

        Returns:
            The page.
        """
        asked = self._first.pop(search, None)
        return fetch(1) if asked is None else asked.result()

    def close(self) -> None:
        """Give up what has not begun: a failure that ends the run must not wait for it."""
        self.pool.shutdown(wait=False, cancel_futures=True)
