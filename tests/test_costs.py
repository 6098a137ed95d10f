"""What runs cost, in calls, SQL statements and imports: counts, so that no machine is too slow.

How long they take is measured by `benchmarks`; `docs/performance.md` has the figures.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event
from target_swoogo.target import TargetSwoogo

from .conftest import PAIRS, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_CREDITS_OF_ONE_CHANGE = 12
MOST_ABOVE_LEAST = 1.03
LIST = 10

# What only some runs need, and so no start should load.
HEAVY = {"PIL", "alembic", "boto3", "jinja2", "numpy", "pandas", "psycopg", "sqlalchemy"}
MOST_MODULES = 750


@contextmanager
def statements() -> Iterator[list[str]]:
    """Notes every SQL statement; one that carries many rows is one statement."""
    made: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        made.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def credits_of(calls: list[dict[str, Any]]) -> int:
    return sum(call["credits"] for call in calls)


def test_first_sync_costs_hardly_more_than_its_writes(pair: Pair) -> None:
    pair.sync()
    calls = pair.calls()
    lists = {call["path"] for call in calls if call["credits"] == LIST}
    # The token, each event of the two pairs, each list once for each of them.
    least = len(pair.writes()) + 1 + 2 + 2 * LIST * len(lists)
    assert credits_of(calls) <= MOST_ABOVE_LEAST * least


def test_every_write_of_a_first_sync_is_of_use(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(PAIRS[:1], sessions=20)
    pair.sync()
    swoogo = pair.sandbox.state.swoogo
    kinds = ("sessions", "speakers", "sponsors", "locations", "tracks")
    linked = sum(bool(speaker["session_ids"]) for speaker in swoogo["speakers"].values())
    images = [call for call in pair.writes() if call["path"].startswith("/image/")]
    assert len({call["path"] for call in images}) == len(images)
    assert len(pair.writes()) == sum(len(swoogo[kind]) for kind in kinds) + linked + len(images)


def test_run_without_changes_makes_no_call_to_swoogo(pair: Pair) -> None:
    pair.sync()
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []


def test_one_change_costs_few_credits(pair: Pair) -> None:
    pair.sync()
    session = next(
        row["id"]
        for row in pair.sandbox.state.programme["sessions"].values()
        if any(call["fields"].get("name") == row["title"] for call in pair.writes())
    )
    since = pair.now
    pair.sandbox.edit(
        {"op": "update", "kind": "sessions", "id": session, "fields": {"title": "Another title"}}
    )
    pair.sync()
    assert len(pair.writes(since)) == 1
    assert credits_of(pair.calls(since=since)) <= MOST_CREDITS_OF_ONE_CHANGE


def test_run_without_changes_makes_no_more_statements_for_more_records(
    make_pair: Callable[..., Pair],
) -> None:
    made = []
    for sessions in (20, 60):
        pair = make_pair(sessions=sessions)
        pair.sync()
        messages = pair.read()
        with statements() as noted:
            pair.load(messages)
        made.append(len(noted))
    assert made[0] == made[1]


def test_first_sync_makes_few_statements_for_each_write(make_pair: Callable[..., Pair]) -> None:
    per_write = []
    for sessions in (20, 60):
        pair = make_pair(sessions=sessions)
        messages = pair.read()
        with statements() as noted:
            pair.load(messages)
        per_write.append(len(noted) / len(pair.writes()))
    assert per_write[1] <= per_write[0]
    assert per_write[0] < 10


def rooms(count: int) -> str:
    """So many rooms of 2 KB, as a tap tells them."""
    properties = {"id": {"type": "string"}, "event_id": {"type": "integer"}}
    head = {
        "type": "SCHEMA",
        "stream": "rooms",
        "schema": {"properties": properties},
        "key_properties": ["event_id", "id"],
    }
    records = (
        {"id": f"room-{number}", "event_id": 9, "name": f"{number:04}" * 500}
        for number in range(count)
    )
    told = ({"type": "RECORD", "stream": "rooms", "record": record} for record in records)
    return "\n".join(map(json.dumps, (head, *told, {"type": "STATE", "value": {}})))


def test_taking_records_in_allocates_no_more_for_more_of_them(pair: Pair) -> None:
    pair.sync()
    peaks = []
    for count in (1_000, 3_000, 9_000):  # the first run loads what is loaded once
        file = pair.folder / "rooms.jsonl"
        file.write_text(rooms(count))
        target = TargetSwoogo(config=pair.target_config())
        tracemalloc.start()
        with file.open() as lines, redirect_stdout(io.StringIO()):
            target.listen(lines)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] <= 1.3 * peaks[1], peaks


@pytest.mark.parametrize("option", ["--version", "--about"])
def test_start_loads_no_more_than_it_needs(option: str) -> None:
    code = (
        "import sys\n"
        "from target_swoogo.target import TargetSwoogo\n"
        "try:\n"
        "    TargetSwoogo.cli()\n"
        "finally:\n"
        "    print(*sorted(sys.modules), file=sys.stderr)\n"
    )
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code, option], check=True, capture_output=True, text=True
    )
    modules = told.stderr.split()
    assert len(modules) < MOST_MODULES
    assert HEAVY.isdisjoint(name.partition(".")[0] for name in modules)
