"""The tables of the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 2
"""Of the tables below. A ledger of a later version is refused."""

MIGRATIONS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE swoogo_pair ADD COLUMN synced_at VARCHAR(32)",
        "ALTER TABLE swoogo_image ADD COLUMN width INTEGER",
        "ALTER TABLE swoogo_image ADD COLUMN height INTEGER",
        """
        CREATE TABLE swoogo_held (
            pair_id INTEGER NOT NULL REFERENCES swoogo_pair (id),
            kind {name} NOT NULL,
            source_id {name} NOT NULL,
            action {name} NOT NULL,
            code {name} NOT NULL,
            digest VARCHAR(32) NOT NULL,
            label TEXT NOT NULL,
            message TEXT NOT NULL,
            approved BOOLEAN NOT NULL,
            PRIMARY KEY (pair_id, kind, source_id, action, code)
        )
        """,
        """
        CREATE TABLE swoogo_history (
            pair_id INTEGER NOT NULL REFERENCES swoogo_pair (id),
            kind {name} NOT NULL,
            source_id {name} NOT NULL,
            at {name} NOT NULL,
            action {name} NOT NULL,
            run_id {name} NOT NULL,
            outcome TEXT NOT NULL,
            code VARCHAR(64),
            message TEXT,
            changes TEXT NOT NULL,
            PRIMARY KEY (pair_id, kind, source_id, at, action)
        )
        """,
    ),
}
"""For each version after the first, the statements that make it of the one before.

`{name}` stands for the type of names, which is not the same in SQLite and PostgreSQL.
"""

NAME_TYPES = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}
"""What `{name}` stands for."""

# Compared byte by byte, as SQLite does, whatever the language of the database.
_Name = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

meta = Table(
    "swoogo_meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

source = Table(
    "swoogo_source",
    metadata,
    Column("stream", _Name, primary_key=True),
    Column("event_id", BigInteger, primary_key=True),
    Column("record_id", _Name, primary_key=True),
    Column("digest", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    comment="Every record as last received, mapped or not.",
)

pair = Table(
    "swoogo_pair",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("sessionboard_event_id", BigInteger, nullable=False),
    Column("swoogo_event_id", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("observed", Text, nullable=False, server_default="{}"),
    Column("synced_at", String(32)),
    UniqueConstraint("sessionboard_event_id", "swoogo_event_id"),
    comment="Which event went to which, for good; `held` until it is released.",
)


def _of_pair(name: str, *columns: Column[Any], comment: str) -> Table:
    return Table(
        name,
        metadata,
        Column("pair_id", ForeignKey(pair.c.id), primary_key=True),
        Column("kind", _Name, primary_key=True),
        Column("source_id", _Name, primary_key=True),
        *columns,
        comment=comment,
    )


mapped = _of_pair(
    "swoogo_mapped",
    Column("label", Text, nullable=False),
    Column("swoogo_id", BigInteger),
    Column("applied", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("code", String(64)),
    Column("message", Text),
    Column("adopted", Boolean, nullable=False),
    Column("contact_id", BigInteger),
    Column("direct_link", Text),
    comment="The ID map, with the fields as Swoogo was last told.",
)

image = _of_pair(
    "swoogo_image",
    Column("url", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("etag", Text),
    Column("sha256", String(64)),
    Column("begun", Boolean, nullable=False),
    Column("code", String(64)),
    Column("message", Text),
    Column("width", Integer),
    Column("height", Integer),
    comment="The images as last sent.",
)

intent = _of_pair(
    "swoogo_intent",
    Column("fields", Text, nullable=False),
    Column("opened_at", Float, nullable=False),
    comment="Creates whose answer is not known.",
)

link = Table(
    "swoogo_link",
    metadata,
    Column("pair_id", ForeignKey(pair.c.id), primary_key=True),
    Column("speaker_id", _Name, primary_key=True),
    Column("session_id", _Name, primary_key=True),
    Column("made", Boolean, nullable=False),
    comment="The links between speakers and sessions that were made, or begun.",
)

held = _of_pair(
    "swoogo_held",
    Column("action", _Name, primary_key=True),
    Column("code", _Name, primary_key=True),
    Column("digest", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("approved", Boolean, nullable=False),
    comment="Changes that a guard held back, and whether a person has approved them.",
)

history = _of_pair(
    "swoogo_history",
    Column("at", _Name, primary_key=True),
    Column("action", _Name, primary_key=True),
    Column("run_id", _Name, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", String(64)),
    Column("message", Text),
    Column("changes", Text, nullable=False),
    comment="What Swoogo was told of a record, when, and what came of it.",
)

run = Table(
    "swoogo_run",
    metadata,
    Column("id", _Name, primary_key=True),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("holder", Text, nullable=False),
    Column("summary", Text),
    comment="The runs, and who holds the ledger.",
)
