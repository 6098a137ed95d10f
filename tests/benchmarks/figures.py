"""Figures, whether they meet their goals, and the table of them."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BEGIN = "<!-- figures: written by the benchmarks -->"
END = "<!-- end of the figures -->"


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        quick: A small part, to see that all works; its figures mean little.
        repetitions: How often each time is taken; the median counts.
    """

    quick: bool
    repetitions: int

    def of(self, full: int, quick: int) -> int:
        """A size."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Attributes:
        what: What was measured.
        goal: What it should be; empty for what has no goal.
        measured: What it was.
        met: Whether the goal is met; None without one.
    """

    what: str
    goal: str
    measured: str
    met: bool | None = None


def at_most(what: str, value: float, most: float, said: str) -> Figure:
    """A figure that must not exceed a bound; `said` holds `{}` for the value."""
    return Figure(what, f"≤ {most:g}", said.format(_short(value)), value <= most)


def at_least(what: str, value: float, least: float, said: str) -> Figure:
    """A figure that must reach a bound; `said` holds `{}` for the value."""
    return Figure(what, f"≥ {least:g}", said.format(_short(value)), value >= least)


def medians(repetitions: int, *runs: Callable[[], float]) -> list[float]:
    """Take several times in turn, so that what else the machine does falls on all of them.

    Args:
        repetitions: How often.
        runs: Each does its work and gives its figure.

    Returns:
        The median of each.
    """
    taken = [[run() for run in runs] for _ in range(repetitions)]
    return [median(column) for column in zip(*taken, strict=True)]


def table(figures: Iterable[Figure]) -> str:
    """The figures in Markdown."""
    verdicts = {True: "met", False: "**missed**", None: ""}
    lines = ["| what | goal | measured | verdict |", "|---|---|---|---|"]
    lines += [f"| {f.what} | {f.goal} | {f.measured} | {verdicts[f.met]} |" for f in figures]
    return "\n".join(lines)


def machine() -> str:
    """The machine and the Python that the figures are of."""
    cores = os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def write(path: Path, text: str) -> None:
    """Put the figures between their two markers in a document.

    Raises:
        ValueError: The document lacks the markers.
    """
    document = path.read_text(encoding="utf-8")
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = f"{path} lacks the markers {BEGIN} and {END}"
        raise ValueError(message)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.exists():
        for line in known.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
