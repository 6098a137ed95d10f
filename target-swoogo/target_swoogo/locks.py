"""One run at a time: a lock that dies with its holder, beside SQLite or in PostgreSQL."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

LOCK_TIMEOUT = "55P03"
"""What PostgreSQL answers when a lock was not free in time."""


def lock_file(path: Path) -> FileLock | None:
    """Take the lock on a file.

    Args:
        path: The file; it is made if need be, and stays when the lock is given back.

    Returns:
        The lock, held until released or until this process ends; None when another holds it.

    Raises:
        OSError: The file cannot be made.
    """
    # filelock would take a folder in which no file can be made for a lock that another holds.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    lock = FileLock(path)
    try:
        # Who only looks at a ledger holds it for a moment.
        lock.acquire(timeout=1, poll_interval=0.05)
    except Timeout:
        return None
    return lock


def lock_schema(connection: Connection, schema: str) -> bool:
    """Take the lock on a schema of the connection's PostgreSQL database.

    The lock belongs to the connection: it is given back when that is closed or lost.

    Args:
        connection: The connection that does all the writing, so that none can outlive the lock.
        schema: The schema; it need not exist.

    Returns:
        Whether the lock was free.
    """
    name = f"target-swoogo/{schema}".encode()
    key = int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True)
    # The server may take a moment to notice that a holder was killed.
    connection.execute(text("SET LOCAL lock_timeout = '1s'"))
    try:
        connection.execute(select(func.pg_advisory_lock(key)))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_TIMEOUT:
            raise
        connection.rollback()
        return False
    connection.commit()
    return True
