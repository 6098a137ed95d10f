"""The source records in the ledger: as received, each only once, and checked when read back."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from target_swoogo import schema
from target_swoogo.database_errors import damaged
from target_swoogo.store import Store, chosen_by, chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import TextClause

    from target_swoogo.database import Database

MOST_EDITS = 100
"""Up to so many new or changed records of an event are edits; more are an import, or a new form."""


class SourceRecords(Store):
    """Keeps what Sessionboard last said, whether it is mapped or not.

    Attributes:
        arrived: The events of which something new or changed was put in this run. Where that was
            no more than a few records: what they were before, by stream and record id, None for
            a new one. Else None.
    """

    def __init__(self, database: Database, *, dry_run: bool) -> None:
        super().__init__(database, dry_run=dry_run)
        self.arrived: dict[int, dict[tuple[str, str], str | None] | None] = {}

    def put(self, stream: str, records: Sequence[tuple[int, str, bytes]]) -> int:
        """Keep a batch of records as received. Call inside `commit`.

        Args:
            stream: Their stream.
            records: Event id, record id and canonical JSON of each; of several with one key the
                last counts.

        Returns:
            How many were new or changed.
        """
        latest = {(event_id, record_id): payload for event_id, record_id, payload in records}
        digests = {key: _digest(payload) for key, payload in latest.items()}
        known = self._digests(stream, latest)
        changed: list[dict[str, Any]] = [
            {
                "stream": stream,
                "event_id": key[0],
                "record_id": key[1],
                "digest": digests[key],
                "payload": payload.decode(),
            }
            for key, payload in latest.items()
            if known.get(key) != digests[key]
        ]
        if changed:
            self._note_arrival(stream, changed, known)
            self._upsert(schema.source, changed)
        return len(changed)

    def _note_arrival(
        self,
        stream: str,
        changed: Iterable[Mapping[str, Any]],
        known: Collection[tuple[int, str]],
    ) -> None:
        by_event: dict[int, list[str]] = {}
        for row in changed:
            by_event.setdefault(row["event_id"], []).append(row["record_id"])
        for event_id, ids in by_event.items():
            before = self.arrived.setdefault(event_id, {})
            if before is None:
                continue
            if len(before) + len(ids) > MOST_EDITS:
                self.arrived[event_id] = None
                continue
            edited = [record_id for record_id in ids if (event_id, record_id) in known]
            were = dict(self.sources(stream, event_id, edited))
            for record_id in ids:
                before.setdefault((stream, record_id), were.get(record_id))

    def _digests(self, stream: str, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str]:
        by_event: dict[int, list[str]] = {}
        for event_id, record_id in keys:
            by_event.setdefault(event_id, []).append(record_id)
        found: dict[tuple[int, str], str] = {}
        for event_id, ids in by_event.items():
            of = {"stream": stream, "event_id": event_id}
            for chosen in chunks(ids):
                names = {f"id{place}": record_id for place, record_id in enumerate(chosen)}
                rows = self._db.execute(_digests_of(len(chosen)), of | names)
                # All at once and by place, which is far faster than row by row and by name.
                found.update(((event_id, record_id), digest) for record_id, digest in rows.all())
        return found

    def sources(
        self, stream: str, event_id: int, ids: Collection[str] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Read one event's records of one stream.

        Args:
            stream: The stream.
            event_id: The Sessionboard event.
            ids: Only the records with these ids; all where None.

        Yields:
            Record id and payload, by record id.

        Raises:
            TargetError: A payload is not the one that was kept.
        """
        table = schema.source.c
        wanted = (
            select(table.record_id, table.payload, table.digest)
            .where(table.stream == stream, table.event_id == event_id)
            .order_by(table.record_id)
        )
        for chosen in chosen_by(table.record_id, ids):
            for record_id, payload, digest in self._rows(wanted.where(*chosen)):
                # The database's own check sees the shape of its pages, not what stands in them.
                if _digest(payload.encode()) != digest:
                    raise damaged(self._database.shown, f"a record of stream {stream} was altered")
                yield record_id, payload


@cache
def _digests_of(count: int) -> TextClause:
    """Both databases read it alike; SQLAlchemy's own IN would be made anew for every batch."""
    ids = ", ".join(f":id{place}" for place in range(count))
    return text(
        f"SELECT record_id, digest FROM {schema.source.name} "  # noqa: S608 - names of ours
        f"WHERE stream = :stream AND event_id = :event_id AND record_id IN ({ids})"
    )


def _digest(payload: bytes) -> str:
    return blake2b(payload, digest_size=16).hexdigest()
