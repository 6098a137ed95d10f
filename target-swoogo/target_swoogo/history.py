"""What the runs did, told record by record, and what they held back until somebody approves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select

from target_swoogo import schema
from target_swoogo.model import Held, Kind, PastRun, Told
from target_swoogo.store import Store, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_swoogo.ledger import Pair
    from target_swoogo.model import Key

KEPT = timedelta(days=90)
"""How long it is remembered what was told when."""


class History(Store):
    """Keeps the runs, what they told Swoogo, and what they held back."""

    run_id: str = ""
    """Names this run."""

    runs_before: int = 0
    """How many runs there were; all who open a ledger count."""

    def count_runs(self) -> int:
        """How many runs there are, this one included."""
        return self._db.scalar(select(func.count()).select_from(schema.run)) or 0

    def end_run(self, summary: dict[str, Any]) -> None:
        """Record how this run ended, and let go of what is long past.

        Args:
            summary: Its counts.
        """
        past = (datetime.now(timezone.utc) - KEPT).isoformat()
        with self.commit():
            self._db.execute(
                schema.run.update()
                .where(schema.run.c.id == self.run_id)
                .values(ended_at=now_text(), summary=msgspec.json.encode(summary).decode())
            )
            self._db.execute(schema.history.delete().where(schema.history.c.at < past))
            self._db.execute(
                schema.run.delete().where(
                    schema.run.c.started_at < past, schema.run.c.id != self.run_id
                )
            )

    def past_runs(self, most: int) -> list[PastRun]:
        """The last runs that came to an end, the latest first.

        Args:
            most: How many.
        """
        run = schema.run.c
        rows = self._db.execute(
            select(schema.run)
            .where(run.summary.is_not(None))
            .order_by(run.started_at.desc(), run.id.desc())
            .limit(most)
        )
        return [
            PastRun(row.id, row.started_at, row.ended_at, msgspec.json.decode(row.summary))
            for row in rows
        ]

    def synced(self, pair: Pair) -> None:
        """Note that a pair was brought up to date, with nothing left to do. Inside `commit`."""
        pair.synced_at = now_text()
        self._db.execute(
            schema.pair.update().where(schema.pair.c.id == pair.id).values(synced_at=pair.synced_at)
        )

    # What Swoogo was told

    def tell(self, pair: Pair, told: Told) -> None:
        """Note what Swoogo was told of a record. Call inside `commit`."""
        values = columns_of(told) | {
            "pair_id": pair.id,
            "kind": told.kind.value,
            "run_id": self.run_id,
            "changes": msgspec.json.encode(told.changes).decode(),
        }
        self._upsert(schema.history, [values])

    def told(self, pair: Pair, key: Key) -> list[Told]:
        """What Swoogo was told of a record, the latest last."""
        of = schema.history.c
        rows = self._db.execute(
            select(schema.history)
            .where(of.pair_id == pair.id, of.kind == key[0].value, of.source_id == key[1])
            .order_by(of.at)
        )
        return [
            Told(
                Kind(row.kind),
                row.source_id,
                row.at,
                row.action,
                row.outcome,
                row.code,
                row.message,
                msgspec.json.decode(row.changes),
            )
            for row in rows
        ]

    # What was held back

    def held(self, pair: Pair) -> list[Held]:
        """What the last run held back, and what of it was approved since."""
        rows = self._db.execute(
            select(schema.held)
            .where(schema.held.c.pair_id == pair.id)
            .order_by(*schema.held.primary_key)
        )
        return [
            Held(
                Kind(row.kind),
                row.source_id,
                row.action,
                row.code,
                row.digest,
                row.label,
                row.message,
                approved=row.approved,
            )
            for row in rows
        ]

    def hold_back(self, pair: Pair, held: Iterable[Held]) -> None:
        """Replace what is held back. Call inside `commit`."""
        self._db.execute(schema.held.delete().where(schema.held.c.pair_id == pair.id))
        if rows := [asdict(one) | {"pair_id": pair.id, "kind": one.kind.value} for one in held]:
            self._upsert(schema.held, rows)

    def approve(self, pair: Pair, code: str | None = None) -> list[Held]:
        """Let changes through that were held back, exactly as they were shown.

        Args:
            pair: The pair.
            code: Only those that this guard held; all where None.

        Returns:
            What was approved.
        """
        chosen = [one for one in self.held(pair) if code in {None, one.code} and not one.approved]
        held = schema.held.c
        with self.commit():
            self._db.execute(
                schema.held.update()
                .where(held.pair_id == pair.id, *([held.code == code] if code else []))
                .values(approved=True)
            )
        return chosen

    # Event pairs at rest

    def resting(self) -> dict[int, str]:
        """What is known of pairs at rest; nothing where anyone has opened the ledger since."""
        if self.recall(_RUNS) != str(self.runs_before):
            return {}
        meta = schema.meta.c
        rows = self._db.execute(select(schema.meta).where(meta.name.startswith(_RESTING)))
        return {int(row.name.removeprefix(_RESTING)): row.value for row in rows}

    def keep_resting(self, rests: Mapping[int, str]) -> None:
        """Replace what is known of pairs at rest, as the last thing a run does.

        Args:
            rests: By pair.
        """
        meta = schema.meta.c
        names = {f"{_RESTING}{pair_id}": text for pair_id, text in rests.items()}
        with self.commit():
            self._db.execute(
                schema.meta.delete().where(
                    meta.name.startswith(_RESTING), meta.name.not_in(list(names))
                )
            )
            for name, text in names.items():
                self.note(name, text)
            self.note(_RUNS, str(self.count_runs()))

    # Small facts

    def recall(self, name: str) -> str | None:
        """A fact that was noted, or None."""
        meta = schema.meta.c
        value: str | None = self._db.scalar(select(meta.value).where(meta.name == name))
        return value

    def note(self, name: str, value: str) -> None:
        """Note a fact. Call inside `commit`."""
        self._upsert(schema.meta, [{"name": name, "value": value}])


_RESTING = "resting:"
_RUNS = "runs_at_rest"


def now_text() -> str:
    """The present instant, as it is kept."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
