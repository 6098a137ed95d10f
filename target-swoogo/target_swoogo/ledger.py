"""The store: source records, event pairs, ID map, applied fields, links, images, journal, runs.

The only module that speaks SQL. One thread uses a ledger, and one run at a time.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy import exc as sql_errors
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from target_swoogo import schema
from target_swoogo.errors import TargetError
from target_swoogo.locks import lock_for
from target_swoogo.model import Intent, Key, Kind, Mapped, State, Uploaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Row, Table
    from typing_extensions import Self

    from target_swoogo.locks import Lock

_CHUNK = 500
"""Most keys in one IN clause; SQLite's default limit of variables is far above."""


@dataclass(slots=True)
class Pair:
    """A Sessionboard event and the Swoogo event it goes to.

    Attributes:
        id: Its key in the ledger.
        sessionboard_event_id: The one side.
        swoogo_event_id: The other side.
        held: False once it was released.
        observed: What is remembered of the Swoogo event: its zone, its sponsor levels.
    """

    id: int
    sessionboard_event_id: int
    swoogo_event_id: int
    held: bool = True
    observed: dict[str, Any] = field(default_factory=dict)


class Ledger:
    """An open ledger, locked for this run.

    Use as a context manager. Everything written inside one `with ledger.commit():` is kept
    together or not at all.
    """

    def __init__(self, engine: Engine, lock: Lock, *, dry_run: bool) -> None:
        self._engine = engine
        self._lock = lock
        self._dry_run = dry_run
        self._insert = postgresql_insert if engine.dialect.name == "postgresql" else sqlite_insert
        self._db: Connection = engine.connect()
        self._run_id = ""

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
        parsed = _parse(url)
        shown = parsed.render_as_string(hide_password=True)
        try:
            engine = _engine(parsed)
            lock = lock_for(engine)
            if not lock.acquire():
                raise _held(engine)
            try:
                ledger = cls(engine, lock, dry_run=dry_run)
                ledger._check_version()
                ledger._begin_run()
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise _unwritable(shown, error.strerror or str(error)) from error
        except sql_errors.OperationalError as error:
            raise _unwritable(shown, str(error.orig).splitlines()[0]) from error
        except sql_errors.DatabaseError as error:
            raise TargetError(
                "ledger_damaged",
                f"The ledger {shown} is not a ledger or is damaged "
                f"({str(error.orig).splitlines()[0]}); restore it from a backup. Starting with a "
                f"new one is safe only with match_existing on.",
            ) from error
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger and let the next run in."""
        self._db.close()
        self._engine.dispose()
        self._lock.release()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Keep what is written inside together, durably; nothing of it when it raises."""
        try:
            yield
        except BaseException:
            if not self._dry_run:
                self._db.rollback()
            raise
        if not self._dry_run:
            self._db.commit()

    # Runs

    @property
    def run_id(self) -> str:
        """Names this run."""
        return self._run_id

    def _begin_run(self) -> None:
        now = datetime.now(timezone.utc)
        self._run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self._db.execute(
            schema.run.insert().values(
                id=self._run_id,
                started_at=now.isoformat(timespec="seconds"),
                holder=f"process {os.getpid()} on {socket.gethostname()}",
            )
        )
        self._db.commit()

    def end_run(self, summary: dict[str, Any]) -> None:
        """Record how this run ended.

        Args:
            summary: Its counts.
        """
        with self.commit():
            self._db.execute(
                schema.run.update()
                .where(schema.run.c.id == self._run_id)
                .values(
                    ended_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                    summary=_dump(summary),
                )
            )

    # Source records

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
        digests = {
            key: blake2b(payload, digest_size=16).hexdigest() for key, payload in latest.items()
        }
        known = self._digests(stream, latest)
        changed = [
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
            self._upsert(schema.source, changed)
        return len(changed)

    def _digests(self, stream: str, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str]:
        table = schema.source.c
        by_event: dict[int, list[str]] = {}
        for event_id, record_id in keys:
            by_event.setdefault(event_id, []).append(record_id)
        found: dict[tuple[int, str], str] = {}
        for event_id, ids in by_event.items():
            for start in range(0, len(ids), _CHUNK):
                rows = self._db.execute(
                    select(table.record_id, table.digest).where(
                        table.stream == stream,
                        table.event_id == event_id,
                        table.record_id.in_(ids[start : start + _CHUNK]),
                    )
                )
                found.update(((event_id, row.record_id), row.digest) for row in rows)
        return found

    def sources(self, stream: str, event_id: int) -> Iterator[tuple[str, str]]:
        """Read one event's records of one stream.

        Args:
            stream: The stream.
            event_id: The Sessionboard event.

        Yields:
            Record id and payload, by record id.
        """
        table = schema.source.c
        rows = self._db.execute(
            select(table.record_id, table.payload)
            .where(table.stream == stream, table.event_id == event_id)
            .order_by(table.record_id)
        )
        for row in rows:
            yield row.record_id, row.payload

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
            )
            for row in rows
        ]

    def hold(self, mappings: Iterable[tuple[int, int]]) -> list[Pair]:
        """Record the pairs of the settings, for good.

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
        with self.commit():
            self._upsert(
                schema.pair,
                [
                    {"sessionboard_event_id": ours, "swoogo_event_id": theirs, "held": True}
                    for ours, theirs in mappings
                ],
                keys=("sessionboard_event_id", "swoogo_event_id"),
            )
        by_ids = {(p.sessionboard_event_id, p.swoogo_event_id): p for p in self.pairs()}
        return [by_ids[mapping] for mapping in mappings]

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

    def mapped(self, pair: Pair) -> dict[Key, Mapped]:
        """The ID map of a pair."""
        entries = (
            Mapped(
                Kind(row.kind),
                row.source_id,
                row.label,
                row.swoogo_id,
                _load(row.applied),
                State(row.state),
                row.code,
                row.message,
                row.adopted,
                row.contact_id,
                row.direct_link,
            )
            for row in self._of_pair(schema.mapped, pair)
        )
        return {entry.key: entry for entry in entries}

    def links(self, pair: Pair) -> dict[tuple[str, str], bool]:
        """The links of a pair by speaker and session id of Sessionboard.

        True for one that was made, False for one that was begun and may have been made.
        """
        rows = self._of_pair(schema.link, pair)
        return {(row.speaker_id, row.session_id): row.made for row in rows}

    def images(self, pair: Pair) -> dict[Key, Uploaded]:
        """The images of a pair."""
        return {
            (Kind(row.kind), row.source_id): Uploaded(
                row.url, row.version, row.etag, row.sha256, row.code, row.message, row.begun
            )
            for row in self._of_pair(schema.image, pair)
        }

    def intents(self, pair: Pair) -> dict[Key, Intent]:
        """The open intents of a pair."""
        return {
            (Kind(row.kind), row.source_id): Intent(_load(row.fields), row.opened_at)
            for row in self._of_pair(schema.intent, pair)
        }

    def save(self, pair: Pair, entry: Mapped) -> None:
        """Write an entry of the ID map. Call inside `commit`."""
        values = asdict(entry) | {
            "pair_id": pair.id,
            "kind": entry.kind.value,
            "applied": _dump(entry.applied),
            "state": entry.state.value,
        }
        self._upsert(schema.mapped, [values])

    def forget(self, pair: Pair, key: Key) -> None:
        """Drop a record from the ID map with all that hangs on it. Call inside `commit`."""
        kind, source_id = key
        for table in (schema.mapped, schema.image, schema.intent):
            self._db.execute(
                table.delete().where(
                    table.c.pair_id == pair.id,
                    table.c.kind == kind.value,
                    table.c.source_id == source_id,
                )
            )
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
        link = schema.link.c
        self._db.execute(
            schema.link.delete().where(
                link.pair_id == pair.id,
                link.speaker_id == speaker_id,
                link.session_id.in_(list(session_ids)),
            )
        )

    def save_image(self, pair: Pair, key: Key, uploaded: Uploaded) -> None:
        """Write what is known of an image. Call inside `commit`."""
        values = asdict(uploaded) | _keyed(pair, key)
        self._upsert(schema.image, [values])

    def open_intent(self, pair: Pair, key: Key, intent: Intent) -> None:
        """Journal a create before it is sent. Call inside `commit`."""
        self._upsert(
            schema.intent,
            [_keyed(pair, key) | {"fields": _dump(intent.fields), "opened_at": intent.opened_at}],
        )

    def close_intent(self, pair: Pair, key: Key) -> None:
        """Strike a create off the journal. Call inside `commit`."""
        table = schema.intent
        self._db.execute(
            table.delete().where(
                table.c.pair_id == pair.id,
                table.c.kind == key[0].value,
                table.c.source_id == key[1],
            )
        )

    # Plumbing

    def _of_pair(self, table: Table, pair: Pair) -> Sequence[Row[Any]]:
        return self._db.execute(select(table).where(table.c.pair_id == pair.id)).all()

    def _upsert(self, table: Table, rows: list[dict[str, Any]], keys: Sequence[str] = ()) -> None:
        keys = keys or [column.name for column in table.primary_key]
        insert = self._insert(table)
        changes = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        self._db.execute(
            insert.on_conflict_do_update(index_elements=list(keys), set_=changes), rows
        )

    def _check_version(self) -> None:
        schema.metadata.create_all(self._db)
        row = self._db.execute(
            select(schema.meta.c.value).where(schema.meta.c.name == "version")
        ).one_or_none()
        if row is None:
            self._db.execute(schema.meta.insert().values(name="version", value=str(schema.VERSION)))
        elif int(row.value) > schema.VERSION:
            raise TargetError(
                "ledger_newer",
                f"The ledger was written by a newer target-swoogo (ledger version {row.value}, "
                f"this program knows {schema.VERSION}); update the plugin.",
            )
        self._db.commit()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sql_errors.ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise TargetError(
            "ledger_url_invalid",
            "The setting ledger_url is not the address of a SQLite or PostgreSQL database; write "
            "it like sqlite:///ledger/target-swoogo.db or "
            "postgresql://user:password@host/database.",
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(url)
    engine = create_engine(url)
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        # People's data: for the owner's eyes only, from the first byte on.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _held(engine: Engine) -> TargetError:
    runs = schema.run.c
    with engine.connect() as db:
        row = db.execute(
            select(runs.holder, runs.started_at).order_by(runs.started_at.desc()).limit(1)
        ).one_or_none()
    who = f"{row.holder} since {row.started_at}" if row else "another process"
    return TargetError(
        "ledger_held",
        f"Another run is at work on this ledger ({who}); wait for it to end. Nothing was changed.",
    )


def _unwritable(shown: str, why: str) -> TargetError:
    return TargetError(
        "ledger_unwritable",
        f"The ledger {shown} cannot be opened for writing ({why}); check ledger_url, that the "
        f"folder or server exists, and that you may write there.",
    )


def _refuse_remapping(mapping: tuple[int, int], other: Pair) -> None:
    ours, theirs = mapping
    same = (ours == other.sessionboard_event_id, theirs == other.swoogo_event_id)
    if all(same) or not any(same):
        return
    side = f"Sessionboard event {ours}" if same[0] else f"Swoogo event {theirs}"
    raise TargetError(
        "mapping_taken",
        f"{side} is already paired: Sessionboard event {other.sessionboard_event_id} goes to "
        f"Swoogo event {other.swoogo_event_id}. Put that pair back into event_mappings, or let "
        f"go of it with: meltano invoke target-swoogo:release {other.sessionboard_event_id}",
    )


def _keyed(pair: Pair, key: Key) -> dict[str, Any]:
    return {"pair_id": pair.id, "kind": key[0].value, "source_id": key[1]}


def _dump(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _load(text: str) -> Any:
    return msgspec.json.decode(text)
