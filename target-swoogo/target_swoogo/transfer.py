"""Moves a ledger to another database, as a file of JSON lines that can be told to be whole.

The first line says the ledger's version, each line after it is one row, and the last line holds
the digest of all before it.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TypeVar

import msgspec
from sqlalchemy import func, select, text

from target_swoogo import schema
from target_swoogo.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

T = TypeVar("T", bound=msgspec.Struct)

_FORMAT = "target-swoogo ledger"
_BATCH = 500

# The version stands in the first line. Pairs come before what refers to them.
_TABLES = {
    str(table.name): table for table in schema.metadata.sorted_tables if table != schema.meta
}

_CONTINUE_NUMBERING = (
    "SELECT setval(pg_get_serial_sequence('swoogo_pair', 'id'), max(id)) FROM swoogo_pair"
)


class _Head(msgspec.Struct):
    format: str
    version: int


class _Entry(msgspec.Struct):
    table: str
    row: dict[str, Any]


class _Foot(msgspec.Struct):
    rows: int
    sha256: str


def export_ledger(connection: Connection, file: BinaryIO) -> int:
    """Write a ledger to a file. The same ledger gives the same bytes, whatever its database.

    Args:
        connection: The ledger's database, held.
        file: Where to write.

    Returns:
        How many rows were written.

    Raises:
        OSError: The file cannot be written.
    """
    digest = sha256()
    rows = 0

    def write(line: msgspec.Struct) -> None:
        data = msgspec.json.encode(line) + b"\n"
        digest.update(data)
        file.write(data)

    write(_Head(_FORMAT, schema.VERSION))
    for name, table in _TABLES.items():
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=_BATCH)
        for row in connection.execute(query).mappings():
            write(_Entry(name, dict(row)))
            rows += 1
    write(_Foot(rows, digest.hexdigest()))
    return rows


def check_export(file: BinaryIO) -> int:
    """Make sure that a file is a whole export of this version, before anything is made of it.

    Args:
        file: The file, at its beginning.

    Returns:
        How many rows it holds.

    Raises:
        TargetError: It is something else, was cut off or altered, or is of another version.
    """
    head = _decode(file.readline(), _Head)
    file.seek(0)
    digest = sha256()
    last = b""
    for line in file:
        digest.update(last)
        last = line
    foot = _decode(last, _Foot)
    if head.format != _FORMAT or foot.sha256 != digest.hexdigest():
        _refuse()
    if head.version != schema.VERSION:
        raise TargetError(
            "export_other_version",
            f"The file was exported from ledger version {head.version}, and this target-swoogo has "
            f"version {schema.VERSION}; import it with the version of the plugin that exported it.",
        )
    return foot.rows


def import_ledger(connection: Connection, file: BinaryIO) -> None:
    """Fill an empty ledger from a file, with all of it or nothing.

    Args:
        connection: The ledger's database, held.
        file: What `export_ledger` wrote and `check_export` found whole.

    Raises:
        TargetError: The ledger is not empty.
    """
    for table in _TABLES.values():
        if connection.scalar(select(func.count()).select_from(table)):
            raise TargetError(
                "ledger_not_empty",
                "The ledger that ledger_url names is not empty, so nothing was imported; name one "
                "that does not exist yet.",
            )
    file.seek(0)
    try:
        numbered = enumerate(_entries(file))
        for (name, _), batch in groupby(numbered, lambda item: (item[1].table, item[0] // _BATCH)):
            connection.execute(_TABLES[name].insert(), [entry.row for _, entry in batch])
        if connection.dialect.name == "postgresql":
            # It numbers new pairs by itself, and does not see those that came with a number.
            connection.execute(text(_CONTINUE_NUMBERING))
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _decode(line: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=type_)
    except ValueError:
        _refuse()


def _refuse() -> NoReturn:
    raise TargetError(
        "export_damaged",
        "The file is not an exported ledger, or it was cut off or altered after it was exported, "
        "so nothing was imported; export the ledger again.",
    )


def _entries(file: BinaryIO) -> Iterator[_Entry]:
    file.readline()
    line = file.readline()
    for following in file:
        yield _decode(line, _Entry)
        line = following
