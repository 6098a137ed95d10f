"""The estimate: credits, windows and minutes, and whether one run can do it."""

from __future__ import annotations

import pytest
from target_swoogo.estimate import Estimate, estimate


def of(cost: int, *, left: int | None = None, resets_in: float = 600) -> Estimate:
    return estimate(
        cost, reserve_percent=10, budget_minutes=25, workers=8, left=left, resets_in=resets_in
    )


@pytest.mark.parametrize(
    ("cost", "left", "windows", "minutes", "fits"),
    [
        (0, None, 0, 0, (True, True)),
        (1800, None, 1, 2, (True, True)),
        (1801, None, 2, 10, (False, True)),
        (100, 300, 1, 0, (True, True)),
        (101, 300, 2, 10, (False, True)),
        (5400, None, 3, 22, (False, True)),
        (5401, None, 4, 30, (False, False)),
        (5, 0, 2, 10, (False, True)),
    ],
)
def test_the_price_of_a_plan(
    cost: int, left: int | None, windows: int, minutes: float, fits: tuple[bool, bool]
) -> None:
    price = of(cost, left=left)
    assert (price.credits, price.windows) == (cost, windows)
    assert round(price.minutes) == minutes
    assert (price.fits_window, price.fits_interval) == fits


def test_a_window_that_ends_soon_is_a_short_wait() -> None:
    assert of(101, left=300, resets_in=60).minutes < 2


@pytest.mark.parametrize(
    ("cost", "left", "sentence"),
    [
        (0, None, "Nothing would be sent to Swoogo."),
        (
            431,
            None,
            (
                "It would use 431 credits of Swoogo's quota and take less than a minute: that fits "
                "into the 1,800 credits that may be used of this window."
            ),
        ),
        (
            431,
            231,
            (
                "It would use 431 credits of Swoogo's quota and take about 11 minutes: more than "
                "is left of this window, so it waits for the next one."
            ),
        ),
        (
            10_000,
            None,
            (
                "It would use 10,000 credits of Swoogo's quota and take about 52 minutes: more "
                "than one run may take (25 minutes), so later runs complete it; the soonest "
                "sessions go first."
            ),
        ),
    ],
)
def test_the_sentence_for_people(cost: int, left: int | None, sentence: str) -> None:
    assert of(cost, left=left).sentence == sentence


def test_a_reserve_of_nearly_everything_is_no_division_by_zero() -> None:
    price = estimate(
        5, reserve_percent=90, budget_minutes=25, workers=1, limit=1, left=0, resets_in=0
    )
    assert price.windows > 1
