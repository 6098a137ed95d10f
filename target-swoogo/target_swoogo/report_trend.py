"""The last runs beside this one, as figures and as the bars of a small chart. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from target_swoogo.report_json import summary

if TYPE_CHECKING:
    from target_swoogo.report import RunReport

HEIGHT = 64
"""Of the chart; the width is that of its bars."""

STEP = 16
"""From one bar to the next."""

_LEAST = 3
"""What happened at all can be seen."""


class Run(NamedTuple):
    """One run in the trend.

    Attributes:
        started_at: When it began, ISO 8601.
        seconds: How long it took.
        changed: Records created, updated and adopted, images sent and speakers linked.
        failed: Records and images that failed, and event pairs that were stopped.
        credits: Credits of Swoogo's quota.
        dry_run: Whether nothing was to be changed: then the changes are those it would have made.
        this: Whether it is the run of this report.
        bars: From below, the heights of changes and of failures in the chart.
    """

    started_at: str
    seconds: float
    changed: int
    failed: int
    credits: int
    dry_run: bool
    this: bool
    bars: tuple[int, int] = (0, 0)


def trend(report: RunReport) -> list[Run]:
    """The runs up to this one, the earliest first; none where this is the first."""
    if not report.past:
        return []
    runs = [
        _run(past.started_at, past.ended_at, past.summary, this=False)
        for past in reversed(report.past)
    ]
    started, ended = report.started.isoformat(), report.ended.isoformat()
    runs.append(_run(started, ended, summary(report), this=True))
    most = max(run.changed + run.failed for run in runs) or 1
    return [run._replace(bars=(_bar(run.changed, most), _bar(run.failed, most))) for run in runs]


def _run(started: str, ended: str, figures: dict[str, Any], *, this: bool) -> Run:
    # Of an earlier version, perhaps: what it does not say is 0.
    counts: Counter[str] = Counter()
    stopped = 0
    for pair in figures.get("pairs", ()):
        stopped += pair.get("error") is not None
        for of_kind in pair.get("counts", {}).values():
            counts.update(of_kind)
        counts.update(pair.get("links_and_images", {}))
    changed = ("created", "updated", "adopted", "images sent", "links linked", "links unlinked")
    failed = ("failed", "images failed", "links failed")
    lasted = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
    return Run(
        started,
        lasted.total_seconds(),
        sum(counts[name] for name in changed),
        stopped + sum(counts[name] for name in failed),
        figures.get("credits", 0),
        bool(figures.get("dry_run")),
        this,
    )


def _bar(amount: int, most: int) -> int:
    # Two bars of the least height must still fit above one another.
    return max(_LEAST, round(amount / most * (HEIGHT - 2 * _LEAST))) if amount else 0
