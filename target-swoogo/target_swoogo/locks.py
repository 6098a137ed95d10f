"""One run at a time: a lock that dies with its holder, beside SQLite or in PostgreSQL."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from pathlib import Path


class Lock(Protocol):
    """Held by at most one process."""

    def acquire(self) -> bool:
        """Take the lock; False when another process holds it."""

    def release(self) -> None:
        """Give it back."""


def lock_for(engine: Engine) -> Lock:
    """The lock that belongs to a ledger.

    Args:
        engine: The ledger's database.

    Returns:
        A file lock beside SQLite, an advisory lock in PostgreSQL.
    """
    if engine.dialect.name == "postgresql":
        return _AdvisoryLock(engine)
    return _FileLock(engine.url.database)


class _FileLock:
    def __init__(self, database: str | Path | None) -> None:
        self._lock = FileLock(f"{database}.lock", mode=0o600)

    def acquire(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        self._lock.release()


class _AdvisoryLock:
    """Belongs to a connection of its own, so it ends with the process, however that ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # One schema of one database is one ledger.
        name = connection.scalar(text("SELECT current_database() || '/' || current_schema()"))
        key = int.from_bytes(
            blake2b(str(name).encode(), digest_size=8).digest(), "big", signed=True
        )
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
            connection.close()
            return False
        self._connection = connection
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
