"""A Sessionboard in memory, and ways to run the tap against it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import sys
import time
import typing as t
import warnings
from datetime import datetime, timedelta, timezone

import click.testing
import pytest
import requests_mock as rm
from tap_sessionboard.tap import TapSessionboard

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "tok-5ecret"  # noqa: S105 (it opens nothing)
BASE = "https://public-api.sessionboard.com"
CREATED = datetime(2025, 1, 1, tzinfo=timezone.utc)
KINDS = {
    "sessions": "sessions",
    "sessions/status": "session_statuses",
    "speakers": "speakers",
    "sponsors": "sponsors",
    "rooms": "rooms",
    "tracks": "tracks",
}


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def usual_envelope(records: list[t.Any], pagination: dict[str, int]) -> t.Any:
    return {"results": records, "pagination": pagination}


class FakeSessionboard:
    """Answers searches as the API v1 reference describes them, and keeps what it was asked."""

    def __init__(self, mocker: rm.Mocker, base: str = BASE) -> None:
        self.mocker = mocker
        self.lists: dict[tuple[str, int], list[dict[str, t.Any]]] = {}
        self.events: list[dict[str, t.Any]] = []
        self.requests: list[dict[str, t.Any]] = []
        self.before_page: Callable[[str, int, int], None] = lambda *_: None
        self.after_includes_moment = True
        self.envelope: Callable[[list[t.Any], dict[str, int]], t.Any] = usual_envelope
        self.headers: dict[str, str] = {}
        mocker.get(f"{base}/v1/events", json=self._answer_events)
        for path in KINDS:
            mocker.post(re.compile(rf"{base}/v1/event/\d+/{path}(\?|$)"), json=self._answer_search)

    def add_event(self, event_id: int = 1, timezone_name: str = "America/Chicago") -> None:
        self.events.append(
            {
                "id": event_id,
                "name": f"Event {event_id}",
                "timezone": timezone_name,
                "features": {"translated_fields": False},
            },
        )

    def add(
        self, kind: str, record_id: str, event_id: int = 1, **fields: t.Any
    ) -> dict[str, t.Any]:
        """Add a record, created a minute after the last one and updated then unless told."""
        records = self.lists.setdefault((kind, event_id), [])
        created = CREATED + timedelta(minutes=len(records))
        record = {
            "id": record_id,
            "created_at": stamp(created),
            "updated_at": stamp(created),
            **fields,
        }
        records.append(record)
        return record

    def records(self, kind: str, event_id: int = 1) -> list[dict[str, t.Any]]:
        return self.lists.setdefault((kind, event_id), [])

    def edit(self, kind: str, record_id: str, **fields: t.Any) -> None:
        """Edit a record now."""
        for record in self.records(kind):
            if record["id"] == record_id:
                record.update({"updated_at": stamp(datetime.now(timezone.utc)), **fields})

    def delete(self, kind: str, record_id: str) -> None:
        self.records(kind)[:] = [r for r in self.records(kind) if r["id"] != record_id]

    def insert(self, kind: str, record_id: str) -> None:
        """Add a record that is created now."""
        now = stamp(datetime.now(timezone.utc))
        self.add(kind, record_id, created_at=now, updated_at=now)

    def searches(self, kind: str, event_id: int = 1) -> list[dict[str, t.Any]]:
        """Give the bodies of the searches that asked for a first page."""
        return [
            request["body"]
            for request in self.requests
            if (request["kind"], request["event_id"], request["page"]) == (kind, event_id, 1)
        ]

    def _answer_events(self, request: t.Any, context: t.Any) -> t.Any:
        return self._page("events", 0, self.events, request, context, None)

    def _answer_search(self, request: t.Any, context: t.Any) -> t.Any:
        event_id, path = re.search(r"/event/(\d+)/([a-z/]+)", request.path).groups()  # type: ignore[union-attr]
        kind = KINDS[path]
        body = request.json()
        self.before_page(kind, int(event_id), int(request.qs["page"][0]))
        found = [
            record
            for record in self.records(kind, int(event_id))
            if self._passes(record, body["filters"])
        ]
        found.sort(key=lambda record: moment(record["created_at"]))
        return self._page(kind, int(event_id), found, request, context, body)

    def _passes(self, record: dict[str, t.Any], filters: dict[str, t.Any]) -> bool:
        if "isAbstract" in filters and record.get("is_abstract", False) != filters["isAbstract"]:
            return False
        for name, field in (("updatedAt", "updated_at"), ("deletedAt", "deleted_at")):
            if name not in filters:
                continue
            if not record.get(field):
                return False
            value, after = moment(record[field]), moment(filters[name]["after"])
            if value < after or (value == after and not self.after_includes_moment):
                return False
        return True

    def _page(
        self,
        kind: str,
        event_id: int,
        found: list[dict[str, t.Any]],
        request: t.Any,
        context: t.Any,
        body: t.Any,
    ) -> t.Any:
        page, size = int(request.qs["page"][0]), int(request.qs["pagesize"][0])
        self.requests.append(
            {
                "kind": kind,
                "event_id": event_id,
                "page": page,
                "size": size,
                "body": body,
                "headers": dict(request.headers),
            },
        )
        context.headers.update(self.headers)
        pagination = {
            "currentPage": page,
            "pageSize": size,
            "totalPages": -(-len(found) // size),
            "totalResults": len(found),
        }
        return self.envelope(
            json.loads(json.dumps(found[(page - 1) * size : page * size])), pagination
        )


class Run:
    """What one run of the tap wrote."""

    def __init__(self, output: str) -> None:
        self.messages = [json.loads(line) for line in output.splitlines()]

    def records(self, stream: str) -> list[dict[str, t.Any]]:
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    def ids(self, stream: str) -> list[t.Any]:
        return [record["id"] for record in self.records(stream)]

    @property
    def state(self) -> dict[str, t.Any]:
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else {}

    def partition(self, stream: str, event_id: int = 1) -> dict[str, t.Any]:
        for partition in self.state["bookmarks"][stream].get("partitions", []):
            if partition["context"] == {"event_id": event_id}:
                return dict(partition)
        return {}

    def bookmark(self, stream: str, event_id: int = 1) -> datetime | None:
        value = self.partition(stream, event_id).get("replication_key_value")
        return moment(value) if value else None


@pytest.fixture
def api() -> Iterator[FakeSessionboard]:
    with rm.Mocker() as mocker:
        yield FakeSessionboard(mocker)


@pytest.fixture
def run() -> Callable[..., Run]:
    """Run the tap, optionally from a state and with only some streams selected."""

    def go(
        state: dict[str, t.Any] | None = None,
        *,
        only: str | None = None,
        fails: type[Exception] | None = None,
        match: str | None = None,
        **config: t.Any,
    ) -> Run:
        output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with contextlib.redirect_stdout(output):
            tap = TapSessionboard(
                config={"access_token": TOKEN, **config},
                state=json.loads(json.dumps(state or {})),
            )
            for stream in tap.streams.values():
                stream.selected = only is None or stream.name == only
            with pytest.raises(fails, match=match) if fails else contextlib.nullcontext():
                tap.sync_all()
        output.seek(0)
        return Run(output.read())

    return go


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Keep the waits between tries in a list, and do not wait."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr("singer_sdk.RESTStream.backoff_jitter", lambda _self, value: value)
    return slept


class Command:
    """What the command line did."""

    def __init__(self, result: click.testing.Result, errors: list[logging.LogRecord]) -> None:
        self.exit_code = result.exit_code
        self.exception = result.exception
        self.errors = [record.getMessage() for record in errors]
        self.has_traceback = any(record.exc_info for record in errors)


@pytest.fixture
def command(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: t.Any,
) -> Iterator[Callable[..., Command]]:
    """Run the command line in this process with a configuration."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the SDK replaces it

    def go(*args: str, config: dict[str, t.Any] | None = None) -> Command:
        if config is not None:
            path = tmp_path / "config.json"
            path.write_text(json.dumps(config))
            args = ("--config", str(path), *args)
        caplog.clear()
        with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
            result = click.testing.CliRunner().invoke(TapSessionboard.get_singer_command(), args)
            logging.captureWarnings(capture=False)
        return Command(result, [r for r in caplog.records if r.levelno >= logging.ERROR])

    return go


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-catalog", action="store_true", help="rewrite tests/catalog")
