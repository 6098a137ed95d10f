"""The world of the state machine: both sides, the pair between them, a clock that all share.

Its runs can be killed before and after every request and every commit.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from PIL import Image
from sandbox.server import Sandbox
from sqlalchemy import Connection
from target_swoogo.apply import Applier
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger
from target_swoogo.target import TargetSwoogo

from .conftest import Pair
from .invariants import Exceptions, Key, Record, View, _Expected, _Pictures
from .small_programme import EVENT, MAPPINGS, SWOOGO_EVENT, person, sponsor, tier, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pytest

LISTED_AFTER_SECONDS = 60
"""How long Swoogo's lists lag where they do; by default the target allows for twice as much."""

PICTURES = tuple(f"{{media}}/{name}.png" for name in ("ash", "elm", "fir", "oak", "yew"))
KINDS = ("locations", "tracks", "sessions", "speakers", "sponsors")
_ELSEWHERE = {"sessionboard_event_id": 4102, "swoogo_event_id": 77002}


def write_programme(folder: Path) -> Path:
    """Write four sessions, five people, three sponsors, three rooms of two names and two tracks."""
    media = folder / "media"
    media.mkdir(parents=True)
    for number, name in enumerate(PICTURES):
        Image.new("RGB", (8, 8), (number * 40, 90, 160)).save(media / name.split("/")[1])
    people = [
        person(name.lower(), name, "Abel") | {"photo_url": PICTURES[number % 3]}
        for number, name in enumerate(("Ada", "Ben", "Cyd", "Dee", "Eve"))
    ]
    ada, ben, cyd, dee, _ = people
    first, second, attic = (
        {"id": "hall-1", "name": "Hall", "capacity": 200},
        {"id": "hall-2", "name": "Hall", "capacity": 50},
        {"id": "attic", "name": "Attic", "capacity": None},
    )
    craft, trade = {"id": "craft", "name": "Craft"}, {"id": "trade", "name": "Trade"}
    sponsors = zip(("Loom", "Felt", "Yarn"), ("Gold", "Silver", "Gold"), PICTURES, strict=False)
    files = {
        "events": [
            {"id": EVENT, "name": "Small", "timezone": "America/New_York"},
            {"id": _ELSEWHERE["sessionboard_event_id"], "name": "Other", "timezone": "Europe/Rome"},
        ],
        "rooms": [first, second, attic],
        "tracks": [craft, trade],
        "speakers": people,
        "sponsors": [
            sponsor(name.lower(), name) | {"logo_image_url": logo, "custom_fields": tier(level)}
            for name, level, logo in sponsors
        ],
        "sessions": [
            _session("opening", 9, first, craft, ada),
            _session("weaving", 10, second, craft, ada, ben),
            _session("closing", 16, attic, trade, cyd, dee),
            _session("lost", 11, first, {}, ben) | {"status": "pending"},
        ],
    }
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def _session(name: str, hour: int, room: Record, track: Record, *people: Record) -> Record:
    """A session with a speaker and perhaps a moderator."""
    return {
        "id": name,
        "title": name.capitalize(),
        "description": f"About {name}.",
        "status": "accepted",
        "is_abstract": False,
        "capacity": None,
        "room": room,
        "track": track,
        "participants": [
            {**one, "participant_role": {"id": role, "name": role, "core_role": role}}
            for one, role in zip(people, ("speaker", "moderator"), strict=False)
        ],
        "subsessions": [],
        **times(hour),
    }


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing catches it, nothing more goes out."""


class Killer:
    """Ends a run before or after its n-th request or commit; from then on there are no more."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._due: int | None = None
        self._points = 0
        for owner, name in ((requests.adapters.HTTPAdapter, "send"), (Connection, "commit")):
            patch.setattr(owner, name, self._around(getattr(owner, name)))

    @contextlib.contextmanager
    def armed(self, due: int | None) -> Iterator[None]:
        """Strike at that point; None for never."""
        self._due, self._points = due, 0
        try:
            yield
        finally:
            self._due = None

    def _around(self, act: Any) -> Any:
        @functools.wraps(act)
        def acted(*args: Any, **kwargs: Any) -> Any:
            self._point()
            answer = act(*args, **kwargs)
            try:
                self._point()
            except Killed:
                if answer is not None:
                    answer.close()
                raise
            return answer

        return acted

    def _point(self) -> None:
        if self._due is not None:
            self._points += 1
            if self._points >= self._due:
                raise Killed


