"""Writes to the ledger's database: in transactions, and the same way in SQLite and PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import Column, ColumnElement, Row, Select, Table, TextClause

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

    def _rows(self, wanted: Select[Any]) -> Iterator[Row[Any]]:
        """The rows of a query, many at a time, which is far faster than one by one."""
        for rows in self._db.execute(wanted).partitions(_AT_ONCE):
            yield from rows

    def _upsert(self, table: Table, rows: list[dict[str, Any]], keys: Sequence[str] = ()) -> None:
        keys = keys or [column.name for column in table.primary_key]
        self._db.execute(_upsert_into(table.name, tuple(rows[0]), tuple(keys)), rows)

    def _delete(self, table: Table, row: dict[str, Any]) -> None:
        self._db.execute(_delete_from(table.name, tuple(row)), row)


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """Ids in order, as many at a time as one statement takes.

    Args:
        ids: The ids.
    """
    in_order = sorted(ids)
    for start in range(0, len(in_order), _CHUNK):
        yield in_order[start : start + _CHUNK]


def chosen_by(
    column: Column[str], ids: Collection[str] | None
) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """The conditions that choose rows by their ids, a part of them at a time.

    Args:
        column: Where the ids are.
        ids: The ids; None chooses all rows at once.

    Yields:
        What to add to a `where`.
    """
    if ids is None:
        yield ()
        return
    for chosen in chunks(ids):
        yield (column.in_(chosen),)


_AT_ONCE = 500

_CHUNK = 500
"""Most keys in one IN clause; SQLite's default limit of variables is far above."""


def columns_of(entry: Any) -> dict[str, Any]:
    """The fields of a slotted dataclass by name; `asdict` would copy all that is in them.

    Args:
        entry: The instance.
    """
    return {name: getattr(entry, name) for name in entry.__slots__}


@cache
def _upsert_into(table: str, columns: tuple[str, ...], keys: tuple[str, ...]) -> TextClause:
    """Both databases read it alike; SQLAlchemy's own would be compiled anew for every row."""
    values = ", ".join(f":{name}" for name in columns)
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    return text(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) "  # noqa: S608 - names of ours
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    )


@cache
def _delete_from(table: str, columns: tuple[str, ...]) -> TextClause:
    chosen = " AND ".join(f"{name} = :{name}" for name in columns)
    return text(f"DELETE FROM {table} WHERE {chosen}")  # noqa: S608 - names of ours
