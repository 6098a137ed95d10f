"""What carrying out a plan would cost: credits, windows of the quota, and time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

LIMIT = 2000
"""Credits of a window, where Swoogo has not told them yet (Swoogo's current documentation)."""

WINDOW_SECONDS = 600
"""How long a window lasts (the same)."""

INTERVAL_MINUTES = 30
"""How often a sync is meant to run."""

_CALL_SECONDS = 0.5
"""How long a call is taken to last, all in all; more than it should be, so that few are early."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The price of a plan.

    Attributes:
        credits: Credits of Swoogo's quota.
        minutes: How long it takes, waits for new windows included.
        windows: Over how many windows of the quota it extends; 0 where nothing is to be done.
        fits_window: Whether what is left of the present window is enough.
        fits_interval: Whether one run can do it: within `INTERVAL_MINUTES` and its time budget.
        sentence: All this for people.
    """

    credits: int
    minutes: float
    windows: int
    fits_window: bool
    fits_interval: bool
    sentence: str


def estimate(
    cost: int,
    *,
    reserve_percent: int,
    budget_minutes: int,
    workers: int,
    limit: int = LIMIT,
    left: int | None = None,
    resets_in: float = WINDOW_SECONDS,
) -> Estimate:
    """Say what a run would use.

    Args:
        cost: Credits of everything that is to be done.
        reserve_percent: Share of the quota that is left to other programs.
        budget_minutes: How long a run may take.
        workers: How many calls run at once.
        limit: Credits of a window.
        left: Credits left in the present window; None when Swoogo was not asked: a full one.
        resets_in: Seconds until the next window.

    Returns:
        The estimate.
    """
    reserve = limit * reserve_percent // 100
    usable, later = max((limit if left is None else left) - reserve, 0), max(limit - reserve, 1)
    further = ceil(max(cost - usable, 0) / later)
    waiting = resets_in + (further - 1) * WINDOW_SECONDS if further else 0.0
    rest = cost - usable - (further - 1) * later if further else cost
    minutes = (waiting + ceil(rest / workers) * _CALL_SECONDS) / 60
    allowed = min(budget_minutes, INTERVAL_MINUTES)
    fits = minutes <= allowed
    if not cost:
        sentence = "Nothing would be sent to Swoogo."
    else:
        priced = f"{cost:,} credit{'' if cost == 1 else 's'}"
        sentence = f"It would use {priced} of Swoogo's quota and take {_time(minutes)}: "
        if not further:
            sentence += f"that fits into the {usable:,} credits that may be used of this window."
        elif fits:
            sentence += f"more than is left of this window, so it waits for {_more(further)}."
        else:
            sentence += (
                f"more than one run may take ({allowed} minutes), so later runs complete it; "
                f"the soonest sessions go first."
            )
    return Estimate(cost, minutes, further + 1 if cost else 0, not further, fits, sentence)


def _time(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    whole = ceil(minutes)
    return f"about {whole:,} minutes" if whole > 1 else "about a minute"


def _more(windows: int) -> str:
    return "the next one" if windows == 1 else f"{windows:,} more of 10 minutes each"
