"""The tap's records per second, against the usual tap for any API and against the limit."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import programme
from benchmarks.figures import Figure, Scale, at_least, medians
from benchmarks.page_server import PAGE_SIZE
from benchmarks.processes import HERE, competitor, foreign, program, run
from benchmarks.servers import HOST, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.processes import Command

LATENCY_MS = 100
WORKERS = 8
_TIMES_THE_PEER, _OF_THE_LIMIT = 3.0, 0.7
_PATH = f"/v1/event/{programme.EVENT}/sessions"


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    count = scale.of(20_000, 500)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        programme.write(home / "programme", count, images=False)
        return [*_from_fast_server(scale, home, count), *_from_slow_server(scale, home, count)]


def _from_fast_server(scale: Scale, home: Path, count: int) -> list[Figure]:
    with _server(home, 0) as port:
        tap, peer = _tap(home, port), _peer(home, port)
        ours, theirs = medians(
            scale.repetitions,
            lambda: _seconds(tap, home, count),
            lambda: _seconds(peer, home, count),
        )
    what = f"Reading {count:,} sessions from a fast server"
    return [_faster(what, count, ours, theirs)]


def _from_slow_server(scale: Scale, home: Path, count: int) -> list[Figure]:
    with _server(home, LATENCY_MS) as port:
        tap, peer = _tap(home, port), _peer(home, port)
        pages = [["GET", f"{_PATH}?page={n + 1}", {}, ""] for n in range(-(-count // PAGE_SIZE))]
        waves = home / "waves.jsonl"
        waves.write_text("\n".join(map(json.dumps, (pages[:1], pages[1:]))), encoding="utf-8")
        pool = competitor("bare_pool", HOST, str(port), str(WORKERS))
        ours, limit, theirs = medians(
            scale.repetitions,
            lambda: _seconds(tap, home, count),
            lambda: run(pool, folder=home, stdin=waves).seconds,
            lambda: _seconds(peer, home, count),
        )
    what = f"Reading {count:,} sessions at {LATENCY_MS} ms"
    return [
        _faster(what, count, ours, theirs),
        at_least(
            f"{what}: records per second, against a bare pool of {WORKERS} workers",
            limit / ours,
            _OF_THE_LIMIT,
            f"{{}} ({count / ours:,.0f} a second against {count / limit:,.0f})",
        ),
    ]


def _faster(what: str, count: int, ours: float, theirs: float) -> Figure:
    return at_least(
        f"{what}: records per second, against tap-rest-api-msdk",
        theirs / ours,
        _TIMES_THE_PEER,
        f"{{}} ({count / ours:,.0f} a second against {count / theirs:,.0f})",
    )


@contextmanager
def _server(home: Path, latency_ms: int) -> Iterator[int]:
    port = free_port()
    script = HERE / "page_server.py"
    server = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, script, str(port), home / "programme", str(latency_ms)]
    )
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def _tap(home: Path, port: int) -> Command:
    """The tap, reading events and sessions."""
    config = home / "tap.json"
    config.write_text(json.dumps({"api_url": f"http://{HOST}:{port}", "access_token": "token"}))
    return program("tap-sessionboard", "--config", config)


def _peer(home: Path, port: int) -> Command:
    """The peer, reading sessions; it reads a page more to guess their schema, as it always does."""
    sessions = {
        "name": "sessions",
        "path": _PATH,
        "primary_keys": ["id"],
        "records_path": "$.results[*]",
    }
    config = {
        "api_url": f"http://{HOST}:{port}",
        "next_page_token_path": "$.next_page",
        "streams": [sessions],
    }
    file = home / "peer.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return foreign("rest_api_tap", "--config", file)


def _seconds(tap: Command, home: Path, count: int) -> float:
    out = home / "out.jsonl"
    spent = run(tap, folder=home, stdout=out)
    with out.open(encoding="utf-8") as lines:
        read = sum('"RECORD"' in line[:200] and '"sessions"' in line[:200] for line in lines)
    if read != count:
        message = f"{tap[0]} read {read} of {count} sessions"
        raise RuntimeError(message)
    return spent.seconds
