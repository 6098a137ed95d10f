"""The ledger, looked at without making, migrating or changing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import NullPool, create_engine, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from target_swoogo import schema
from target_swoogo.check import EventSeen, Line, error, fine, warning
from target_swoogo.check_settings import can_make
from target_swoogo.clock import utc_now
from target_swoogo.errors import TargetError
from target_swoogo.evaluate import evaluate
from target_swoogo.glance import Glance
from target_swoogo.ledger import Pair
from target_swoogo.model import Choice, Kind, State
from target_swoogo.observe import PairError
from target_swoogo.values import label_of

if TYPE_CHECKING:
    from target_swoogo.settings import Settings

_ABOUT = "Ledger"


@dataclass(slots=True)
class PairSeen:
    """What the ledger has of one event pair.

    Attributes:
        event: The event in Sessionboard.
        starts: When its sessions begin.
        tiers: The tier of each sponsor that can be synced; None for one without.
        refusals: For each record that Swoogo refused, its kind and what Swoogo said.
    """

    event: EventSeen
    starts: list[datetime] = field(default_factory=list)
    tiers: list[str | None] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class LedgerSeen:
    """What the ledger has.

    Attributes:
        lines: What is to be said of it.
        pairs: What it has of each event pair.
    """

    lines: list[Line] = field(default_factory=list)
    pairs: dict[tuple[int, int], PairSeen] = field(default_factory=dict)


def look_at_ledger(settings: Settings) -> LedgerSeen:
    """Look at the ledger of some settings.

    Args:
        settings: The settings.

    Returns:
        What it has, and what is to be said of it. Nothing of it changes; where there is none, none
        is made.
    """
    seen = LedgerSeen()
    url = settings.ledger_url
    file = _file(url)
    if file is not None and not file.exists():
        seen.lines.append(_to_be_made(file))
        return seen
    version = _version(url)
    if version is not None and version < schema.VERSION:
        seen.lines.append(
            fine(
                _ABOUT,
                f"The ledger is of version {version}; the next run brings it to version "
                f"{schema.VERSION}.",
                "Back it up before.",
            )
        )
        return seen
    try:
        with Glance.at(url) as ledger:
            seen.lines += _lines(ledger, settings)
            for mapping in settings.event_mappings:
                if (pair := _pair(ledger, mapping, settings)) is not None:
                    seen.pairs[mapping] = pair
    except TargetError as problem:
        seen.lines.append(_explained(problem))
    return seen


def _file(url: str) -> Path | None:
    """The file of a ledger in SQLite."""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        return None
    name = parsed.database or ""
    plain = name not in {"", ":memory:"} and not name.startswith("file:")
    return Path(name).resolve() if parsed.get_backend_name() == "sqlite" and plain else None


def _to_be_made(file: Path) -> Line:
    if can_make(file):
        return fine(_ABOUT, f"There is no ledger yet; the first run makes it at {file}.")
    return error(
        _ABOUT,
        "ledger_unwritable",
        f"There is no ledger at {file}, and none can be made there.",
        "Correct ledger_url, or see that you may write there.",
    )


def _version(url: str) -> int | None:
    """The version of a ledger; None where it cannot be read, which opening it explains."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, poolclass=NullPool, hide_parameters=True)
        with engine.connect() as connection:
            meta = schema.meta.c
            return int(
                connection.execute(select(meta.value).where(meta.name == "version")).scalar_one()
            )
    except (SQLAlchemyError, ImportError, ValueError):
        return None


def _lines(ledger: Glance, settings: Settings) -> list[Line]:
    if ledger.busy:
        who = ledger.run_at_work()
        by = f" ({who[0]} since {who[1]})" if who else ""
        return [
            warning(
                _ABOUT,
                "ledger_held",
                f"A run is at work on the ledger{by}; what is said of it here may change.",
                "Check again when the run has ended.",
            )
        ]
    # Written, and taken back when the ledger is closed.
    with ledger.commit():
        ledger.note("checked", "yes")
    lines = [fine(_ABOUT, f"The ledger is of version {schema.VERSION}, free and writable.")]
    try:
        ledger.propose(settings.event_mappings)
    except TargetError as problem:
        lines.append(_explained(problem))
    return lines


def _explained(problem: TargetError) -> Line:
    """The ledger's own sentences say what to do after their last semicolon."""
    found, _, todo = str(problem).rpartition("; ")
    if not found:
        found, _, todo = str(problem).partition(". ")
    return error(_ABOUT, problem.code, f"{found.rstrip('.')}.", f"{todo[:1].upper()}{todo[1:]}")


def _pair(ledger: Glance, mapping: tuple[int, int], settings: Settings) -> PairSeen | None:
    known = {pair.events: pair for pair in ledger.pairs()}
    pair = known.get(mapping) or Pair(0, *mapping)
    try:
        seen = evaluate(ledger, pair, settings, utc_now())
    except PairError:
        return None  # nothing was received of it yet
    event = EventSeen(mapping[0], label_of(seen.event.name, None, "Event"), seen.zone.key)
    out = PairSeen(event)
    for row in seen.programme.rows:
        if row.kind is Kind.SESSION:
            out.starts.append(datetime.fromisoformat(row.order))
        elif row.kind is Kind.SPONSOR:
            tier = row.fields.get("level")
            out.tiers.append(tier.name if isinstance(tier, Choice) else None)
    for entry in seen.applied.mapped.values():
        if entry.state is State.FAILED and entry.code == "swoogo_refused":
            out.refusals.append((entry.kind.value, entry.message or ""))
    return out
