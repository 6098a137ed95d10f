"""Nothing is missed while organisers edit during the read."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import FatalAPIError
from tap_sessionboard.paging import MAX_READS, Page, read_completely

if t.TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [f"s{number}" for number in range(6)]


@pytest.fixture
def sessions(api: t.Any) -> t.Any:
    """Six sessions of one event, to be read two at a time."""
    api.add_event()
    for name in NAMES:
        api.add("sessions", name)
    return api


def once_before_page(api: t.Any, number: int, edit: Callable[[], None]) -> None:
    """Let the organiser edit once, just before a page of sessions is answered."""
    done = []

    def hook(kind: str, _event_id: int, page: int) -> None:
        if kind == "sessions" and page == number and not done:
            done.append(page)
            edit()

    api.before_page = hook


def read_pages(api: t.Any) -> list[int]:
    return [request["page"] for request in api.requests if request["kind"] == "sessions"]


def test_pages_are_asked_for_in_the_order_of_creation(sessions: t.Any, run: t.Any) -> None:
    assert run(only="sessions", page_size=2).ids("sessions") == NAMES
    assert read_pages(sessions) == [1, 2, 3]
    (body,) = sessions.searches("sessions")
    assert body["sort"] == {"order": "createdAt", "sort": "asc"}


def test_a_deletion_does_not_hide_the_record_behind_it(sessions: t.Any, run: t.Any) -> None:
    """After it, s2 moves to the page that was read already; the totals give it away."""
    once_before_page(sessions, 2, lambda: sessions.delete("sessions", "s0"))
    assert set(run(only="sessions", page_size=2).ids("sessions")) == set(NAMES)


def test_a_deletion_made_up_for_by_an_insertion_hides_nothing(sessions: t.Any, run: t.Any) -> None:
    """The totals agree, and only the fresh record at the end tells that the list moved."""

    def swap() -> None:
        sessions.delete("sessions", "s0")
        sessions.insert("sessions", "new")

    once_before_page(sessions, 2, swap)
    assert set(run(only="sessions", page_size=2).ids("sessions")) == {*NAMES, "new"}


def test_an_insertion_is_read_in_this_run_or_the_next(sessions: t.Any, run: t.Any) -> None:
    once_before_page(sessions, 3, lambda: sessions.insert("sessions", "new"))
    first = run(only="sessions", page_size=2)
    second = run(first.state, only="sessions", page_size=2)
    assert set(first.ids("sessions") + second.ids("sessions")) == {*NAMES, "new"}


def test_an_edit_of_a_record_that_was_read_comes_with_the_next_run(
    sessions: t.Any, run: t.Any
) -> None:
    once_before_page(sessions, 3, lambda: sessions.edit("sessions", "s0", title="Edited"))
    first = run(only="sessions", page_size=2)
    assert first.ids("sessions") == NAMES
    second = run(first.state, only="sessions", page_size=2)
    assert "Edited" in [record.get("title") for record in second.records("sessions")]


def test_each_record_is_written_once_though_the_list_is_read_again(
    sessions: t.Any, run: t.Any
) -> None:
    once_before_page(sessions, 2, lambda: sessions.delete("sessions", "s5"))
    ids = run(only="sessions", page_size=2).ids("sessions")
    assert len(ids) == len(set(ids))
    assert read_pages(sessions).count(1) == 2


def test_organisers_who_never_stop_editing_do_not_stop_the_tap(sessions: t.Any, run: t.Any) -> None:
    """Edits alone move nothing: two reads that agree are enough."""
    sessions.before_page = lambda *_: sessions.edit("sessions", "s5")
    first = run(only="sessions", page_size=2)
    assert first.ids("sessions") == NAMES
    assert read_pages(sessions).count(1) == 2
    assert first.bookmark("sessions") is not None


def test_a_list_that_never_settles_warns_and_keeps_the_earlier_bookmark(
    sessions: t.Any, run: t.Any, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = run(only="sessions", page_size=2)
    # An hour on, the whole list is read again.
    state = earlier.state
    del state["bookmarks"]["sessions"]["partitions"][0]["full_read_at"]
    api_pages = len(sessions.requests)
    sessions.envelope = lambda records, pagination: {
        "results": records,
        "pagination": {**pagination, "totalResults": pagination["totalResults"] + 1},
    }
    sessions.edit("sessions", "s3")
    later = run(state, only="sessions", page_size=2)
    assert later.ids("sessions") == NAMES
    assert later.bookmark("sessions") == earlier.bookmark("sessions")
    assert "full_read_at" not in later.partition("sessions")
    assert "sessions of event 1 kept changing" in caplog.text
    # The events count one too many as well, and are read as often.
    assert len(sessions.requests) - api_pages == MAX_READS * 3 + MAX_READS


def test_without_an_earlier_bookmark_an_unsettled_list_leaves_none(
    sessions: t.Any, run: t.Any
) -> None:
    sessions.envelope = lambda records, pagination: {
        "results": records,
        "pagination": {**pagination, "totalResults": 99},
    }
    assert run(only="sessions").bookmark("sessions") is None


def test_more_pages_than_sessionboard_serves_is_an_error(sessions: t.Any, run: t.Any) -> None:
    sessions.envelope = lambda records, pagination: {
        "results": records,
        "pagination": {**pagination, "totalPages": 1000},
    }
    run(only="sessions", fails=FatalAPIError)


START = datetime(2026, 1, 1, tzinfo=timezone.utc)
EDITS = st.lists(
    st.tuples(
        st.integers(0, 16),  # before which page
        st.sampled_from(["delete", "insert", "enter", "edit"]),
        st.integers(0, 30),  # which record
    ),
    max_size=6,
)


class MovingList:
    """A list that is edited just before some of its pages are asked for.

    A record is ``[place, id, updated]``. The list's order is by place; an entry between two
    others is an old record that an edit lifts over the filter.
    """

    def __init__(self, size: int, edits: list[tuple[int, str, int]]) -> None:
        yesterday = START - timedelta(days=1)
        self.records: list[t.Any] = [[place, f"r{place}", yesterday] for place in range(size)]
        self.edits = edits
        self.asked = 0

    @property
    def ids(self) -> set[str]:
        return {record[1] for record in self.records}

    def fetch(self, number: int) -> Page:
        now = START + timedelta(seconds=self.asked)
        for index, (when, kind, which) in enumerate(self.edits):
            if when == self.asked:
                self._edit(kind, which, index, now)
        self.asked += 1
        page = self.records[(number - 1) * 2 : number * 2]
        return Page(
            [
                {"id": id_, "updated_at": updated.isoformat(timespec="microseconds")}
                for _, id_, updated in page
            ],
            len(self.records),
            -(-len(self.records) // 2),
            now,
        )

    def _edit(self, kind: str, which: int, index: int, now: datetime) -> None:
        if kind == "insert":
            self.records.append([1000 + index, f"n{index}", now])
        elif kind == "enter":
            self.records.append([which + index / 100 - 0.5, f"e{index}", now])
        elif self.records and kind == "delete":
            self.records.pop(which % len(self.records))
        elif self.records:
            self.records[which % len(self.records)][2] = now
        self.records.sort(key=lambda record: record[0])


class AnyOrder:
    """Fetches what is asked for in an order of the test's choice, when a page is waited for."""

    def __init__(self, fetch: Callable[[int], Page], order: list[int]) -> None:
        self.fetch = fetch
        self.order = order
        self.waiting: list[int] = []
        self.pages: dict[int, Page] = {}

    def ask(self, number: int) -> Callable[[], Page]:
        self.waiting.append(number)

        def page() -> Page:
            while number not in self.pages:
                place = self.order.pop() if self.order else 0
                chosen = self.waiting.pop(place % len(self.waiting))
                self.pages[chosen] = self.fetch(chosen)
            return self.pages.pop(number)

        return page


@settings(deadline=None, max_examples=2000, derandomize=True)
@given(size=st.integers(0, 24), edits=EDITS, order=st.lists(st.integers(0, 7), max_size=40))
def test_what_stays_in_the_list_is_read(
    size: int, edits: list[tuple[int, str, int]], order: list[int]
) -> None:
    """Whatever leaves, enters or changes: a record that was there throughout is read."""
    moving = MovingList(size, edits)
    before = moving.ids
    reading = None
    read: list[str] = []
    generator = read_completely(
        AnyOrder(moving.fetch, order).ask, set(), "sessions", lambda: moving.fetch(1)
    )
    while reading is None:
        try:
            read.append(next(generator)["id"])
        except StopIteration as stop:
            reading = stop.value
    assert len(read) == len(set(read))
    assert reading.started == START
    if reading.complete:
        assert before & moving.ids <= set(read)
