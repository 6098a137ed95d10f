"""The sandbox's state: kept in memory for reading, written through to SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sandbox.clock import Clock

Record = dict[str, Any]
Side = Literal["programme", "swoogo"]

_ALWAYS = datetime.min.replace(tzinfo=timezone.utc)
_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    side TEXT, kind TEXT, id TEXT, body TEXT, PRIMARY KEY (side, kind, id)
);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, body TEXT);
CREATE TABLE IF NOT EXISTS log (n INTEGER PRIMARY KEY, body TEXT);
"""


class Store:
    """Every record of both vendors, plus settings, counters and the request log.

    ``programme`` (Sessionboard's records) and ``swoogo`` hold, by kind, the records by id. A record
    is replaced by `save`, never changed in place, so an older version stays what it was.

    Args:
        path: The SQLite file.
        clock: Dates each version of a programme record, for answers that are stale on purpose.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.programme: defaultdict[str, dict[Any, Record]] = defaultdict(dict)
        self.swoogo: defaultdict[str, dict[Any, Record]] = defaultdict(dict)
        self.meta: Record = {}
        self.log: list[Record] = []
        self._versions: defaultdict[tuple[str, Any], list[tuple[datetime, Record | None]]]
        self._versions = defaultdict(list)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Without fsync a write costs microseconds, and still survives the process being killed.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLES)
        self._read()

    def _read(self) -> None:
        for side, kind, body in self._db.execute("SELECT side, kind, body FROM records"):
            record = json.loads(body)
            self._side(side)[kind][record["id"]] = record
        self.meta = {n: json.loads(b) for n, b in self._db.execute("SELECT name, body FROM meta")}
        self.log = [json.loads(b) for (b,) in self._db.execute("SELECT body FROM log ORDER BY n")]

    def _side(self, side: Side) -> defaultdict[str, dict[Any, Record]]:
        return self.programme if side == "programme" else self.swoogo

    def save(self, side: Side, kind: str, record: Record) -> Record:
        """Creates or replaces the record of that id."""
        with self.lock:
            if side == "programme":
                self._remember(kind, record["id"], record)
            self._side(side)[kind][record["id"]] = record
            self._db.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?) "
                "ON CONFLICT (side, kind, id) DO UPDATE SET body = excluded.body",
                (side, kind, str(record["id"]), json.dumps(record)),
            )
        return record

    def delete(self, side: Side, kind: str, record_id: object) -> None:
        """Forgets the record of that id."""
        with self.lock:
            if side == "programme":
                self._remember(kind, record_id, None)
            del self._side(side)[kind][record_id]
            self._db.execute(
                "DELETE FROM records WHERE side = ? AND kind = ? AND id = ?",
                (side, kind, str(record_id)),
            )

    def load(self, side: Side, kind: str, records: Iterable[Record]) -> None:
        """Takes in many records as having been there from the start."""
        with self.lock:
            rows = {record["id"]: record for record in records}
            self._side(side)[kind].update(rows)
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)",
                ((side, kind, str(key), json.dumps(row)) for key, row in rows.items()),
            )
            self._db.execute("COMMIT")

    def _remember(self, kind: str, key: object, record: Record | None) -> None:
        versions = self._versions[kind, key]
        if not versions and key in self.programme[kind]:
            versions.append((_ALWAYS, self.programme[kind][key]))
        versions.append((self.clock.now(), record))

    def as_of(self, kind: str, moment: datetime) -> dict[Any, Record]:
        """The programme's records of a kind as they stood at a moment.

        What was loaded with the programme, or before this process started, was always there.
        """
        past = dict(self.programme[kind])
        for (changed_kind, key), versions in self._versions.items():
            if changed_kind != kind:
                continue
            seen = [record for at, record in versions if at <= moment]
            if seen and seen[-1] is not None:
                past[key] = seen[-1]
            else:
                past.pop(key, None)
        return past

    def set_meta(self, name: str, value: object) -> None:
        """Keeps a setting, counter or the like under a name."""
        with self.lock:
            self.meta[name] = value
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def next_id(self, kind: str, first: int) -> int:
        """A new id, one above the last one of that kind; ids of deleted records do not return."""
        with self.lock:
            counters = self.meta.get("counters", {})
            number = int(counters.get(kind, first - 1)) + 1
            self.set_meta("counters", {**counters, kind: number})
        return number

    def append_log(self, entry: Record) -> Record:
        """Adds a request to the log, numbered."""
        with self.lock:
            entry = {"n": self.meta.get("requests", 0) + 1, **entry}
            self.set_meta("requests", entry["n"])
            self.log.append(entry)
            self._db.execute("INSERT INTO log VALUES (?, ?)", (entry["n"], json.dumps(entry)))
        return entry

    def clear_log(self) -> None:
        """Empties the request log; the numbering goes on."""
        with self.lock:
            self.log.clear()
            self._db.execute("DELETE FROM log")

    def wipe(self) -> None:
        """Forgets everything."""
        with self.lock:
            for table in (self.programme, self.swoogo, self.meta, self.log, self._versions):
                table.clear()
            self._db.executescript("DELETE FROM records; DELETE FROM meta; DELETE FROM log")

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
