"""Writes to the ledger's database: in transactions, and the same way in SQLite and PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Table

    from target_swoogo.database import Database


class Store:
    """An open database that is written to in transactions.

    Everything written inside one `with store.commit():` is kept together or not at all.

    Args:
        database: The database.
        dry_run: Keep nothing that is written.
    """

    def __init__(self, database: Database, *, dry_run: bool) -> None:
        self._database = database
        self._db = database.connection
        self._dry_run = dry_run
        on_postgresql = self._db.dialect.name == "postgresql"
        self._insert = postgresql_insert if on_postgresql else sqlite_insert

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Keep what is written inside together, durably; nothing of it when it raises."""
        try:
            yield
            if not self._dry_run:
                self._db.commit()
        except BaseException:
            if not self._dry_run:
                self._db.rollback()
            raise

    def _upsert(self, table: Table, rows: list[dict[str, Any]], keys: Sequence[str] = ()) -> None:
        keys = keys or [column.name for column in table.primary_key]
        insert = self._insert(table)
        changes = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        self._db.execute(
            insert.on_conflict_do_update(index_elements=list(keys), set_=changes), rows
        )
