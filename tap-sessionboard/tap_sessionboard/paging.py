"""Reading a paged list completely while people edit it.

The list is asked for in the order of creation, so an edit moves no record. What still moves
records from one page to another is a record that leaves the list (the rest shifts forward, over
the edge of a page already read, and would be missed) or one that enters it. Both show, and the
list is then read again.

Pages are asked for ahead of their turn, several at once. What gives a moving list away holds in
whatever order they are answered: between a page from before a record left or entered and one from
after it, records are either repeated, so that too few different ones come, or missed; and pages
that only miss some include the place where the record entered, which shows as an edit.
"""

from __future__ import annotations

import typing as t
from collections import deque
from dataclasses import dataclass, field

from singer_sdk.exceptions import FatalAPIError

from tap_sessionboard.ahead import PAGES_AHEAD

if t.TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from datetime import datetime

    from singer_sdk.helpers.types import Record

Ask: t.TypeAlias = "Callable[[int], Callable[[], Page]]"
"""Asks for the page of a number, counted from 1, and does not wait for it; gives what does."""

MAX_PAGES = 999
"""The highest page number that Sessionboard serves (API v1 reference, parameter ``page``)."""

MAX_READS = 4
"""How often a list that keeps moving is read before the run goes on without certainty."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        records: The records of the page, in the order of the list; their date-times are in the
            form of `records.tidying`.
        total: How many records the whole list holds.
        last: The number of the last page.
        asked_at: When the page was asked for, by the slower of the server's clock and ours.
    """

    records: list[Record]
    total: int
    last: int
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """How the read of a list went.

    Attributes:
        complete: Whether every record that was in the list from start to end was read.
        started: When the first page was asked for, by the slower clock.
        records: How many records there were.
        pages: How many pages were read.
    """

    complete: bool
    started: datetime
    records: int
    pages: int


def parse_page(payload: object, asked_at: datetime, place: str) -> Page:
    """Take a page out of its envelope.

    Sessionboard's API v1 reference wraps a page in ``results``; older pages of it, and its plain
    lists, use ``data`` with snake-case pagination, and the short lists are bare arrays.

    Args:
        payload: The JSON value that Sessionboard answered.
        asked_at: When the page was asked for.
        place: What was read, for the message, such as "rooms of event 3950".

    Returns:
        The page.

    Raises:
        FatalAPIError: The envelope or a record in it is none of the known ones. Guessing could
            drop records in silence.
    """
    records: t.Any
    total: t.Any
    last: t.Any
    if isinstance(payload, list):
        records, total, last = payload, len(payload), 1
    else:
        envelope = payload if isinstance(payload, dict) else {}
        records = envelope.get("results", envelope.get("data"))
        pagination = envelope.get("pagination")
        pagination = pagination if isinstance(pagination, dict) else {}
        total = pagination.get("totalResults", pagination.get("total_results"))
        last = pagination.get("totalPages", pagination.get("total_pages"))
    if not (isinstance(records, list) and isinstance(total, int) and isinstance(last, int)):
        msg = (
            f"Sessionboard answered the {place} in an envelope that this tap does not know "
            "(it knows results or data with pagination, and a bare array): "
            "update the tap, or report it."
        )
        raise FatalAPIError(msg)
    if not all(isinstance(record, dict) and record.get("id") for record in records):
        msg = f"Sessionboard answered the {place} with a record that has no id: report it to them."
        raise FatalAPIError(msg)
    return Page(records, total, last, asked_at)


def read_completely(
    ask: Ask,
    seen: set[str | int],
    place: str,
    first_page: Callable[[], Page],
) -> Generator[Record, None, Reading]:
    """Yield every record of a list once, however the list moves meanwhile.

    Args:
        ask: Asks for a page before its turn.
        seen: The ids of records not to yield again; grows with every record that is yielded.
        place: What is read, for the message.
        first_page: Gives page 1, which may have been asked for already.

    Yields:
        Each record whose id is not in ``seen``, in the order of the list.

    Returns:
        How the read went.

    Raises:
        FatalAPIError: The list is longer than Sessionboard serves.
    """
    pages = _pages(first_page(), ask)
    first = last = yield from _read_once(pages, seen, place)
    count = first.pages
    for _ in range(MAX_READS - 1):
        if last.is_certain:
            break
        pages = _pages(ask(1)(), ask)
        previous, last = last, (yield from _read_once(pages, seen, place))
        count += last.pages
        if last.is_consistent and last.ids <= previous.ids:
            break
    else:
        return Reading(last.is_certain, first.started, len(seen), count)
    return Reading(complete=True, started=first.started, records=len(seen), pages=count)


def _read_once(
    pages: Iterator[Page],
    seen: set[str | int],
    place: str,
) -> Generator[Record, None, _Pass]:
    """Yield the records of one pass over the pages, and return what the pass noticed."""
    noticed: _Pass | None = None
    for page in pages:
        if page.last > MAX_PAGES:
            msg = (
                f"Sessionboard holds {page.total} {place}, more than it serves page by page: "
                "raise the setting page_size, or set a later start_date."
            )
            raise FatalAPIError(msg)
        noticed = noticed or _Pass(started=page.asked_at)
        noticed.add(page)
        for record in page.records:
            if record["id"] not in seen:
                seen.add(record["id"])
                yield record
    return t.cast("_Pass", noticed)


def _pages(first: Page, ask: Ask) -> Iterator[Page]:
    """Give the pages of one pass in their order, up to what is then the last."""
    page, number = first, 1
    ahead: deque[Callable[[], Page]] = deque()
    yield page
    while number < page.last and page.records:
        while len(ahead) < PAGES_AHEAD and number + len(ahead) < page.last:
            ahead.append(ask(number + len(ahead) + 1))
        page = ahead.popleft()()
        number += 1
        yield page


@dataclass(slots=True)
class _Pass:
    """What one pass over the pages of a list noticed."""

    started: datetime
    ids: set[str | int] = field(default_factory=set)
    totals: set[int] = field(default_factory=set)
    pages: int = 0
    edited: bool = False

    def add(self, page: Page) -> None:
        """Note the page's ids, the total it names and whether it holds a fresh edit."""
        self.pages += 1
        self.totals.add(page.total)
        self.ids.update(record["id"] for record in page.records)
        since = self.started.isoformat(timespec="microseconds")
        self.edited = self.edited or any(
            str(record.get("updated_at") or "") >= since for record in page.records
        )

    @property
    def is_consistent(self) -> bool:
        """Whether every page named the same total, and that many records came."""
        return self.totals == {len(self.ids)}

    @property
    def is_certain(self) -> bool:
        """Whether no record can have slipped over the edge of a page.

        One record that left and one that entered leave the total as it was; but the one that
        entered was created or edited during the pass, and gives the pair away.
        """
        return self.is_consistent and (self.pages == 1 or not self.edited)
