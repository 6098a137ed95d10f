"""The crash matrix: the target is killed wherever it can be, and runs again.

The sync that is cut off has one of everything: rooms, tracks, sessions, speakers and sponsors that
are created, updated, adopted from what somebody made by hand or found deleted; links, images, and
fields edited by hand. It is killed (SIGKILL) at each point that `crash_driver` counts. Then it runs
twice more: at once, while Swoogo's lists do not show what was just created, and after that lag. Now
Swoogo must hold what `invariants` says: each record exactly once, every field, link and image
right.

``CRASH_PAIRS=all`` tries every second kill during the recovery instead of a sample of them, which
takes hours; a number tries that many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.request import urlopen

import pytest
from sandbox.server import Sandbox

from .checkpoint import Checkpoint
from .conftest import Pair
from .invariants import Exceptions, differences
from .small_programme import (
    EVENT,
    MAPPINGS,
    PAIRS,
    SWOOGO_EVENT,
    person,
    picture,
    sponsor,
    times,
    without_properties,
    write_programme,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")
KILLED = -9
_STAGES = 2
_WRITTEN = ("after POST", "after PUT", "after DELETE")
_LAG = 60
_SAMPLE = 30
_DRIVER = Path(__file__).with_name("crash_driver.py")
_TOMBSTONES = (("sessions", "lost"), ("sessions", "gone"), ("locations", "attic"))
_BY_HAND = "Written in Swoogo."
_UPDATES = (
    ("rooms", "hall", "name", "Great Hall", "Grand Hall"),
    ("tracks", "craft", "name", "Craft", "Crafts"),
    ("sessions", "opening", "title", "Opening", "Grand opening"),
    ("sessions", "opening", "description", "<p>All about opening.</p>", None),
    ("sessions", "closing", "capacity", None, 10),
    ("sessions", "lost", "description", "<p>All about lost.</p>", "Never to be seen."),
    ("people", "ada", "title", "Weaver", "Master weaver"),
    ("people", "ben", "photo_url", picture("ben"), picture("ben-2")),
    ("sponsors", "loom", "website_url", "https://loom.example.org", "https://new.example.org"),
)
"""What is edited in Sessionboard: kind, id, field, old and new value."""


@dataclass(frozen=True)
class Cut:
    """What came of a sync that was cut off.

    Attributes:
        kills: How many of the kills came; a run may end before it meets its point.
        problems: What was wrong after the recovery.
        recovery: How many points the recovery itself had.
    """

    kills: int
    problems: list[str]
    recovery: int = 0


@dataclass(frozen=True)
class Stage:
    """Two sides and a ledger before the sync in question, and the means to run and cut it."""

    pair: Pair
    driver: subprocess.Popen[str]
    before: Checkpoint

    def run(self, messages: str, kill_at: int | None = None, **config: Any) -> dict[str, Any]:
        """One run of the target on what is there."""
        settings = self.pair.target_config(max_workers=1)
        settings |= {"unlink_removed_speakers": True} | config
        job = {
            "config": settings,
            "messages": str(self.pair.folder / messages),
            "folder": str(self.pair.folder),
            "kill_at": kill_at,
        }
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        self.driver.stdin.write(f"{json.dumps(job)}\n")
        self.driver.stdin.flush()
        result: dict[str, Any] = json.loads(self.driver.stdout.readline())
        if result["status"] != 0:
            self._let_the_server_finish()
        return result

    def _let_the_server_finish(self) -> None:
        """What the dead process sent off last is served before a connection made after it."""
        for _ in range(3):
            with urlopen(f"{self.pair.sandbox.url}/_sandbox/health"):  # noqa: S310 - our own server
                pass

    def points(self, **config: Any) -> list[str]:
        """The points of the sync when nothing happens to it; it must come out right."""
        self.before.restore(self.pair)
        result = self.run("all.jsonl", **config)
        assert result["status"] == 0, self.output
        assert self.differences() == []
        points: list[str] = result["points"]
        return points

    @property
    def output(self) -> str:
        """What the last run wrote to standard error."""
        return (self.pair.folder / "stderr").read_text(encoding="utf-8")

    def differences(self) -> list[str]:
        """What is wrong in Swoogo."""
        exceptions = Exceptions(
            values={("sessions", "closing"): {"description": _BY_HAND}}, absent=_TOMBSTONES
        )
        return differences(self.pair.sandbox, PAIRS, exceptions=exceptions)

    def cut(self, *kills: int, change_back: bool = False, **config: Any) -> Cut:
        """Kill the sync, and the run after it, at these points; then let it recover.

        Args:
            kills: The points.
            change_back: Before the recovery, Sessionboard's edits are taken back.
            config: Settings of the target.
        """
        self.before.restore(self.pair)
        sandbox = self.pair.sandbox
        sandbox.faults(quota_enabled=False, list_lag_seconds=_LAG)
        messages, done = "all.jsonl", 0
        for kill in kills:
            result = self.run(messages, kill, **config)
            if result["status"] not in {0, KILLED}:
                return Cut(done, [f"the run to be killed failed: {self.output}"])
            done += result["status"] == KILLED
            if result["states"]:
                # The bookmark has moved: the tap sends nothing of this again.
                messages = "nothing.jsonl"
        if change_back:
            _change_back(sandbox)
            messages = "back.jsonl"
        recovery = self.run(messages, **config)
        if recovery["status"]:
            return Cut(done, [f"the run after the kill failed: {self.output}"])
        sandbox.advance(_LAG + 1)
        settling = self.run("nothing.jsonl", list_lag_seconds=0, **config)
        if settling["status"]:
            return Cut(done, [f"the last run failed: {self.output}"])
        return Cut(done, self.differences(), len(recovery["points"]))


@dataclass(frozen=True)
class Stages:
    """Several stages side by side, so that every processor has something to do."""

    all: list[Stage]

    def cut(self, kills: Iterable[tuple[int, ...]], **config: Any) -> list[Cut]:
        """Try each of these kills; what came of them, in their order."""
        free: Queue[Stage] = Queue()
        for stage in self.all:
            free.put(stage)

        def cut(kill: tuple[int, ...]) -> Cut:
            stage = free.get()
            try:
                return stage.cut(*kill, **config)
            finally:
                free.put(stage)

        with ThreadPoolExecutor(len(self.all)) as pool:
            return list(pool.map(cut, kills))


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("crash") for _ in range(_STAGES)]
        yield Stages([stack.enter_context(_stage(folder)) for folder in folders])


@pytest.fixture(scope="module")
def stage(stages: Stages) -> Stage:
    return stages.all[0]


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    program = write_programme(folder / "programme")
    command = [sys.executable, str(_DRIVER)]
    with (
        Sandbox(folder / "sandbox", program) as sandbox,
        subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as driver,
    ):
        pair = Pair(sandbox, folder, MAPPINGS)
        pair.sync()
        _edit_both_sides(sandbox)
        sandbox.advance(_LAG + 1)
        before = Checkpoint.take(pair)
        messages = without_properties(pair.read()).splitlines()
        quiet = [line for line in messages if json.loads(line)["type"] != "RECORD"]
        _change_back(sandbox)
        back = without_properties(pair.read()).splitlines()
        files = {"all": messages, "nothing": quiet, "back": back}
        for name, lines in files.items():
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
        yield Stage(pair, driver, before)
        assert driver.stdin is not None
        driver.stdin.close()


def _edit_both_sides(sandbox: Sandbox) -> None:
    """Everything that the sync has to bring over, or to find out."""

    def create(kind: str, **fields: Any) -> None:
        sandbox.edit({"op": "create", "kind": kind, "fields": {"event_id": EVENT, **fields}})

    def session(session_id: str, hour: int, room: str, track: str | None, *people: str) -> None:
        create(
            "sessions",
            id=session_id,
            title=session_id.capitalize(),
            description=f"<p>{session_id}</p>",
            status="accepted",
            room_id=room,
            track_id=track,
            **_same_day(sandbox, hour),
        )
        for person_id in people:
            cast(session_id, person_id)

    def cast(session_id: str, person_id: str) -> None:
        sandbox.edit({"op": "add_participant", "session_id": session_id, "person_id": person_id})

    def by_hand(op: str, kind: str, row_id: int | None = None, **fields: Any) -> None:
        edit = {"op": op, "side": "swoogo", "kind": kind, "id": row_id, "fields": fields}
        sandbox.edit(edit)

    def in_swoogo(kind: str, name: str) -> int:
        rows = sandbox.state.swoogo[kind].values()
        return next(int(row["id"]) for row in rows if row["name"] == name)

    # Made and edited in Sessionboard.
    create("rooms", id="lab", name="Lab", capacity=30)
    create("rooms", id="foyer", name="Foyer", capacity=80)
    create("tracks", id="science", name="Science")
    create("people", **person("cyd", "Cyd", "Cole"))
    create("people", **person("dee", "Dee", "Dorn"))
    create("sponsors", **sponsor("spool", "Spool"))
    create("sponsors", **sponsor("felt", "Felt"))
    session("dyeing", 13, "lab", "science", "ada", "cyd")
    session("knots", 14, "attic", None, "ada")
    session("panel", 15, "foyer", "craft", "dee")
    cast("gone", "cyd")
    off = {"op": "remove_participant", "session_id": "weaving", "person_id": "ben"}
    sandbox.edit(off)
    for kind, row_id, name, _, new in _UPDATES:
        _update(sandbox, kind, row_id, {name: new})

    # Made, edited and deleted in Swoogo by hand.
    panel: dict[str, Any] = {"name": "Panel", "description": "To be announced."}
    panel |= {"date": _day_in_swoogo(sandbox), "start_time": "15:00:00", "end_time": "16:00:00"}
    by_hand("create", "sessions", event_id=SWOOGO_EVENT, **panel)
    dee: dict[str, Any] = {"email": "Dee@example.org", "first_name": "D.", "last_name": "Dorn"}
    by_hand("create", "speakers", event_id=SWOOGO_EVENT, **dee)
    by_hand("create", "sponsors", event_id=SWOOGO_EVENT, name="Felt", level=None)
    by_hand("create", "locations", event_id=SWOOGO_EVENT, name="foyer", capacity=80)
    by_hand("update", "sessions", in_swoogo("sessions", "Closing"), description=_BY_HAND)
    by_hand("delete", "sessions", in_swoogo("sessions", "Lost"))
    by_hand("delete", "sessions", in_swoogo("sessions", "Gone"))
    by_hand("delete", "locations", in_swoogo("locations", "Attic"))


def _change_back(sandbox: Sandbox) -> None:
    """Take back what was edited in Sessionboard; what was made there stays."""
    for kind, row_id, name, old, _ in _UPDATES:
        _update(sandbox, kind, row_id, {name: old})
    sandbox.edit({"op": "add_participant", "session_id": "weaving", "person_id": "ben"})


def _update(sandbox: Sandbox, kind: str, row_id: str, fields: dict[str, Any]) -> None:
    sandbox.edit({"op": "update", "kind": kind, "id": row_id, "fields": fields})


def _same_day(sandbox: Sandbox, hour: int) -> dict[str, str]:
    """Start and end on the day on which the sandbox has put the programme."""
    opening = sandbox.state.programme["sessions"]["opening"]
    shift = _hour(opening["starts_at"]) - _hour(times(9)["starts_at"])
    return {
        name: f"{opening['starts_at'][:11]}{_hour(text) + shift:02}{text[13:]}"
        for name, text in times(hour).items()
    }


def _hour(stamp: str) -> int:
    return int(stamp[11:13])


def _day_in_swoogo(sandbox: Sandbox) -> str:
    days = {str(row["date"]) for row in sandbox.state.swoogo["sessions"].values()}
    (day,) = days
    return day


def _tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Show a figure in pytest's output, whether or not the test passes."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def _spread(choices: Sequence[T], count: int) -> list[T]:
    """As many of the choices, evenly spread; always the same ones."""
    step = max(len(choices) / count, 1)
    return [choices[int(number * step)] for number in range(min(count, len(choices)))]


@dataclass(frozen=True)
class Matrix:
    """One kill at each point, and what came of it."""

    points: list[str]
    cuts: list[Cut]


@pytest.fixture(scope="module")
def matrix(stages: Stages) -> Matrix:
    points = stages.all[0].points()
    return Matrix(points, stages.cut((number,) for number in range(1, len(points) + 1)))


def test_the_sync_has_one_of_everything(stage: Stage) -> None:
    points = stage.points()
    report = json.loads((stage.pair.folder / "reports/latest.json").read_text())
    (only,) = report["pairs"]
    done = Counter((action["kind"], action["action"]) for action in only["actions"])
    kinds = ("location", "track", "session", "speaker", "sponsor")
    for kind in kinds:
        assert done[kind, "create"] > 0, kind
        assert done[kind, "update"] > 0, kind
    for kind in ("location", "session", "speaker", "sponsor"):
        assert done[kind, "adopt"] > 0, kind
    assert done["speaker", "link"] >= 2
    assert done["speaker", "unlink"] == 1
    assert done["speaker", "image"] > 0
    assert done["sponsor", "image"] > 0
    assert {(n["kind"], n["code"]) for n in only["skipped"]} >= {("session", "deleted_in_swoogo")}
    assert sum(point == "before a commit" for point in points) > 20
    assert sum(" /media/" in point for point in points) >= 6, "images count too"


def test_a_kill_at_any_point(matrix: Matrix, capsys: pytest.CaptureFixture[str]) -> None:
    kills = [(number,) for number in range(1, len(matrix.points) + 1)]
    _tell(capsys, f"Crash matrix: killed at each of {len(matrix.points)} points.")
    assert _problems(kills, matrix.cuts) == ""
    assert all(cut.kills == 1 for cut in matrix.cuts)


def test_a_second_kill_during_the_recovery(
    stages: Stages, matrix: Matrix, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [
        (first, second)
        for first, cut in enumerate(matrix.cuts, 1)
        for second in range(1, cut.recovery + 1)
    ]
    wanted = os.environ.get("CRASH_PAIRS", str(_SAMPLE))
    tried = pairs if wanted == "all" else _spread(pairs, int(wanted))
    _tell(capsys, f"Second kills: {len(tried)} of {len(pairs)} pairs of points.")
    cuts = stages.cut(tried)
    assert _problems(tried, cuts) == ""
    assert all(cut.kills == 2 for cut in cuts)


def test_a_kill_after_which_sessionboard_changes_back(
    stages: Stages, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    # Swoogo has taken it, and the ledger does not know.
    tried = [(n,) for n, point in enumerate(stage.points(), 1) if point.startswith(_WRITTEN)]
    _tell(capsys, f"Killed after each of {len(tried)} writes, then everything changes back.")
    assert _problems(tried, stages.cut(tried, change_back=True)) == ""


def test_a_kill_while_several_calls_are_under_way(
    stages: Stages, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(stage.points(max_workers=4))
    tried = [(number,) for number in _spread(range(1, count + 1), _SAMPLE)]
    cuts = stages.cut(tried, max_workers=4)
    # How many commits there are depends on which calls end together.
    came = sum(cut.kills for cut in cuts)
    _tell(capsys, f"Four workers: killed at {came} of about {count} points.")
    assert _problems(tried, cuts) == ""
    assert came > len(tried) / 2


def _problems(kills: Iterable[tuple[int, ...]], cuts: Iterable[Cut]) -> str:
    return "\n".join(
        f"killed at {' and '.join(map(str, kill))}: {problem}"
        for kill, cut in zip(kills, cuts, strict=True)
        for problem in cut.problems
    )
