"""What a tap says, in any number of records of 2 KB that ask for nothing in Swoogo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.programme import EVENT, SWOOGO_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Message = dict[str, Any]
    Case = Literal["other events", "sent again", "one event"]

RECORD_BYTES = 2_000
PER_EVENT = 1_000

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


def write(file: Path, count: int, case: Case) -> None:
    """Write a tap's output.

    Args:
        file: Where to.
        count: How many sessions it holds.
        case: Whether they are of events that are not mapped, a thousand each; or a thousand of
            those, over and over; or all of the mapped event, and wait for acceptance.
    """
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(message)}\n" for message in _messages(count, case))


def configure(folder: Path) -> Path:
    """Write the configuration of a target that has nobody to call, so that a call fails the run."""
    config = {
        "consumer_key": "key",
        "consumer_secret": "secret",
        "api_url": "http://127.0.0.1:9",
        "event_mappings": [{"sessionboard_event_id": EVENT, "swoogo_event_id": SWOOGO_EVENT}],
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "report_path": "",
    }
    file = folder / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def _messages(count: int, case: Case) -> Iterator[Message]:
    for stream in ("events", "sessions"):
        yield {"type": "SCHEMA", "stream": stream, "schema": _SCHEMA, "key_properties": ["id"]}
    event = {"id": EVENT, "name": "Conference", "timezone": "America/New_York"}
    yield {"type": "RECORD", "stream": "events", "record": event}
    for number in range(count):
        if case == "one event":
            record = _session(number, EVENT)
        elif case == "sent again":
            record = _session(number % PER_EVENT, EVENT + 1)
        else:
            record = _session(number, EVENT + 1 + number // PER_EVENT)
        yield {"type": "RECORD", "stream": "sessions", "record": record}
        if number % PER_EVENT == PER_EVENT - 1:
            yield {"type": "STATE", "value": {"sent": number}}


def _session(number: int, event_id: int) -> Message:
    """A session that is not accepted."""
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
