"""How all records stand, as far as the ledger knows. Nobody is asked and nothing is changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from target_swoogo.actions import Verb
from target_swoogo.errors import TargetError
from target_swoogo.evaluate import evaluate, held_now, planned
from target_swoogo.ledger import Pair
from target_swoogo.model import Kind, Note, State
from target_swoogo.observe import PairError, observed
from target_swoogo.values import label_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_swoogo.actions import Applied, Plan
    from target_swoogo.evaluate import Evaluated
    from target_swoogo.glance import Glance
    from target_swoogo.model import Held, Key, Mapped, PastRun, Row
    from target_swoogo.settings import Settings

VERSION = 1
"""Of the JSON's shape."""

COLUMNS = (
    "in_sync",
    "pending",
    "failed",
    "held",
    "ambiguous",
    "deleted",
    "skipped",
    "adopted",
)
"""What is counted of each kind. Every record is counted once in the first seven: as it should be in
Swoogo; to be sent by the next run; refused when it was sent last; held back by a guard; there
several times; deleted in Swoogo; left out by a rule. The last says how many were found in Swoogo
rather than made."""

RUNS = 5
"""So many of the last runs are told."""


@dataclass
class PairStatus:
    """How one event pair stands.

    Attributes:
        sessionboard_event_id: The one side.
        swoogo_event_id: The other.
        event_name: The event's name in Sessionboard.
        mapped: Whether the settings map it.
        error: Code and sentence of what keeps the whole pair from syncing.
        last_error: The same of the last run.
        synced_at: When a run last left nothing undone, in UTC.
        stale: Whether that is too long ago.
        kinds: For each kind, how many records stand how; the names are those of `COLUMNS`.
        images: How many images are `sent`, `pending` and `failed`.
        open_creates: How many creates were begun whose answer is not known.
        left_over: How many records are in Swoogo that no longer belong to what is synced.
        problems: What failed or is ambiguous, each with its reason.
        held: What guards hold back until somebody approves it.
    """

    sessionboard_event_id: int
    swoogo_event_id: int
    event_name: str | None = None
    mapped: bool = True
    error: tuple[str, str] | None = None
    last_error: tuple[str, str] | None = None
    synced_at: str | None = None
    stale: bool = False
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    images: Counter[str] = field(default_factory=Counter)
    open_creates: int = 0
    left_over: int = 0
    problems: list[Note] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def events(self) -> tuple[int, int]:
        """Both sides."""
        return (self.sessionboard_event_id, self.swoogo_event_id)

    @property
    def wants_attention(self) -> bool:
        """Whether a person should look at it."""
        stopped = self.error or self.last_error
        return self.mapped and bool(stopped or self.stale or self.problems or self.held)

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "sessionboard_event_id": self.sessionboard_event_id,
            "swoogo_event_id": self.swoogo_event_id,
            "event_name": self.event_name,
            "mapped": self.mapped,
            "error": _error_json(self.error),
            "last_error": _error_json(self.last_error),
            "synced_at": self.synced_at,
            "stale": self.stale,
            "counts": {k: {c: counts[c] for c in COLUMNS} for k, counts in self.kinds.items()},
            "images": {name: self.images[name] for name in ("sent", "pending", "failed")},
            "open_creates": self.open_creates,
            "left_over": self.left_over,
            "problems": [note_json(note) for note in self.problems],
            "held": [held_json(one) for one in self.held],
        }


@dataclass
class Status:
    """How everything stands.

    Attributes:
        at_work: Who is at work on the ledger, and since when.
        pairs: The event pairs.
        runs: The last runs, the latest first.
    """

    at_work: tuple[str, str] | None
    pairs: list[PairStatus]
    runs: list[PastRun]

    @property
    def wants_attention(self) -> bool:
        """Whether a person should look at it."""
        return any(pair.wants_attention for pair in self.pairs)

    def as_json(self) -> dict[str, Any]:
        """As plain data, of shape `VERSION`."""
        holder = self.at_work
        return {
            "version": VERSION,
            "attention": self.wants_attention,
            "run_at_work": {"holder": holder[0], "started_at": holder[1]} if holder else None,
            "pairs": [pair.as_json() for pair in self.pairs],
            "runs": [
                {
                    "run_id": run.run_id,
                    "started_at": run.started_at,
                    "ended_at": run.ended_at,
                    **run.summary,
                }
                for run in self.runs
            ],
        }


def status(ledger: Glance, settings: Settings, now: datetime) -> Status:
    """See how everything stands.

    Args:
        ledger: What was received, and what Swoogo was told.
        settings: The settings; where they map nothing, every pair that was not released counts.
        now: The present.

    Returns:
        How every pair stands that is mapped or was not released.
    """
    known = {pair.events: pair for pair in ledger.pairs()}
    mapped = settings.event_mappings or [pair.events for pair in known.values() if pair.held]
    # A pair that no run has seen yet is not in the ledger, and nothing of it was sent.
    pairs = [
        _pair_status(ledger, known.get(events) or Pair(0, *events, held=False), settings, now)
        for events in mapped
    ]
    pairs += [
        PairStatus(*pair.events, mapped=False, synced_at=pair.synced_at)
        for pair in known.values()
        if pair.held and pair.events not in mapped
    ]
    runs = ledger.past_runs(RUNS)
    for one in runs[0].summary.get("pairs", []) if runs else ():
        for pair in pairs:
            events = (one["sessionboard_event_id"], one["swoogo_event_id"])
            if (error := one["error"]) and events == pair.events:
                pair.last_error = (error["code"], error["message"])
    return Status(ledger.run_at_work(), pairs, runs)


