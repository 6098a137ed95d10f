"""A state machine over both sides: whatever happens, whenever, Swoogo is right once it is quiet.

CI tries a bounded number of examples, the same ones each time. To hunt for about an hour, with
other examples each time::

    MACHINE_EXAMPLES=2500 uv run pytest tests/test_machine.py

An example that fails is kept in `.hypothesis` and tried first by the next such run.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from .machine_model import NAMED_BY, Memory
from .machine_world import KINDS, LISTED_AFTER_SECONDS, PICTURES, World
from .small_programme import sponsor, tier, times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .invariants import Record
    from .machine_world import Run

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
BOUNDED_EXAMPLES, STEPS = 36, 15
MOST_RUNS = 5
"""So many runs settle anything: lost answers need one, what hangs on them another."""

picks = st.integers(0, 5)
names = st.sampled_from(("Alpha", "Beta"))
addresses = st.sampled_from(("ada@example.org", "BEN@example.org", "new@example.org"))


def one_field(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Record]:
    """A change of one of these fields."""
    return st.one_of(st.fixed_dictionaries({name: st_}) for name, st_ in strategies.items())


SESSION_EDITS = one_field(
    title=names,
    description=names,
    capacity=st.sampled_from((None, 5, 6)),
    room_id=st.sampled_from((None, "hall-1", "hall-2", "attic")),
    track_id=st.sampled_from((None, "craft", "trade")),
    status=st.sampled_from(("accepted", "pending", "declined")),
) | st.integers(9, 11).map(times)
PERSON_EDITS = one_field(
    email=addresses,
    first_name=names,
    about=st.sampled_from((None, "Alpha")),
    photo_url=st.sampled_from(PICTURES),
)
SPONSOR_EDITS = one_field(
    name=names,
    custom_fields=st.sampled_from(("Gold", "Silver", "Wood")).map(tier),
    logo_image_url=st.sampled_from(PICTURES),
)
WRITTEN_BY_HAND: dict[str, dict[str, tuple[object, object]]] = {
    "locations": {"name": ("Gamma", "Delta"), "capacity": (7, 8)},
    "tracks": {"name": ("Gamma", "Delta")},
    "sessions": {
        "name": ("Gamma", "Delta"),
        "description": ("Gamma", "Delta"),
        "start_time": ("07:15:00", "07:30:00"),
        "capacity": (7, 8),
    },
    "speakers": {
        "first_name": ("Gamma", "Delta"),
        "bio": ("Gamma", "Delta"),
        "email": ("gamma@example.org", "delta@example.org"),
    },
    "sponsors": {"name": ("Gamma", "Delta"), "website": ("Gamma", "Delta")},
}
SETTINGS: dict[str, tuple[object, object]] = {
    "roles": (["speaker", "chairperson", "moderator"], ["speaker"]),
    "session_statuses": (["accepted"], ["accepted", "pending"]),
    "unlink_removed_speakers": (False, True),
    "speakers": ("on_synced_sessions", "all"),
}
PATHS = (
    "",
    "/create",
    "/sessions/create",
    "/speakers/create",
    "/locations/create",
    "/update",
    r"/speakers/\d+/session",
    "/image/",
    r"^/(sessions|speakers|sponsors|locations|tracks)$",
    r"^/(sessions|speakers)/\d+$",
)
FAULTS: tuple[Record, ...] = (
    {"status": 500},
    {"status": 503, "body": "html"},
    {"status": 500, "after_commit": True},
    {"status": 429, "retry_after": 0},
    {"status": 401},
    {"status": 403},
    {"drop": True},
    {"reset": True},
    {"commit_then_drop": True},
    {"commit_then_reset": True},
    {"truncate": True},
    {"malformed": True},
    {"html": True},
    {"no_id": True},
    {"errors_in_200": True},
)
swoogo_fails = st.builds(
    lambda path, do, times: {"match": {"side": "swoogo", "path": path}, "do": do, "times": times},
    st.sampled_from(PATHS),
    st.sampled_from(FAULTS),
    st.integers(1, 5),
)
# Once only, and of what can be read by its id: a list may not show a new record yet, and a read
# that says so, too, cannot be told from a record that was deleted.
swoogo_denies = st.just(
    {
        "match": {"side": "swoogo", "method": "PUT", "path": "^/(sessions|speakers|sponsors)/"},
        "do": {"status": 404},
    }
)
pictures_fail = st.builds(
    lambda do, times: {"match": {"side": "media"}, "do": {do: True}, "times": times},
    st.sampled_from(("drop", "html")),
    st.integers(1, 3),
)
faults = st.lists(st.one_of(swoogo_fails, swoogo_denies, pictures_fail), min_size=1, max_size=2)
kills = st.integers(1, 60)
reads = st.sampled_from(("all", "changes", "nothing"))
runs = st.one_of(
    st.none(),
    st.just({}),
    st.fixed_dictionaries({"kill_at": kills}),
    st.fixed_dictionaries({"faults": faults}),
    st.fixed_dictionaries({"read": reads}, optional={"kill_at": kills, "faults": faults}),
)
"""Whether and how the pair runs."""


def change(**given: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """A rule that changes something, after which the pair may run at once."""

    def decorate(act: Callable[..., None]) -> Any:
        @functools.wraps(act)
        def acted(self: Machine, *, then: dict[str, Any] | None, **drawn: Any) -> None:
            self.statistics["steps"] += 1
            act(self, **drawn)
            if then is not None:
                self.run_pair(**then)

        return rule(then=runs, **given)(acted)

    return decorate


class Machine(RuleBasedStateMachine):
    """Edits on both sides, runs, kills and faults; and what must hold all the time."""

    def __init__(self, world: World, statistics: Counter[str]) -> None:
        super().__init__()
        self.world = world
        self.statistics = statistics
        self.memory = Memory(world)
        self.made = 0
        self.has_replaced_contact = False
        world.reset()
        statistics["examples"] += 1

    @initialize(synced=st.sampled_from((True, True, False)))
    def begin(self, *, synced: bool) -> None:
        if synced:
            self.run_pair()

    # In Sessionboard

    @change(pick=picks, edit=SESSION_EDITS)
    def edit_session(self, pick: int, edit: Record) -> None:
        self.update("sessions", pick, edit)

    @change(pick=picks, title=names, read=reads)
    def rename_session_and_take_it_back(self, pick: int, title: str, read: str) -> None:
        if row := self.ours("sessions", pick):
            self.world.edit("update", "sessions", row["id"], title=title)
            self.run_pair(read)
            self.world.edit("update", "sessions", row["id"], title=row["title"])

    @change(pick=picks)
    def delete_session(self, pick: int) -> None:
        if row := self.ours("sessions", pick):
            self.world.edit("delete", "sessions", row["id"])

    @change(pick=picks, with_people=st.booleans())
    def create_session_like_another(self, pick: int, *, with_people: bool) -> None:
        if row := self.ours("sessions", pick):
            kept = ("title", "starts_at", "ends_at", "room_id", "track_id")
            people = row["people"] if with_people else []
            fields = {name: row[name] for name in kept}
            self.create("sessions", **fields, status="accepted", people=people)

    @change(session=picks, person=picks, role=st.sampled_from(("speaker", "moderator")))
    def add_participant(self, session: int, person: int, role: str) -> None:
        row, one = self.ours("sessions", session), self.ours("people", person)
        if row and one and one["id"] not in {entry["id"] for entry in row["people"]}:
            self.world.cast(row["id"], one["id"], role)

    @change(session=picks, pick=picks)
    def remove_participant(self, session: int, pick: int) -> None:
        row = self.ours("sessions", session)
        if row and row["people"]:
            self.world.cast(row["id"], row["people"][pick % len(row["people"])]["id"], None)

    @change(kind=st.sampled_from(("rooms", "tracks")), pick=picks, name=names)
    def rename_choice(self, kind: str, pick: int, name: str) -> None:
        self.update(kind, pick, {"name": name})

    @change(pick=picks, edit=PERSON_EDITS)
    def edit_person(self, pick: int, edit: Record) -> None:
        self.update("people", pick, edit)

    @change(pick=picks)
    def replace_contact(self, pick: int) -> None:
        """Deleted and made anew under a new id, with the same address, on the same sessions."""
        row = self.ours("people", pick)
        if not row or self.world.settings.get("speakers") == "all":
            return
        self.has_replaced_contact = True
        kept = ("first_name", "last_name", "email", "title", "company_name", "about", "photo_url")
        new_id = self.create("people", **{name: row[name] for name in kept})
        for session in self.world.programme("sessions"):
            for entry in session["people"]:
                if entry["id"] == row["id"]:
                    self.world.cast(session["id"], row["id"], None)
                    self.world.cast(session["id"], new_id, entry["role"])
        self.world.edit("delete", "people", row["id"])

    @change(pick=picks, edit=SPONSOR_EDITS)
    def edit_sponsor(self, pick: int, edit: Record) -> None:
        self.update("sponsors", pick, edit)

    @change(name=names)
    def create_sponsor(self, name: str) -> None:
        fields = sponsor("new", name) | {"logo_image_url": PICTURES[0]}
        del fields["id"]
        self.create("sponsors", **fields)

    @change(pick=picks)
    def replace_picture(self, pick: int) -> None:
        """Another picture at the same address; the stamps of its records give it away."""
        url = PICTURES[pick % len(PICTURES)]
        path = url.removeprefix("{media}/")
        self.world.sandbox.edit({"op": "replace_image", "path": path})
        for kind, name in (("people", "photo_url"), ("sponsors", "logo_image_url")):
            for row in self.world.programme(kind):
                if row[name] == url:
                    self.world.edit("update", kind, row["id"])

    # In Swoogo, by hand

    @change(kind=st.sampled_from(KINDS), pick=picks, which=picks, other=st.booleans())
    def write_by_hand(self, kind: str, pick: int, which: int, *, other: bool) -> None:
        if row := self.theirs(kind, pick):
            fields = list(WRITTEN_BY_HAND[kind].items())
            name, values = fields[which % len(fields)]
            self.world.edit_by_hand("update", kind, row["id"], **{name: values[other]})
            self.memory.wrote((kind, row["id"]), name, values[other])

    @change(kind=st.sampled_from(KINDS), pick=picks)
    def delete_by_hand(self, kind: str, pick: int) -> None:
        if row := self.theirs(kind, pick):
            self.world.edit_by_hand("delete", kind, row["id"])
            self.memory.deleted((kind, row["id"]))

    @change(kind=st.sampled_from(KINDS), pick=picks)
    def duplicate_by_hand(self, kind: str, pick: int) -> None:
        row = self.theirs(kind, pick)
        if row and self.memory.is_known(kind, row):
            self.make_by_hand(kind, row, {*WRITTEN_BY_HAND[kind], "last_name"})

    @change(kind=st.sampled_from(KINDS), pick=picks)
    def make_by_hand_what_is_to_come(self, kind: str, pick: int) -> None:
        desired, held = self.world.desired(), set(self.memory.owners.values())
        due = sorted(key for key in desired if key[0] == kind and key not in held)
        if due and self.memory.is_known(kind, view := desired[due[pick % len(due)]]):
            self.make_by_hand(kind, view, {"last_name"})

    # In the pair

    @change()
    def do_nothing(self) -> None:
        """The pair may run."""

    @change()
    def let_lists_lag(self) -> None:
        self.world.lag = LISTED_AFTER_SECONDS

    @change(seconds=st.sampled_from((LISTED_AFTER_SECONDS + 1, 300, 4000)))
    def let_time_pass(self, seconds: int) -> None:
        self.world.sandbox.advance(seconds)

    @change(name=st.sampled_from(tuple(SETTINGS)), other=st.booleans())
    def change_setting(self, name: str, *, other: bool) -> None:
        # Sessionboard does not tell that a contact was deleted: among all people it lives on.
        if not (self.has_replaced_contact and name == "speakers"):
            self.world.settings[name] = SETTINGS[name][other]

    @change()
    def run_without_the_mapping(self) -> None:
        since = self.world.last_call
        assert self.world.run(mapped=False).error == "sessionboard_event_unknown"
        assert self.world.calls_since(since) == []

    @change()
    def lose_ledger(self) -> None:
        # What is not listed yet can only be known from the ledger.
        self.world.sandbox.advance(LISTED_AFTER_SECONDS + 1)
        self.world.lose_ledger()
        self.memory.ledger_lost()

    @change(pick=picks)
    def restore(self, pick: int) -> None:
        tombs = sorted(self.memory.tombs)
        if tombs:
            wanted = tombs[pick % len(tombs)]
            with self.world.ledger() as ledger, ledger.commit():
                for pair in ledger.pairs():
                    for kind, source_id in ledger.mapped(pair):
                        if (kind.plural, source_id) == wanted:
                            ledger.forget(pair, (kind, source_id))
            self.memory.restored(wanted)

    @rule()
    def go_quiet(self) -> None:
        """Nothing goes wrong any more: after a few runs all is right, and nothing is left to do."""
        self.statistics["steps"] += 1
        for _ in range(MOST_RUNS):
            since = self.world.last_call
            run = self.run_pair()
            self.world.sandbox.advance(300)
            ambiguous = {key for code, key in run.named("skipped") if code == "ambiguous"}
            # What is ambiguous is looked for by every run, and only that is.
            if run.settled and not self.world.calls_since(since, writes=bool(ambiguous)):
                return
        pytest.fail(f"{run} and its calls {self.world.calls_since(since)}")

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.go_quiet()

    # Steps

    def run_pair(
        self, read: str = "all", *, kill_at: int | None = None, faults: list[Record] | None = None
    ) -> Run:
        """Let the pair run, and see what it did."""
        self.memory.begin()
        run = self.world.run(read, kill_at=kill_at, faults=faults or ())
        self.statistics["runs"] += 1
        self.statistics["killed"] += run.killed
        self.statistics["requests that went wrong"] += self.world.stop_disturbing()
        self.statistics["stopped with an error"] += run.error is not None
        self.statistics["checked in full"] += run.settled
        self.memory.end(run)
        return run

    def ours(self, kind: str, pick: int) -> Record | None:
        """One of Sessionboard's records."""
        rows = self.world.programme(kind)
        return rows[pick % len(rows)] if rows else None

    def theirs(self, kind: str, pick: int) -> Record | None:
        """One of Swoogo's records."""
        rows = sorted(self.world.rows(kind).items())
        return rows[pick % len(rows)][1] if rows else None

    def update(self, kind: str, pick: int, fields: Record) -> None:
        """Edit one of Sessionboard's records."""
        if row := self.ours(kind, pick):
            self.world.edit("update", kind, row["id"], **fields)

    def create(self, kind: str, **fields: Any) -> str:
        """Make a record in Sessionboard; its id."""
        self.made += 1
        record_id = f"{kind}-{self.made:03}"
        self.world.create(kind, record_id, **fields)
        return record_id

    def make_by_hand(self, kind: str, like: Record, more: set[str]) -> None:
        """Make a record in Swoogo of the same natural key, with some more fields."""
        kept = {*NAMED_BY[kind], *more} & like.keys()
        fields = {name: like[name] for name in sorted(kept)}
        place = (kind, self.world.create_by_hand(kind, fields))
        self.memory.by_hand.add(place)
        for name, value in fields.items():
            self.memory.wrote(place, name, value)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, monkeypatch)
    # Thousands of runs would fill the memory with their logs.
    logging.disable(logging.CRITICAL)
    yield made
    logging.disable(logging.NOTSET)
    made.sandbox.close()


def test_whatever_happens_swoogo_is_right_once_it_is_quiet(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: Counter[str] = Counter()
    profile = settings(
        max_examples=EXAMPLES or BOUNDED_EXAMPLES,
        stateful_step_count=STEPS,
        derandomize=not EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    began = time.monotonic()
    try:
        run_state_machine_as_test(lambda: Machine(world, tried), settings=profile)
    finally:
        figures = ", ".join(f"{count:,} {what}" for what, count in tried.items())
        with capsys.disabled():
            print(f"\nState machine: {figures}, in {time.monotonic() - began:.0f} seconds.")  # noqa: T201 - how much was tried is what the reader wants to know
