"""Opens the ledger's database: finds it or makes it, locks it, checks it, migrates it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    NullPool,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy import exc as sql_errors
from sqlalchemy.schema import CreateSchema

from target_swoogo import schema
from target_swoogo.database_errors import (
    damaged,
    driver_missing,
    explained,
    held,
    lost,
    missing,
    newer,
    not_an_address,
    unusable,
)
from target_swoogo.locks import lock_file, lock_schema

if TYPE_CHECKING:
    from filelock import FileLock
    from sqlalchemy.engine import ExceptionContext

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}

_SESSION = (
    # A run waits for Swoogo with the ledger open; the server must not end it for that.
    "SET idle_in_transaction_session_timeout = 0",
    "SET idle_session_timeout = 0",
    # It must notice within minutes, not hours, that the holder's whole machine is gone.
    "SET tcp_keepalives_idle = 60",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 6",
)


@dataclass(frozen=True, slots=True)
class Database:
    """A database with a ledger of this version, held by this process alone until closed.

    Attributes:
        connection: The only one, so that no write can outlive the lock that it holds.
        shown: Its address without anything secret.
    """

    connection: Connection
    shown: str
    _file_lock: FileLock | None = None

    @classmethod
    def open(cls, url: str, *, create: bool = True, shared: bool = False) -> Database:
        """Open, lock, check and, if need be, migrate a ledger's database.

        Args:
            url: A SQLAlchemy URL of SQLite or PostgreSQL. In PostgreSQL, a ledger lives in the
                first schema of the search path, so one database holds as many as it has schemas.
            create: Make the ledger if there is none.
            shared: Open it to look at what was found whole before, whoever holds it, and leave it
                to others.

        Returns:
            The database.

        Raises:
            TargetError: It is held by another process, of a later version, damaged, missing, or
                cannot be reached or written. Whatever goes wrong in the database later on is a
                `TargetError` as well, unless it is a bug.
        """
        parsed = _parse(url)
        # The query may hold secrets too.
        plain = parsed.set(drivername=parsed.get_backend_name(), query={})
        shown = plain.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "postgresql":
            return cls._open_postgresql(parsed, shown, create=create, shared=shared)
        try:
            return cls._open_sqlite(parsed, shown, create=create, shared=shared)
        except OSError as error:
            raise unusable(shown, error.strerror or str(error)) from error

    @classmethod
    def _open_sqlite(cls, url: URL, shown: str, *, create: bool, shared: bool) -> Database:
        path = Path(url.database or "").resolve()
        engine = _sqlite(path, shown)
        if shared and path.exists():
            return cls(engine.connect(), shown)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file(Path(f"{path}.lock"))
        if lock is None:
            raise held(engine if path.exists() else None)
        try:
            if not path.exists():
                if not create:
                    raise missing(shown)
                _make_file(path, shown)
            elif path.is_file() and path.stat().st_size == 0:
                raise damaged(shown, "its file is empty")
            connection = engine.connect()
            try:
                # A fifth of a second for a hundred thousand records.
                problem = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
                if problem != "ok":
                    raise damaged(shown, str(problem).splitlines()[-1])
                _check(connection, shown)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(connection, shown, lock)

    @classmethod
    def _open_postgresql(cls, url: URL, shown: str, *, create: bool, shared: bool) -> Database:
        engine = _postgresql(url, shown)
        connection = engine.connect()
        try:
            # A connection in place of a lost one would not hold the lock.
            event.listen(engine, "do_connect", _refuse_reconnecting)
            name = _enter_schema(connection, shown)
            if shared:
                return cls(connection, shown)
            if not lock_schema(connection, name):
                raise held(connection)
            known = schema.metadata.tables.keys()
            if known.isdisjoint(inspect(connection).get_table_names(name)):
                if not create:
                    raise missing(shown)
                _make_tables(connection, name)
            _check(connection, shown, name)
        except BaseException:
            connection.close()
            raise
        return cls(connection, shown)

    def close(self) -> None:
        """Let the next one in."""
        self.connection.close()
        if self._file_lock is not None:
            self._file_lock.release()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (sql_errors.ArgumentError, ValueError):
        parsed = None
    driver = _DRIVERS.get(parsed.get_backend_name()) if parsed else None
    if parsed is None or driver is None:
        raise not_an_address("is not the address of a SQLite or PostgreSQL database")
    parsed = parsed.set(drivername=driver)
    if parsed.get_backend_name() == "sqlite" and (
        parsed.database in {None, "", ":memory:"} or str(parsed.database).startswith("file:")
    ):
        raise not_an_address("names no plain file that the next run would find")
    return parsed


# SQLite


def _sqlite(path: Path, shown: str) -> Engine:
    engine = _engine(URL.create(_DRIVERS["sqlite"], database=str(path)), shown)

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _: object) -> None:
        # Not WAL: what was committed is then in the one file that people know of and back up.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")

    return engine


def _make_file(path: Path, shown: str) -> None:
    """Make a ledger under another name first, so that a crash leaves a whole one or none."""
    journal = Path(f"{path}-journal")
    if journal.exists():
        raise damaged(shown, f"its file is gone, but not {journal.name}, which belongs to it")
    new = Path(f"{path}.new")
    for leftover in (new, Path(f"{new}-journal")):
        leftover.unlink(missing_ok=True)
    # People's data: for the owner's eyes only, from the first byte on.
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with _sqlite(new, shown).connect() as connection:
        _make_tables(connection)
    new.rename(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


# PostgreSQL


def _postgresql(url: URL, shown: str) -> Engine:
    url = url.set(query={"connect_timeout": "10", **url.query, "client_encoding": "utf8"})
    try:
        return _engine(url, shown)
    except ImportError as error:
        raise driver_missing() from error


def _enter_schema(connection: Connection, shown: str) -> str:
    """Make the first schema of the search path the only one, and set up the session."""
    if connection.scalar(text("SHOW server_encoding")) != "UTF8":
        raise unusable(shown, "the database's encoding is not UTF8")
    first = connection.execute(text("SHOW search_path")).scalar_one().partition(",")[0].strip()
    name = first[1:-1].replace('""', '"') if first.startswith('"') else first.lower()
    if name in {"", "$user"}:
        name = connection.scalar(text("SELECT current_schema()")) or "public"
    # A schema that does not exist is passed over in a search path, and the next one would be used.
    quoted = connection.dialect.identifier_preparer.quote_identifier(name)
    connection.execute(select(func.set_config("search_path", quoted, False)))  # noqa: FBT003
    for statement in _SESSION:
        connection.execute(text(statement))
    connection.commit()
    return str(name)


def _refuse_reconnecting(*_: object) -> NoReturn:
    raise lost()


# Both


def _engine(url: URL, shown: str) -> Engine:
    # Without a pool, a closed connection is closed. Parameters are people's data.
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "handle_error")
    def _explain(context: ExceptionContext) -> None:
        if (error := explained(context, shown)) is not None:
            raise error

    return engine


def _make_tables(connection: Connection, name: str | None = None) -> None:
    if name is not None and not inspect(connection).has_schema(name):
        connection.execute(CreateSchema(name))
    schema.metadata.create_all(connection, checkfirst=False)
    connection.execute(schema.meta.insert().values(name="version", value=str(schema.VERSION)))
    connection.commit()


def _check(connection: Connection, shown: str, name: str | None = None) -> None:
    """Refuse what is not a whole ledger of this version; migrate an older one."""
    if not inspect(connection).has_table(schema.meta.name, name):
        raise damaged(shown, "it holds no ledger")
    version = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == "version"))
    connection.commit()
    if version is None or not version.isdecimal() or int(version) < 1:
        raise damaged(shown, "it does not say its version")
    if int(version) > schema.VERSION:
        raise newer(version)
    if int(version) < schema.VERSION:
        _migrate(connection, int(version))
    found = inspect(connection).get_multi_columns(name)
    for table in schema.metadata.sorted_tables:
        columns = {column["name"] for column in found.get((name, table.name), ())}
        for column in table.columns:
            if column.name not in columns:
                raise damaged(shown, f"it lacks {column}")
    connection.commit()


def _migrate(connection: Connection, version: int) -> None:
    if connection.dialect.name == "sqlite":
        # Python begins no transaction of its own before statements of this kind.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    for following in range(version + 1, schema.VERSION + 1):
        for statement in schema.MIGRATIONS[following]:
            name = schema.NAME_TYPES[connection.dialect.name]
            connection.exec_driver_sql(statement.replace("{name}", name))
    connection.execute(
        schema.meta.update()
        .where(schema.meta.c.name == "version")
        .values(value=str(schema.VERSION))
    )
    connection.commit()
