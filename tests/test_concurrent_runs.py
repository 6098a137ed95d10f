"""Two runs at once, as processes of their own: one ledger lets in one of them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
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


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a target, which waits for its input."""
    with ExitStack() as stack:

        def call(pair: Pair, name: str, **overrides: Any) -> subprocess.Popen[str]:
            config = pair.folder / f"{name}.json"
            config.write_text(json.dumps(pair.target_config(**AS_IT_IS, **overrides)))
            process = subprocess.Popen(  # noqa: S603 - our own program
                [TARGET, "--config", config],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=pair.folder,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield call


def let_one_in(
    processes: list[subprocess.Popen[str]], line: str
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Give two targets the line on which they open the ledger; the one that got it comes first.

    That one waits for more input, so only the other can end.
    """
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(line)
        process.stdin.flush()
    pool = ThreadPoolExecutor()
    ends = {pool.submit(process.wait): process for process in processes}
    ended = wait(ends, timeout=120, return_when=FIRST_COMPLETED).done
    pool.shutdown(wait=False)
    stopped = ends[ended.pop()]
    (working,) = set(processes) - {stopped}
    return working, stopped


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, pair: Pair) -> str:
    if request.param == "sqlite":
        url: str = pair.target_config()["ledger_url"]
    else:
        url = request.getfixturevalue("organisation")()
    return url


def test_of_two_runs_started_together_one_works_and_one_stops(
    pair: Pair, ledger_url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    messages = pair.read()
    first, _, rest = messages.partition("\n")
    processes = [start(pair, name, ledger_url=ledger_url) for name in ("one", "other")]
    working, stopped = let_one_in(processes, f"{first}\n")
    out, log = stopped.communicate()
    assert (stopped.returncode, out) == (1, "")
    assert "Another run is at work on this ledger" in log
    assert log.count("[ledger_held]") == 1
    assert "Traceback" not in log
    states, report = working.communicate(rest)
    assert working.returncode == 0, report
    assert states
    assert_settled(pair.sandbox, PAIRS)
    since = pair.now
    pair.load(messages, ledger_url=ledger_url, **AS_IT_IS)
    assert pair.writes(since) == []


def test_a_run_that_was_killed_is_taken_up_at_once(
    pair: Pair, ledger_url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    messages = pair.read()
    first, _, _ = messages.partition("\n")
    processes = [start(pair, name, ledger_url=ledger_url) for name in ("one", "other")]
    working, _ = let_one_in(processes, f"{first}\n")
    working.kill()
    working.wait()
    pair.load(messages, ledger_url=ledger_url, **AS_IT_IS)
    assert_settled(pair.sandbox, PAIRS)


def test_two_organisations_work_at_the_same_time_on_one_database(
    pair: Pair,
    organisation: Callable[[], str],
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    messages = pair.read()
    mappings = {f"organisation {ours}": [(ours, theirs)] for ours, theirs in PAIRS.items()}
    runs = [
        start(
            pair,
            name,
            ledger_url=organisation(),
            report_path=str(pair.folder / name),
            event_mappings=[
                {"sessionboard_event_id": ours, "swoogo_event_id": theirs} for ours, theirs in pairs
            ],
        )
        for name, pairs in mappings.items()
    ]
    with ThreadPoolExecutor() as pool:
        logs = [log for _, log in pool.map(lambda run: run.communicate(messages), runs)]
    assert [run.returncode for run in runs] == [0, 0], logs
    assert_settled(pair.sandbox, PAIRS)
