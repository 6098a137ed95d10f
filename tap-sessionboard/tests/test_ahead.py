"""Waiting for one page overlaps with waiting for others, and no page is asked for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import typing as t
from collections import Counter
from concurrent.futures import CancelledError
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_sessionboard.ahead import REQUESTS_AT_ONCE, Ahead, Answer
from tap_sessionboard.client import SessionboardStream

if t.TYPE_CHECKING:
    from collections.abc import Callable


BASE = "https://public-api.sessionboard.com"
LISTS = ("rooms", "tracks", "session_statuses", "sessions", "speakers", "sponsors")
PATIENCE_SECONDS = 30


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let pages be fetched only when so many of them are asked for at once."""
    fetch = SessionboardStream.fetch

    def hold(parties: int, *, only: str | None = None, page: int = 1) -> None:
        barrier = threading.Barrier(parties, timeout=PATIENCE_SECONDS)

        def held(self: SessionboardStream, context: t.Any, body: t.Any, number: int) -> Answer:
            if context and number >= page and only in {None, self.name}:
                barrier.wait()
            return fetch(self, context, body, number)

        monkeypatch.setattr(SessionboardStream, "fetch", held)

    return hold


def test_the_pages_of_a_list_overlap(api: t.Any, run: t.Any, together: t.Any) -> None:
    api.add_event()
    names = [f"s{number}" for number in range(9)]
    for name in names:
        api.add("sessions", name)
    together(8, only="sessions", page=2)
    assert run(only="sessions", page_size=1).ids("sessions") == names


def test_the_lists_of_an_event_overlap(api: t.Any, run: t.Any, together: t.Any) -> None:
    api.add_event()
    together(len(LISTS))
    run()


def test_events_overlap(api: t.Any, run: t.Any, together: t.Any) -> None:
    for event_id in (1, 2, 3, 4):
        api.add_event(event_id)
        api.add("rooms", f"room of {event_id}", event_id=event_id)
    together(2, only="rooms")
    assert run().ids("rooms") == [f"room of {number}" for number in (1, 2, 3, 4)]


def test_no_page_is_asked_for_twice(api: t.Any, run: t.Any) -> None:
    for event_id in (1, 2, 3):
        api.add_event(event_id)
        api.add("speakers", f"p{event_id}", event_id=event_id)
    first = run()
    before = len(api.requests)
    run(first.state)
    for requests in (api.requests[:before], api.requests[before:]):
        asked = Counter((r["kind"], r["event_id"], r["page"], str(r["body"])) for r in requests)
        assert set(asked.values()) == {1}


def test_what_is_not_selected_is_not_asked_for(api: t.Any, run: t.Any) -> None:
    api.add_event()
    run(only="rooms")
    assert {request["kind"] for request in api.requests} == {"events", "rooms"}


def test_a_failure_names_its_own_event(api: t.Any, run: t.Any) -> None:
    """Though the list is asked for while another event is read."""
    api.add_event(1)
    api.add_event(2)
    api.mocker.post(f"{BASE}/v1/event/2/speakers", status_code=403)
    run(fails=FatalAPIError, match="may not read the speakers of event 2")


def test_after_a_failure_nothing_more_is_asked_for(api: t.Any, run: t.Any) -> None:
    for event_id in range(1, 9):
        api.add_event(event_id)
    api.mocker.post(f"{BASE}/v1/event/1/rooms", status_code=403)
    run(fails=FatalAPIError)
    assert {request["event_id"] for request in api.requests} <= {0, 1, 2}


def test_whatever_ends_a_request_is_raised_where_its_page_is_waited_for() -> None:
    """Or the run would wait for a thread that is no more."""

    def fetch() -> Answer:
        raise KeyboardInterrupt

    ahead = Ahead()
    answer = ahead.ask(fetch)
    with pytest.raises(KeyboardInterrupt):
        answer()
    ahead.close()


def test_a_run_that_is_over_leaves_no_thread_behind(api: t.Any, run: t.Any) -> None:
    api.add_event()
    before = set(threading.enumerate())
    run()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_what_was_not_begun_is_given_up_and_more_can_be_asked_for() -> None:
    ahead, begun, go_on = Ahead(), threading.Event(), threading.Event()

    def fetch() -> Answer:
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        return answer

    answer = Answer(b"{}", datetime.now(timezone.utc))
    asked = [ahead.ask(fetch) for _ in range(REQUESTS_AT_ONCE + 1)]
    begun.wait(PATIENCE_SECONDS)
    ahead.close()
    again = ahead.ask(fetch)
    go_on.set()
    with pytest.raises(CancelledError):
        asked[-1]()
    assert again() is answer
    ahead.close()


class Limited(BaseHTTPRequestHandler):
    """A Sessionboard that has one event, and lets nobody read it for five minutes."""

    def do_GET(self) -> None:
        events = {"results": [{"id": 1}], "pagination": {"totalResults": 1, "totalPages": 1}}
        body = json.dumps(events).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.send_response(429)
        self.send_header("Retry-After", "300")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_tap_that_waits_ends_when_it_is_told_to(end: signal.Signals) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Limited) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            "TAP_SESSIONBOARD_API_URL": f"http://127.0.0.1:{server.server_port}",
            "TAP_SESSIONBOARD_ACCESS_TOKEN": "none",
        }
        command = [str(Path(sys.executable).with_name("tap-sessionboard")), "--config", "ENV"]
        with subprocess.Popen(  # noqa: S603 - our own program
            command,
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as tap:
            assert tap.stderr is not None
            next(line for line in tap.stderr if "trying again in" in line)
            tap.send_signal(end)
            tap.wait(PATIENCE_SECONDS)
        server.shutdown()
