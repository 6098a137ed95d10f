"""Peak memory of the target, from a thousand records to a hundred thousand.

Each figure is the largest resident set of a target in a process of its own, as the system counts
it. No run has anything to do in Swoogo, so none makes a call. Where all records are of the mapped
event, they are what the rules look at, and memory grows with the event; elsewhere it must not.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import messages
from benchmarks.figures import Figure, Scale, at_most
from benchmarks.processes import program, run

_MOST_GROWTH = 1.3


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    few, many = scale.of(1_000, 500), scale.of(100_000, 2_000)
    peaks = {count: _peaks(count) for count in (few, many)}
    figures = []
    for case in peaks[few]:
        what = f"Peak memory at {many:,} records against {few:,}: {case}"
        small, great = peaks[few][case], peaks[many][case]
        said = f"{{}} ({great:.0f} MB against {small:.0f} MB)"
        if case == "one event":
            figures.append(Figure(what, "", said.format(f"{great / small:.2f}")))
        else:
            figures.append(at_most(what, great / small, _MOST_GROWTH, said))
    return figures


def _peaks(count: int) -> dict[str, float]:
    """The peaks in MB: new records of other events, the same once more, and two cases more."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        messages.write(home / "messages", count, "other events")
        peaks = {"other events": _peak(home), "nothing new": _peak(home)}
    for case in ("sent again", "one event"):
        with TemporaryDirectory() as folder:
            home = Path(folder)
            messages.write(home / "messages", count, case)
            peaks[case] = _peak(home)
    return peaks


def _peak(home: Path) -> float:
    command = program("target-swoogo", "--config", messages.configure(home))
    return run(command, folder=home, stdin=home / "messages").peak[0]