class _Hurry(threading.Event):
    """Tells a run to end when it is set, and never makes it wait."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self.is_set()


@dataclass
class Run:
    """How a run of the pair ended.

    Attributes:
        read: What the tap was asked for: "all", "changes" or "nothing".
        killed: Whether the target was killed.
        error: The code of the error that stopped it.
        report: Its report on the pair; None where there is none.
    """

    read: str
    killed: bool = False
    error: str | None = None
    report: Record | None = None

    @property
    def settled(self) -> bool:
        """Whether everything was read, and nothing left for another run to do."""
        if self.report is None or self.error is not None or self.read != "all":
            return False
        undone = ("failed", "pending", "postponed")
        return not any(self.report[name] for name in undone)

    def named(self, *lists: str) -> set[tuple[str, Key]]:
        """What the report names in some of its lists, each with the reason's code."""
        return {
            (note["code"], (f"{note['kind']}s", note["id"]))
            for name in lists
            for note in (self.report or {}).get(name, ())
        }


class World:
    """Both sides and the pair between them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.sandbox = Sandbox(folder / "sandbox", write_programme(folder / "programme"))
        self._pair = Pair(self.sandbox, folder)
        self._killer = Killer(patch)
        clock = self.sandbox.world.clock
        patch.setattr("target_swoogo.target.utc_now", clock.now)
        on_time = functools.partial(Applier, clock=lambda: clock.now().timestamp())
        patch.setattr("target_swoogo.reconcile.Applier", on_time)
        self.reset()

    def reset(self) -> None:
        """Both sides as new, and nothing remembered."""
        self.sandbox.reset()
        self.settings: dict[str, Any] = {}
        self.lag = 0
        self._seen: dict[str, dict[Any, Record]] = {}
        self._messages = ""
        self.lose_ledger()

    # Sessionboard and Swoogo

    def edit(self, op: str, kind: str, record_id: object, **fields: Any) -> None:
        """Edit a record in Sessionboard."""
        self.sandbox.edit({"op": op, "kind": kind, "id": record_id, "fields": fields})

    def create(self, kind: str, record_id: str, **fields: Any) -> None:
        """Make a record in Sessionboard."""
        fields = {"event_id": EVENT, **fields, "id": record_id}
        self.sandbox.edit({"op": "create", "kind": kind, "fields": fields})

    def cast(self, session_id: str, person_id: str, role: str | None) -> None:
        """Put a person on a session, or take them off it without a role."""
        on_it = {"session_id": session_id, "person_id": person_id}
        if role is None:
            self.sandbox.edit({"op": "remove_participant", **on_it})
        else:
            self.sandbox.edit({"op": "add_participant", **on_it, "role": role})

    def edit_by_hand(self, op: str, kind: str, record_id: int, **fields: Any) -> None:
        """Edit a record in Swoogo."""
        edit = {"op": op, "side": "swoogo", "kind": kind, "id": record_id, "fields": fields}
        self.sandbox.edit(edit)

    def create_by_hand(self, kind: str, fields: Record) -> int:
        """Make a record in Swoogo, so long ago that lists show it."""
        edit = {"op": "create", "side": "swoogo", "kind": kind}
        (made,) = self.sandbox.edit(edit | {"fields": {"event_id": SWOOGO_EVENT, **fields}})
        self.edit_by_hand("update", kind, made["id"], _made="2020-01-01T00:00:00.000Z")
        return int(made["id"])

    def programme(self, kind: str) -> list[Record]:
        """Sessionboard's records that are not deleted, always in the same order."""
        rows = self.sandbox.state.programme[kind].values()
        mine = (r for r in rows if r["event_id"] == EVENT and not r.get("deleted_at"))
        return sorted(mine, key=lambda row: str(row["id"]))

    def rows(self, kind: str) -> dict[int, Record]:
        """Swoogo's records."""
        rows = self.sandbox.state.swoogo[kind]
        return {i: row for i, row in rows.items() if row["event_id"] == SWOOGO_EVENT}

    def levels(self) -> dict[int, str]:
        """Swoogo's sponsor levels."""
        event = self.sandbox.state.swoogo["events"][SWOOGO_EVENT]
        return {level["id"]: level["name"] for level in event["levels"]}

    def desired(self) -> dict[Key, View]:
        """Every record that should be in Swoogo, as it should be but for what people did there."""
        due = _Expected(
            self.sandbox,
            _Pictures(self.sandbox, 1_000_000),
            EVENT,
            SWOOGO_EVENT,
            self.settings,
            Exceptions(),
            self.sandbox.world.clock.now(),
        )
        sessions = list(due._sessions())
        views = {("sessions", row["id"]): due._session(row) for row in sessions}
        views |= {("speakers", row["id"]): due._speaker(row) for row in due._people(sessions)}
        for row in self.programme("sponsors"):
            views["sponsors", row["id"]] = due._sponsor(row)
        rooms = ("locations", "rooms", "room_id"), ("tracks", "tracks", "track_id")
        for kind, source, name in rooms:
            for choice_id in {row[name] for row in sessions}:
                choice = due._choice(kind, self.sandbox.state.programme[source].get(choice_id))
                if choice is not None:
                    views[kind, choice_id] = choice
        return views

    # The pair

    def ledger(self) -> Ledger:
        """The ledger, which must be closed."""
        return Ledger.open(self._pair.target_config()["ledger_url"])

    def lose_ledger(self) -> None:
        """As if its disk were lost, and the tap's state with it."""
        shutil.rmtree(self._pair.folder / "ledger", ignore_errors=True)
        self._pair.state = {}
        self._seen = {}

    def calls_since(self, number: int, *, writes: bool = False) -> list[Record]:
        """What Swoogo was asked since that request."""
        return self._pair.writes(number) if writes else self._pair.calls(since=number)

    @property
    def last_call(self) -> int:
        """The number of the last request to either side."""
        return self._pair.now

    def run(
        self,
        read: str = "all",
        *,
        kill_at: int | None = None,
        faults: Iterable[Record] = (),
        mapped: bool = True,
    ) -> Run:
        """Let the tap read and then the target run, under faults that end with the run."""
        messages = self._read(read)
        self._pair.mappings = MAPPINGS if mapped else [_ELSEWHERE]
        report = self._pair.folder / "reports/latest.json"
        report.unlink(missing_ok=True)
        config = self._pair.target_config(max_workers=1, validate_records=False, **self.settings)
        target = TargetSwoogo(config=config)
        target._stop = _Hurry()
        run, out = Run(read), io.StringIO()
        self._disturb(faults)
        with target.ledger:
            try:
                with contextlib.redirect_stdout(out), self._killer.armed(kill_at):
                    target.listen(io.StringIO(messages))
            except Killed:
                run.killed = True
            except TargetError as error:
                run.error = error.code
        for line in out.getvalue().splitlines():
            self._pair.state = json.loads(line)
        if not run.killed and report.exists():
            (run.report,) = json.loads(report.read_text())["pairs"]
        return run

    def _disturb(self, faults: Iterable[Record]) -> None:
        self.sandbox.faults(*faults, quota_enabled=False, list_lag_seconds=self.lag)

    def stop_disturbing(self) -> int:
        """No fault any more; how many requests met one."""
        met = sum(rule["fired"] for rule in self.sandbox.world.faults()["rules"])
        self._disturb(())
        return met

    def _read(self, read: str) -> str:
        """The tap's output; what has not changed since all was read is not asked for again."""
        if read == "nothing":
            return ""
        if read == "changes":
            return self._pair.read(event_ids=[EVENT], full_read_hours=1000)
        programme = {kind: dict(rows) for kind, rows in self.sandbox.state.programme.items()}
        if programme != self._seen:
            self._messages = self._pair.read(event_ids=[EVENT], full_read_hours=0)
            self._seen = programme
        return self._messages
