"""The webhook: who is told of what, and how often."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import threading
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from target_swoogo.clock import utc_now
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger
from target_swoogo.progress import Progress
from target_swoogo.quota import QuotaSpent
from target_swoogo.target import TargetSwoogo

from .conftest import PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Pair

WRONG = [{"sessionboard_event_id": 4101, "swoogo_event_id": 7}]


class Webhook:
    """Takes what is posted, and answers as it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                hook.texts.append(json.loads(self.rfile.read(length))["text"])
                self.send_response(hook.status)
                if hook.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not into the tests' output."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/hunter2"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, args=(0.01,))
    thread.start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    return make_pair(PAIRS[:1], sessions=20)


def fail(pair: Pair, messages: str, webhook: Webhook, **overrides: Any) -> None:
    with pytest.raises(TargetError):
        pair.load(messages, webhook_url=webhook.url, **overrides)


@contextmanager
def time_passed(**units: float) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("target_swoogo.target.utc_now", lambda: utc_now() + timedelta(**units))
        yield


def test_a_failure_is_told_once_a_day_and_that_it_is_over(pair: Pair, webhook: Webhook) -> None:
    messages = pair.read()
    fail(pair, messages, webhook, event_mappings=WRONG)
    fail(pair, "", webhook, event_mappings=WRONG)
    (text,) = webhook.texts
    assert "Swoogo has no event 7" in text
    assert "[swoogo_event_unknown]" in text
    with time_passed(hours=24):
        fail(pair, "", webhook, event_mappings=WRONG)
    assert len(webhook.texts) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("target_swoogo.reconcile.evaluate", Mock(side_effect=QuotaSpent))
        pair.load("", webhook_url=webhook.url)
    assert len(webhook.texts) == 2, "it was not looked at"
    pair.load(messages, webhook_url=webhook.url)
    pair.load("", webhook_url=webhook.url)
    assert webhook.texts[2:] == ["*target-swoogo*\n\nAll is well again."]


def test_held_changes_are_told_without_names_of_people(pair: Pair, webhook: Webhook) -> None:
    pair.sync(webhook_url=webhook.url)
    assert webhook.texts == []
    people = [p for p in pair.sandbox.state.programme["people"].values() if p["event_id"] == 4101]
    for person in people:
        pair.sandbox.edit(
            {"op": "update", "kind": "people", "id": person["id"], "fields": {"about": None}}
        )
    pair.sync(webhook_url=webhook.url)
    pair.load("", webhook_url=webhook.url)
    (text,) = webhook.texts
    assert "changes held back. bio (" in text
    assert "target-swoogo:approve [guard_emptied]" in text
    for person in people:
        assert str(person["last_name"]) not in text
        assert str(person["email"]) not in text


def test_stale_data_is_told(pair: Pair, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.sync(webhook_url=webhook.url)
    reset = {"match": {"side": "swoogo"}, "times": None, "do": {"status": 503}}
    pair.sandbox.faults(reset)
    session = next(iter(pair.sandbox.state.programme["sessions"].values()))
    pair.sandbox.edit(
        {"op": "update", "kind": "sessions", "id": session["id"], "fields": {"title": "New"}}
    )
    monkeypatch.setattr("target_swoogo.swoogo._TRIES", 1)
    with time_passed(minutes=121):
        fail(pair, pair.read(), webhook)
    assert "was last fully synced 121 minutes ago" in webhook.texts[-1]
    pair.sandbox.faults()
    pair.load("", webhook_url=webhook.url)
    assert webhook.texts[-1].endswith("All is well again.")


def test_a_ledger_that_cannot_be_opened_is_told_each_time(pair: Pair, webhook: Webhook) -> None:
    for _ in range(2):
        fail(pair, "", webhook, ledger_url="sqlite:////dev/null/x.db")
    assert [text.endswith("[ledger_unwritable]") for text in webhook.texts] == [True, True]


def test_a_line_that_cannot_be_read_is_told(pair: Pair, webhook: Webhook) -> None:
    fail(pair, "not json", webhook)
    assert "[singer_line_malformed]" in webhook.texts[0]


def test_a_dry_run_tells_nobody(pair: Pair, webhook: Webhook) -> None:
    fail(pair, pair.read(), webhook, event_mappings=WRONG, dry_run=True)
    assert webhook.texts == []


@pytest.mark.parametrize("status", [500, 302, None], ids=["error", "redirect", "nobody there"])
def test_a_webhook_that_fails_is_a_warning_and_is_tried_again(
    pair: Pair, webhook: Webhook, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    caplog.set_level("DEBUG")
    messages = pair.read()
    url = webhook.url if status else "http://127.0.0.1:9/services/hunter2"
    webhook.status = status or 200
    for _ in range(2):
        with pytest.raises(TargetError, match="Swoogo has no event 7"):
            pair.load(messages, webhook_url=url, event_mappings=WRONG)
    warnings = [r.message for r in caplog.records if "check webhook_url" in r.message]
    assert len(warnings) == 2
    assert len(webhook.texts) == (2 if status else 0), "no redirect is followed"
    assert "hunter2" not in caplog.text


def test_a_webhook_that_drips_does_not_hold_the_run_up(
    pair: Pair, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers, and so no single wait is too long; yet it never comes to an end."""
    monkeypatch.setattr("target_swoogo.alerts._LONGEST_SECONDS", 0.2)
    messages, over = pair.read(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/services/hunter2"

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not over.wait(0.02):
                    connection.sendall(b"H")

        dripping = threading.Thread(target=drip)
        dripping.start()
        with pytest.raises(TargetError, match="Swoogo has no event 7"):
            pair.load(messages, webhook_url=url, event_mappings=WRONG)
        assert dripping.is_alive()
        over.set()
        dripping.join()
    (warning,) = [r.message for r in caplog.records if "check webhook_url" in r.message]
    assert "did not answer in time" in warning
    with Ledger.open(pair.target_config()["ledger_url"]):
        pass


def test_a_signal_while_records_come_in_leaves_all_to_the_next_run(
    pair: Pair,
    webhook: Webhook,
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages, put = pair.read(), Ledger.put

    def interrupted(ledger: Ledger, stream: str, rows: Any) -> None:
        put(ledger, stream, rows)
        target._handle_termination(signal.SIGTERM, None)

    target = TargetSwoogo(config=pair.target_config(webhook_url=webhook.url))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "put", interrupted)
        with pytest.raises(SystemExit) as ended:
            target.listen(io.StringIO(messages))
    assert ended.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().out == "", "no bookmark is moved"
    assert webhook.texts == []
    pair.load(messages)
    assert len(pair.sandbox.state.swoogo["sessions"]) > 10


def test_a_long_run_tells_how_far_it_is(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = count(0.0, 5.0)
    ticking = partial(Progress, clock=lambda: next(clock))
    monkeypatch.setattr("target_swoogo.reconcile.Progress", ticking)
    caplog.set_level("INFO", "target-swoogo")
    pair.sync()
    lines = [r.message for r in caplog.records if " to go" in r.message]
    assert re.fullmatch(
        r"Northlight Summit: \d+ of \d+ done, [\d.]+ per second, [\d,]+ credits left, about .+",
        lines[-1],
    )
    assert len(lines) > 2
