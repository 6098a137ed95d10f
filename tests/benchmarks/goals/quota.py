"""The quota: never a 429 of one's own making, and no credit left that may be used."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import programme
from benchmarks.figures import Figure, Scale, at_least, at_most
from benchmarks.pair import Pair
from benchmarks.servers import Sandbox

if TYPE_CHECKING:
    from benchmarks.least import Entry

CREDITS, WINDOW_SECONDS, RESERVE_PERCENT = 200, 10, 10
"""A small quota for short runs. Its window must differ from the next one by more than 5 seconds, by
which the target tells windows from answers that come late."""
_LEAST_USED_PERCENT = 97


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        records = programme.write(home / "programme", scale.of(150, 60))
        with Sandbox(home, home / "programme") as sandbox:
            pair = Pair(home, sandbox.url)
            pair.configure(quota_reserve_percent=RESERVE_PERCENT)
            pair.read()
            sandbox.switch(quota_credits=CREDITS, quota_window_seconds=WINDOW_SECONDS)
            pair.load()
            log = [entry for entry in sandbox.log() if entry["side"] == "swoogo"]
    refused = sum(entry["status"] == HTTPStatus.TOO_MANY_REQUESTS for entry in log)
    *full, _ = _windows(log)
    allowed = CREDITS - CREDITS * RESERVE_PERCENT // 100
    used = 100 * sum(full) / (len(full) * allowed)
    what = f"First sync of {records} records at {CREDITS} credits per {WINDOW_SECONDS} s"
    return [
        at_most(f"{what}: answers of 429", refused, 0, f"{{}} (in {len(full) + 1} windows)"),
        at_least(
            f"{what}: credits used while work remains, in percent of what the reserve of "
            f"{RESERVE_PERCENT} % allows",
            used,
            _LEAST_USED_PERCENT,
            f"{{}} ({', '.join(map(str, full))} of {allowed})",
        ),
    ]


def _windows(log: list[Entry]) -> list[int]:
    """The credits of each window; one begins with the first call after the last has ended."""
    windows: list[int] = []
    ends: datetime | None = None
    for entry in log:
        at = datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
        if ends is None or at >= ends:
            ends = at + timedelta(seconds=WINDOW_SECONDS)
            windows.append(0)
        windows[-1] += entry["credits"]
    return windows