def _error_json(error: tuple[str, str] | None) -> dict[str, str] | None:
    return {"code": error[0], "message": error[1]} if error else None


def is_stale(synced_at: str | None, stale_minutes: int, now: datetime) -> bool:
    """Whether data was last fully synced too long ago, or never, or by a clock that is wrong."""
    if not stale_minutes:
        return False
    if synced_at is None:
        return True
    age = now - datetime.fromisoformat(synced_at)
    # What the future says tells nothing of how old the data is.
    return not -CLOCKS_DIFFER < age <= timedelta(minutes=stale_minutes)


CLOCKS_DIFFER = timedelta(minutes=5)
"""By so much the clocks of two machines may differ."""


def _pair_status(ledger: Glance, pair: Pair, settings: Settings, now: datetime) -> PairStatus:
    stale = is_stale(pair.synced_at, settings.stale_minutes, now)
    out = PairStatus(*pair.events, synced_at=pair.synced_at, stale=stale)
    try:
        seen = evaluate(ledger, pair, settings, now)
    except PairError as error:
        out.error = _why(ledger, error)
        return out
    out.event_name = label_of(seen.event.name, None, "Event")
    held = ledger.held(pair)
    plan = planned(seen, observed(pair, {}), settings, now, held)
    out.held = held_now(plan, held)
    out.kinds = _counts(seen, plan, {(one.kind, one.source_id) for one in out.held})
    out.images = _images(seen, plan)
    out.open_creates = len(seen.applied.intents)
    out.left_over = sum(note.code == "still_in_swoogo" for note in plan.warnings)
    out.problems = _problems(seen.programme.rows, seen.applied)
    return out


def _why(ledger: Glance, error: PairError) -> tuple[str, str]:
    try:
        ledger.check_received()
    except TargetError as nothing:
        # Then it is not the mapping that is wrong.
        return (nothing.code, str(nothing))
    return (error.code, str(error))


def _counts(seen: Evaluated, plan: Plan, held: set[Key]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {kind.value: Counter() for kind in Kind}
    waiting = {(note.kind, note.source_id) for note in plan.waiting}
    to_send = {action.row.key for action in plan.actions if action.verb is not Verb.IMAGE}
    for row in seen.programme.rows:
        entry = seen.applied.mapped.get(row.key)
        column = standing(entry)
        if column == "in_sync":
            late = row.key in to_send or (row.kind.value, row.source_id) in waiting
            column = "held" if row.key in held else "pending" if late else column
        counts[row.kind.value][column] += 1
        counts[row.kind.value]["adopted"] += bool(entry and entry.adopted)
    for note in seen.programme.skips:
        counts[note.kind]["skipped"] += 1
    return counts


def standing(entry: Mapped | None) -> str:
    """The column of `COLUMNS` to which the ID map alone assigns a record."""
    if entry is None:
        return "in_sync"
    by_state = {
        State.TOMBSTONE: "deleted",
        State.AMBIGUOUS: "ambiguous",
        State.FAILED: "failed",
    }
    return by_state.get(entry.state, "in_sync")


def _images(seen: Evaluated, plan: Plan) -> Counter[str]:
    to_send = {action.row.key for action in plan.actions if action.verb is Verb.IMAGE}
    images: Counter[str] = Counter()
    for row in seen.programme.rows:
        gone = standing(seen.applied.mapped.get(row.key)) == "deleted"
        if row.picture is None or gone:
            continue
        image = seen.applied.images.get(row.key)
        if image is not None and image.code is not None:
            images["failed"] += 1
        else:
            images["pending" if row.key in to_send else "sent"] += 1
    return images


def _problems(rows: Sequence[Row], applied: Applied) -> list[Note]:
    """What failed or is ambiguous, and still belongs to what is synced."""
    notes = []
    for row in rows:
        entry, image = applied.mapped.get(row.key), applied.images.get(row.key)
        if entry is not None and entry.state in {State.FAILED, State.AMBIGUOUS}:
            notes.append(_note(row, entry.code, entry.message))
        if image is not None and image.code is not None and row.picture is not None:
            notes.append(_note(row, image.code, image.message))
    return notes


def _note(row: Row, code: str | None, message: str | None) -> Note:
    return Note(row.kind.value, row.source_id, row.label, code or "unknown", message or row.label)


def note_json(note: Note) -> dict[str, Any]:
    """A note as plain data."""
    return {
        "kind": note.kind,
        "id": note.source_id,
        "name": note.label,
        "code": note.code,
        "message": note.message,
    }


def held_json(one: Held) -> dict[str, Any]:
    """A change that is held back, as plain data."""
    return {
        "kind": one.kind.value,
        "id": one.source_id,
        "name": one.label,
        "action": one.action,
        "code": one.code,
        "message": one.message,
        "approved": one.approved,
    }
