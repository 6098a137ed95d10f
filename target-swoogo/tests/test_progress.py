"""Progress: a line every few seconds, and none for a short run."""

from __future__ import annotations

import pytest
from target_swoogo.progress import Progress


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


def watched(clock: Clock, *, every: float = 10, left: int | None = 1250) -> Progress:
    return Progress("Spring Summit", 431, every, lambda: left, clock=clock)


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_a_line_tells_how_far_it_is(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    progress = watched(clock)
    clock.now += 9.9
    progress.reached(100)
    assert lines(caplog) == []
    clock.now += 0.1
    progress.reached(140)
    assert lines(caplog) == [
        "Spring Summit: 140 of 431 done, 14 per second, 1,250 credits left, about 21 s to go"
    ]
    clock.now += 9
    progress.reached(200)
    assert len(lines(caplog)) == 1
    clock.now += 1
    progress.reached(200)
    assert len(lines(caplog)) == 2


def test_a_slow_run_is_told_in_minutes(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    progress = watched(clock, left=None)
    clock.now += 60
    progress.reached(30)
    assert lines(caplog) == ["Spring Summit: 30 of 431 done, 0.5 per second, about 13 min to go"]


def test_a_run_that_stands_still_says_so(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    progress = watched(clock)
    clock.now += 10
    progress.reached(0)
    assert lines(caplog) == ["Spring Summit: 0 of 431 done, 0 per second, 1,250 credits left"]


@pytest.mark.parametrize(("every", "done"), [(0, 5), (10, 431)], ids=["never", "done"])
def test_there_is_nothing_to_tell(
    clock: Clock, caplog: pytest.LogCaptureFixture, every: float, done: int
) -> None:
    progress = watched(clock, every=every)
    clock.now += 100
    progress.reached(done)
    assert lines(caplog) == []
