"""Staying inside Swoogo's quota."""

from __future__ import annotations

import pytest
from target_swoogo.quota import Quota, QuotaSpent


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def quota(clock: Clock, *, reserve: int = 10, deadline: float = 1500) -> Quota:
    return Quota(reserve, deadline, clock=clock, sleep=clock.sleep)


def headers(left: int, reset: int = 300, limit: int = 2000) -> dict[str, str]:
    return {
        "X-Rate-Limit-Limit": str(limit),
        "X-Rate-Limit-Remaining": str(left),
        "X-Rate-Limit-Reset": str(reset),
    }


def test_the_reserve_is_left_alone_until_the_window_is_renewed(clock: Clock) -> None:
    credit = quota(clock)
    credit.acquire(1)
    credit.settle(1, headers(left=201))
    credit.acquire(1)
    assert clock.slept == [], "one credit above the reserve of 200 may be used"
    credit.settle(1, headers(left=200))
    credit.acquire(1)
    assert clock.slept == [301]


def test_calls_under_way_count_before_they_are_answered(clock: Clock) -> None:
    credit = quota(clock)
    credit.acquire(1)
    credit.settle(1, headers(left=202))
    credit.acquire(1)
    credit.acquire(1)
    credit.acquire(1)
    assert clock.slept == [301], "the third would have gone into the reserve"


def test_an_answer_that_was_overtaken_does_not_raise_the_figure(clock: Clock) -> None:
    credit = quota(clock)
    for _ in range(3):
        credit.acquire(1)
    credit.settle(1, headers(left=1000))
    credit.settle(1, headers(left=998))
    credit.settle(1, headers(left=999))
    assert credit.left == 998


def test_a_new_window_starts_afresh(clock: Clock) -> None:
    credit = quota(clock)
    credit.acquire(1)
    credit.settle(1, headers(left=500, reset=300))
    clock.now = 400
    credit.acquire(1)
    credit.settle(1, headers(left=1999, reset=500))
    assert credit.left == 1999


@pytest.mark.parametrize("limit", [20_000, 80])
def test_what_was_assumed_is_forgotten_once_swoogo_tells(clock: Clock, limit: int) -> None:
    credit = quota(clock)
    credit.acquire(1)
    credit.acquire(1)
    credit.settle(1, headers(left=limit - 1, reset=600, limit=limit))
    assert credit.left == limit - 1
    credit.settle(1, {})
    for left in range(limit - 2, limit // 10, -1):
        credit.acquire(1)
        credit.settle(1, headers(left=left, reset=600, limit=limit))
    assert clock.slept == [], "all but its own reserve may be used"
    credit.acquire(2)
    assert clock.slept == [601]


def test_a_429_in_a_window_that_was_only_assumed_is_believed(clock: Clock) -> None:
    credit = quota(clock)
    credit.acquire(1)
    credit.acquire(1)
    credit.exhausted(300)
    credit.settle(1, headers(left=1000, reset=300))
    credit.acquire(1)
    assert clock.slept == [301], "the answer was under way before"


def test_waiting_past_the_deadline_ends_the_run_instead(clock: Clock) -> None:
    credit = quota(clock, deadline=200)
    credit.acquire(1)
    credit.settle(1, headers(left=100))
    with pytest.raises(QuotaSpent):
        credit.acquire(1)
    assert clock.slept == []


def test_nothing_starts_after_the_deadline(clock: Clock) -> None:
    credit = quota(clock, deadline=10)
    clock.now = 11
    with pytest.raises(QuotaSpent):
        credit.acquire(1)


def test_a_429_waits_as_long_as_it_says(clock: Clock) -> None:
    credit = quota(clock)
    credit.acquire(1)
    credit.settle(1, headers(left=1500))
    credit.exhausted(42)
    credit.acquire(1)
    assert clock.slept == [43]


def test_a_wait_is_cut_short_when_the_run_is_to_end(clock: Clock) -> None:
    credit = Quota(10, 1500, clock=clock, sleep=lambda _: True)
    credit.acquire(1)
    credit.settle(1, headers(left=100))
    with pytest.raises(QuotaSpent):
        credit.acquire(1)


def test_credits_are_counted(clock: Clock) -> None:
    credit = quota(clock)
    for cost in (1, 10, 1):
        credit.acquire(cost)
        credit.settle(cost, {})
    assert credit.spent == 12
    assert credit.left == 1988, "without headers its own count must do"
