"""Two runs at once, as processes of their own: one ledger lets in one of them."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .invariants import assert_settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Pair

TARGET = Path(sys.executable).with_name("target-swoogo")
PAIRS = {4101: 77001, 4102: 77002}
AS_IT_IS = {"sanitize_html": False}
"""The demo's texts are harmless, and so are expected to arrive unchanged."""


class Run:
    """A target in a process of its own, which waits for its input.

    Args:
        config: The file with its settings.
        refused: Where it is put as soon as it says that the ledger is held.
    """

    def __init__(self, config: Path, refused: queue.Queue[Run]) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [TARGET, "--config", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=config.parent,
            text=True,
        )
        self.log = ""
        self._refused = refused
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            if "[ledger_held]" in line:
                self._refused.put(self)

    def write(self, text: str) -> None:
        """Give it input, with more to come."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Its exit code and output, once there is no more input."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        out = self.process.stdout.read()
        return self.process.wait(), out

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self.process.kill()
        self._reader.join()
        with self.process:
            pass


@pytest.fixture
def refused() -> queue.Queue[Run]:
    return queue.Queue()


@pytest.fixture
def start(pair: Pair, refused: queue.Queue[Run]) -> Iterator[Callable[..., Run]]:
    with ExitStack() as stack:

        def call(name: str, **overrides: Any) -> Run:
            config = pair.folder / f"{name}.json"
            config.write_text(json.dumps(pair.target_config(**AS_IT_IS, **overrides)))
            run = Run(config, refused)
            stack.callback(run.kill)
            return run

        yield call


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, pair: Pair) -> str:
    if request.param == "sqlite":
        url: str = pair.target_config()["ledger_url"]
    else:
        url = request.getfixturevalue("organisation")()
    return url


def start_together(
    start: Callable[..., Run], refused: queue.Queue[Run], ledger_url: str, messages: str
) -> tuple[Run, Run]:
    """Start two runs on one ledger; the one that got it, and waits for input, comes first."""
    runs = {start(name, ledger_url=ledger_url) for name in ("one", "other")}
    for run in runs:
        run.write(messages)
    stopped = refused.get(timeout=120)
    (working,) = runs - {stopped}
    return working, stopped


def test_of_two_runs_started_together_one_works_and_one_stops(
    pair: Pair, ledger_url: str, start: Callable[..., Run], refused: queue.Queue[Run]
) -> None:
    messages = pair.read()
    working, stopped = start_together(start, refused, ledger_url, messages)
    assert stopped.end() == (1, "")
    assert "Another run is at work on this ledger" in stopped.log
    assert "Traceback" not in stopped.log
    assert pair.calls() == [], "Swoogo has heard of neither"
    status, states = working.end()
    assert status == 0, working.log
    assert states
    assert_settled(pair.sandbox, PAIRS)
    since = pair.now
    pair.load(messages, ledger_url=ledger_url, **AS_IT_IS)
    assert pair.writes(since) == []


def test_a_run_that_was_killed_is_taken_up_at_once(
    pair: Pair, ledger_url: str, start: Callable[..., Run], refused: queue.Queue[Run]
) -> None:
    messages = pair.read()
    working, _ = start_together(start, refused, ledger_url, messages)
    working.kill()
    pair.load(messages, ledger_url=ledger_url, **AS_IT_IS)
    assert_settled(pair.sandbox, PAIRS)


def test_two_organisations_work_at_the_same_time_on_one_database(
    pair: Pair, organisation: Callable[[], str], start: Callable[..., Run]
) -> None:
    messages = pair.read()
    runs = [
        start(
            f"organisation {ours}",
            ledger_url=organisation(),
            report_path=str(pair.folder / f"reports {ours}"),
            event_mappings=[{"sessionboard_event_id": ours, "swoogo_event_id": theirs}],
        )
        for ours, theirs in PAIRS.items()
    ]
    for run in runs:
        run.write(messages)
    for run in runs:
        assert run.process.stdin is not None
        run.process.stdin.close()
    assert [run.end()[0] for run in runs] == [0, 0], [run.log for run in runs]
    assert_settled(pair.sandbox, PAIRS)
