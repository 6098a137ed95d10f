"""A ledger that is only looked at, also while a run is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from target_swoogo import schema
from target_swoogo.database import Database
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger

if TYPE_CHECKING:
    from typing_extensions import Self


class Glance(Ledger):
    """An open ledger of which nothing changes, and what only those who look at it ask."""

    busy: bool = False
    """Whether a run is at work on it."""

    @classmethod
    def at(cls, url: str) -> Self:
        """Open a ledger to look at it.

        Args:
            url: A SQLAlchemy URL of SQLite or PostgreSQL.

        Returns:
            The ledger.

        Raises:
            TargetError: There is none, or it is of a later version, damaged, or cannot be reached,
                or a run of an earlier version is at work on it.
        """
        busy: TargetError | None = None
        try:
            # Checks it, and makes it one of this version, as a run would.
            Database.open(url, create=False).close()
        except TargetError as error:
            if error.code != "ledger_held":
                raise
            busy = error
        database = Database.open(url, create=False, shared=True)
        meta = schema.meta.c
        version = select(meta.value).where(meta.name == "version")
        if busy and database.connection.scalar(version) != str(schema.VERSION):
            # An older program is at work; this one brings the ledger up to date after it.
            database.close()
            raise busy
        glance = cls(database, dry_run=True)
        glance.busy = busy is not None
        return glance

    def run_at_work(self) -> tuple[str, str] | None:
        """Who holds the ledger, and since when; None when nobody does or they have not said."""
        run = schema.run.c
        row = self._db.execute(
            select(run.holder, run.started_at)
            .where(run.ended_at.is_(None))
            .order_by(run.started_at.desc(), run.id.desc())
            .limit(1)
        ).one_or_none()
        return (row.holder, row.started_at) if self.busy and row else None

    def check_received(self) -> None:
        """See that something was received.

        Raises:
            TargetError: Nothing was.
        """
        if self._db.scalar(select(schema.source.c.event_id).limit(1)) is None:
            raise TargetError(
                "nothing_received",
                "No sync has run yet, so there is nothing to look at (a dry run keeps nothing); "
                "run a sync first.",
            )

    def events_received(self) -> list[int]:
        """The Sessionboard events of which anything was received, mapped or not."""
        event_id = schema.source.c.event_id
        return list(self._db.scalars(select(event_id).distinct().order_by(event_id)))
