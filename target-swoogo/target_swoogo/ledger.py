"""The store: source records, event pairs, ID map, applied fields, links, images, journal, runs.

One thread uses a ledger, and one run at a time.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import false, or_, select
from sqlalchemy.exc import SQLAlchemyError

from target_swoogo import schema
from target_swoogo.actions import CHOICES
from target_swoogo.database import Database
from target_swoogo.errors import TargetError
from target_swoogo.history import History, now_text
from target_swoogo.model import Intent, Key, Kind, Mapped, State, Uploaded
from target_swoogo.records import SourceRecords
from target_swoogo.store import chosen_by, columns_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy import ColumnElement, Row, Table
    from typing_extensions import Self

    from target_swoogo.model import Scalar

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Pair:
    """A Sessionboard event and the Swoogo event it goes to.

    Attributes:
        id: Its key in the ledger.
        sessionboard_event_id: The one side.
        swoogo_event_id: The other side.
        held: False once it was released.
        observed: What is remembered of the Swoogo event: its zone, its sponsor levels.
        synced_at: When a run last left nothing undone, in UTC; None before the first time.
    """

    id: int
    sessionboard_event_id: int
    swoogo_event_id: int
    held: bool = True
    observed: dict[str, Any] = field(default_factory=dict)
    synced_at: str | None = None

    @property
    def events(self) -> tuple[int, int]:
        """Both sides."""
        return (self.sessionboard_event_id, self.swoogo_event_id)


class Ledger(SourceRecords, History):
    """An open ledger, locked for this run.

    Use as a context manager. Everything written inside one `with ledger.commit():` is kept
    together or not at all.
    """

    @classmethod
    def open(cls, url: str, *, dry_run: bool = False) -> Ledger:
        """Open the ledger, making it if it does not exist, and lock it.

        Args:
            url: A SQLAlchemy URL of SQLite or PostgreSQL.
            dry_run: Keep nothing that is written from here on.

        Returns:
            The ledger, held by this process until closed.

        Raises:
            TargetError: It is held by another run, of a later version, damaged, or cannot be
                reached or written.
        """
        database = Database.open(url)
        ledger = cls(database, dry_run=dry_run)
        try:
            ledger._begin_run()
        except BaseException:
            database.close()
            raise
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger and let the next run in."""
        # What was wrong with the database is known already; it must not hide why the run ended.
        with suppress(TargetError, SQLAlchemyError):
            self._db.rollback()
            if self.run_id:
                run = schema.run.c
                self._db.execute(
                    schema.run.update()
                    .where(run.id == self.run_id, run.ended_at.is_(None))
                    .values(ended_at=now_text())
                )
                self._db.commit()
        self._database.close()

    # Runs

    def _begin_run(self) -> None:
        self.runs_before = self.count_runs()
        if not self.runs_before:
            _log.warning(
                "A new ledger is started at %s. If there was one before, bring it back: without "
                "it, what is in Swoogo is recognised only with match_existing on, and what was "
                "deleted there is created again.",
                self._database.shown,
            )
        now = datetime.now(timezone.utc)
        self.run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self._db.execute(
            schema.run.insert().values(
                id=self.run_id,
                # Finer than a second: it is what runs are sorted by.
                started_at=now.isoformat(timespec="milliseconds"),
                holder=f"process {os.getpid()} on {socket.gethostname()}",
            )
        )
        self._db.commit()

    # Event pairs

    def pairs(self) -> list[Pair]:
        """Every pair that was ever recorded, released ones included."""
        rows = self._db.execute(select(schema.pair).order_by(schema.pair.c.id))
        return [
            Pair(
                row.id,
                row.sessionboard_event_id,
                row.swoogo_event_id,
                row.held,
                _load(row.observed),
                row.synced_at,
            )
            for row in rows
        ]

    def propose(self, mappings: Iterable[tuple[int, int]]) -> list[Pair]:
        """Note the pairs of the settings. They are held once Swoogo was seen to have the event.

        Args:
            mappings: Sessionboard and Swoogo event ids.

        Returns:
            The recorded pairs, in the order given.

        Raises:
            TargetError: One side of a mapping belongs to another pair.
        """
        mappings = list(mappings)
        known = self.pairs()
        for mapping in mappings:
            for other in known:
                if other.held:
                    _refuse_remapping(mapping, other)
        new = [mapping for mapping in mappings if mapping not in {p.events for p in known}]
        if new:
            with self.commit():
                self._db.execute(
                    schema.pair.insert(),
                    [
                        {"sessionboard_event_id": ours, "swoogo_event_id": theirs, "held": False}
                        for ours, theirs in new
                    ],
                )
        by_ids = {pair.events: pair for pair in self.pairs()}
        return [by_ids[mapping] for mapping in mappings]

    def hold(self, mappings: Iterable[tuple[int, int]]) -> list[Pair]:
        """Keep pairs for good, until they are released.

        Args:
            mappings: Sessionboard and Swoogo event ids.

        Returns:
            The recorded pairs, in the order given.

        Raises:
            TargetError: One side of a mapping belongs to another pair.
        """
        pairs = self.propose(mappings)
        with self.commit():
            for pair in pairs:
                pair.held = True
                self._db.execute(
                    schema.pair.update().where(schema.pair.c.id == pair.id).values(held=True)
                )
        return pairs

    def release(self, sessionboard_event_id: int) -> Pair | None:
        """Let go of a pair, so that either side may be mapped elsewhere. Its ID map is kept.

        Args:
            sessionboard_event_id: The Sessionboard side.

        Returns:
            The pair, or None when there is none to release.
        """
        for known in self.pairs():
            if known.held and known.sessionboard_event_id == sessionboard_event_id:
                with self.commit():
                    self._db.execute(
                        schema.pair.update().where(schema.pair.c.id == known.id).values(held=False)
                    )
                return known
        return None

    def remember(self, pair: Pair) -> None:
        """Keep what was observed of the pair's Swoogo event. Call inside `commit`."""
        self._db.execute(
            schema.pair.update()
            .where(schema.pair.c.id == pair.id)
            .values(observed=_dump(pair.observed))
        )

    # The ID map, links, images and the journal of one pair

    def mapped(self, pair: Pair, keys: Collection[Key] | None = None) -> dict[Key, Mapped]:
        """The ID map of a pair.

        Args:
            pair: The pair.
            keys: Only these records; all where None.
        """
        return _entries(self._of_pair(schema.mapped, pair, keys))

    def choices(self, pair: Pair) -> dict[Key, Mapped]:
        """What of the ID map others refer to, which is little: rooms and tracks."""
        table = schema.mapped
        kinds = [kind.value for kind in CHOICES]
        wanted = select(table).where(table.c.pair_id == pair.id, table.c.kind.in_(kinds))
        return _entries(self._rows(wanted))

    def sessions_in(self, pair: Pair, places: Iterable[tuple[int, str]]) -> set[str]:
        """The sessions that Swoogo was told to be in a location on a day.

        Args:
            pair: The pair.
            places: The locations, by their ids in Swoogo, each with a day, ``YYYY-MM-DD``.
        """
        applied = schema.mapped.c.applied

        def says(name: str, value: Scalar) -> ColumnElement[bool]:
            # As `_dump` writes it; where a text holds it, its quotation marks are escaped.
            said = f"{_dump(name)}:{_dump(value)}"
            return or_(*(applied.contains(said + end, autoescape=True) for end in ",}"))

        there = [says("location_id", where) & says("date", day) for where, day in places]
        wanted = select(schema.mapped.c.source_id).where(
            schema.mapped.c.pair_id == pair.id,
            schema.mapped.c.kind == Kind.SESSION.value,
            or_(false(), *there),
        )
        return {session_id for (session_id,) in self._rows(wanted)}

    def links(
        self, pair: Pair, speaker_ids: Collection[str] | None = None
    ) -> dict[tuple[str, str], bool]:
        """The links of a pair by speaker and session id of Sessionboard.

        True for one that was made, False for one that was begun and may have been made.

        Args:
            pair: The pair.
            speaker_ids: Only those of these speakers; all where None.
        """
        link = schema.link.c
        return {
            (speaker_id, session_id): made
            for chosen in chosen_by(link.speaker_id, speaker_ids)
            for _, speaker_id, session_id, made in self._rows(
                select(schema.link).where(link.pair_id == pair.id, *chosen)
            )
        }

    def images(self, pair: Pair, keys: Collection[Key] | None = None) -> dict[Key, Uploaded]:
        """The images of a pair.

        Args:
            pair: The pair.
            keys: Only those of these records; all where None.
        """
        return {
            (Kind(row.kind), row.source_id): Uploaded(
                row.url,
                row.version,
                row.etag,
                row.sha256,
                row.code,
                row.message,
                row.begun,
                row.width,
                row.height,
            )
            for row in self._of_pair(schema.image, pair, keys)
        }

    def intents(self, pair: Pair) -> dict[Key, Intent]:
        """The open intents of a pair."""
        return {
            (Kind(row.kind), row.source_id): Intent(_load(row.fields), row.opened_at)
            for row in self._of_pair(schema.intent, pair)
        }

    def save(self, pair: Pair, entry: Mapped) -> None:
        """Write an entry of the ID map. Call inside `commit`."""
        values = columns_of(entry) | {
            "pair_id": pair.id,
            "kind": entry.kind.value,
            "applied": _dump(entry.applied),
            "state": entry.state.value,
        }
        self._upsert(schema.mapped, [values])

    def forget(self, pair: Pair, key: Key) -> None:
        """Drop a record from the ID map with all that hangs on it. Call inside `commit`."""
        kind, source_id = key
        for table in (schema.mapped, schema.image, schema.intent, schema.held):
            self._drop(table, pair, key)
        link = schema.link.c
        for kind_of, column in ((Kind.SPEAKER, link.speaker_id), (Kind.SESSION, link.session_id)):
            if kind is kind_of:
                self._db.execute(
                    schema.link.delete().where(link.pair_id == pair.id, column == source_id)
                )

    def save_links(
        self, pair: Pair, speaker_id: str, session_ids: Iterable[str], *, made: bool
    ) -> None:
        """Record links as made, or as about to be made. Call inside `commit`."""
        rows = [
            {
                "pair_id": pair.id,
                "speaker_id": speaker_id,
                "session_id": session_id,
                "made": made,
            }
            for session_id in session_ids
        ]
        if rows:
            self._upsert(schema.link, rows)

    def drop_links(self, pair: Pair, speaker_id: str, session_ids: Iterable[str]) -> None:
        """Record links as removed. Call inside `commit`."""
        for session_id in session_ids:
            self._delete(
                schema.link,
                {"pair_id": pair.id, "speaker_id": speaker_id, "session_id": session_id},
            )

    def save_image(self, pair: Pair, key: Key, uploaded: Uploaded) -> None:
        """Write what is known of an image. Call inside `commit`."""
        values = columns_of(uploaded) | _keyed(pair, key)
        self._upsert(schema.image, [values])

    def open_intent(self, pair: Pair, key: Key, intent: Intent) -> None:
        """Journal a create before it is sent. Call inside `commit`."""
        self._upsert(
            schema.intent,
            [_keyed(pair, key) | {"fields": _dump(intent.fields), "opened_at": intent.opened_at}],
        )

    def close_intent(self, pair: Pair, key: Key) -> None:
        """Strike a create off the journal. Call inside `commit`."""
        self._drop(schema.intent, pair, key)

    # Plumbing

    def _drop(self, table: Table, pair: Pair, key: Key) -> None:
        self._delete(table, _keyed(pair, key))

    def _of_pair(
        self, table: Table, pair: Pair, keys: Collection[Key] | None = None
    ) -> Iterator[Row[Any]]:
        wanted = select(table).where(table.c.pair_id == pair.id)
        if keys is None:
            yield from self._rows(wanted)
            return
        for kind in Kind:
            ids = [source_id for of, source_id in keys if of is kind]
            for chosen in chosen_by(table.c.source_id, ids):
                yield from self._rows(wanted.where(table.c.kind == kind.value, *chosen))


