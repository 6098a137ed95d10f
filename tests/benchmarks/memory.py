"""Peak memory of the target, from a thousand records to a hundred thousand.

    uv run python tests/benchmarks/memory.py

Each figure is the largest resident set of a target in a process of its own, as the system counts
it. No run has anything to do in Swoogo, so none makes a call:

- other events: the records are of events that are not mapped; they are kept, and that is all.
- sent again: the same thousand records, over and over, as a tap with a look-back sends them.
- nothing new: the records of the first case once more, now that the ledger has them.
- one event: all the records are sessions of the mapped event that wait for acceptance. This is what
  the rules look at, and so grows with the event; the others must not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    Message = dict[str, Any]

EVENT = 4101
SIZES = (1_000, 10_000, 100_000)
RECORD_BYTES = 2_000
PER_EVENT = 1_000
MOST_GROWTH = 1.2
FLAT = ("other events", "sent again", "nothing new")

_SCHEMA = {
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "id": {"type": ["string", "integer"]},
        "event_id": {"type": "integer"},
        "title": {"type": ["string", "null"]},
        "updated_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
_MEGABYTE = 1024 * 1024
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


def session(number: int, event_id: int) -> Message:
    """A session of about 2 KB that is not accepted."""
    record = {
        "id": f"session-{number:08}",
        "event_id": event_id,
        "title": f"Session {number}",
        "status": "pending",
        "starts_at": "2027-03-10T14:00:00.000000+00:00",
        "ends_at": "2027-03-10T15:00:00.000000+00:00",
        "updated_at": "2027-01-01T00:00:00.000000+00:00",
        "participants": [{"id": f"person-{number % 500}", "first_name": "Ada"}],
    }
    filler = f"{number} " * RECORD_BYTES
    room = RECORD_BYTES - len(json.dumps(record)) - len('"description": "", ')
    return record | {"description": filler[:room]}


def messages(case: str, count: int) -> Iterator[Message]:
    """What a tap says in one of the cases."""
    for stream in ("events", "sessions"):
        yield {"type": "SCHEMA", "stream": stream, "schema": _SCHEMA, "key_properties": ["id"]}
    event = {"id": EVENT, "name": "Conference", "timezone": "America/New_York"}
    yield {"type": "RECORD", "stream": "events", "record": event}
    for number in range(count):
        if case == "one event":
            record = session(number, EVENT)
        elif case == "sent again":
            record = session(number % PER_EVENT, EVENT + 1)
        else:
            record = session(number, EVENT + 1 + number // PER_EVENT)
        yield {"type": "RECORD", "stream": "sessions", "record": record}
        if number % PER_EVENT == PER_EVENT - 1:
            yield {"type": "STATE", "value": {"sent": number}}


def peak(case: str, count: int, folder: Path) -> float:
    """Run a target over so many records.

    Args:
        case: Which records.
        count: How many.
        folder: Where its ledger is.

    Returns:
        Its peak memory in MB.

    Raises:
        RuntimeError: The run failed.
    """
    config = {
        "consumer_key": "key",
        "consumer_secret": "secret",
        "api_url": "http://127.0.0.1:9",  # nobody listens: a call would fail the run
        "event_mappings": [{"sessionboard_event_id": EVENT, "swoogo_event_id": 77001}],
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "report_path": str(folder / "reports"),
    }
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    program = Path(sys.executable).with_name("target-swoogo")
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own program
            [program, "--config", file],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
        if child.stdin is None:
            message = "a pipe was asked for"
            raise RuntimeError(message)
        lines = (json.dumps(message).encode() + b"\n" for message in messages(case, count))
        while chunk := b"".join(islice(lines, 1_000)):
            child.stdin.write(chunk)
        child.stdin.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError((folder / "log").read_text()[-2_000:])
    return usage.ru_maxrss * _BYTES_PER_MAXRSS / _MEGABYTE


def measure(sizes: tuple[int, ...]) -> dict[str, list[float]]:
    """The peaks in MB, by case, one for each size."""
    table: dict[str, list[float]] = {name: [] for name in (*FLAT, "one event")}
    for count in sizes:
        with tempfile.TemporaryDirectory() as folder:
            table["other events"].append(peak("other events", count, Path(folder)))
            table["nothing new"].append(peak("nothing new", count, Path(folder)))
        for case in ("sent again", "one event"):
            with tempfile.TemporaryDirectory() as folder:
                table[case].append(peak(case, count, Path(folder)))
    return table


def main() -> int:
    """Print the table; 1 when memory grows that should not."""
    parser = argparse.ArgumentParser(description="Peak memory of target-swoogo.")
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="numbers of records")
    sizes = tuple(parser.parse_args().sizes)
    table = measure(sizes)
    click.echo(f"{'MB at':<14}" + "".join(f"{size:>10,}" for size in sizes) + f"{'ratio':>8}")
    for case, peaks in table.items():
        ratio = peaks[-1] / peaks[0]
        click.echo(f"{case:<14}" + "".join(f"{mb:>10.1f}" for mb in peaks) + f"{ratio:>8.2f}")
    return int(any(table[case][-1] > MOST_GROWTH * table[case][0] for case in FLAT))


if __name__ == "__main__":
    sys.exit(main())