def _refuse_remapping(mapping: tuple[int, int], other: Pair) -> None:
    ours, theirs = mapping
    same = (ours == other.sessionboard_event_id, theirs == other.swoogo_event_id)
    if all(same) or not any(same):
        return
    side = f"Sessionboard event {ours}" if same[0] else f"Swoogo event {theirs}"
    raise TargetError(
        "mapping_taken",
        f"{side} belongs to another pair: Sessionboard event {other.sessionboard_event_id} goes to "
        f"Swoogo event {other.swoogo_event_id}. Put that pair back into event_mappings, or let "
        f"go of it with: meltano invoke target-swoogo:release {other.sessionboard_event_id}",
    )


def _entries(rows: Iterable[Row[Any]]) -> dict[Key, Mapped]:
    # By place, which is far faster than by name; `Mapped` has them in the order of the table.
    entries = (
        Mapped(Kind(kind), source_id, label, swoogo_id, _load(applied), State(state), *outcome)
        for _, kind, source_id, label, swoogo_id, applied, state, *outcome in rows
    )
    return {entry.key: entry for entry in entries}


def _keyed(pair: Pair, key: Key) -> dict[str, Any]:
    return {"pair_id": pair.id, "kind": key[0].value, "source_id": key[1]}


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _load(text: str) -> Any:
    return msgspec.json.decode(text)
