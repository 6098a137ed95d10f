"""Starting up: how long the target takes to say its version and its settings, and on what."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Scale, medians
from benchmarks.processes import competitor, program, run

_HEAVIEST = 5


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        asked = ("--version", "--about")
        nothing, *ours = medians(
            2 * scale.repetitions,
            lambda: run(competitor("empty_target", "--version"), folder=home).seconds,
            *(
                lambda option=option: run(program("target-swoogo", option), folder=home).seconds
                for option in asked
            ),
        )
    figures = []
    for option, seconds in zip(asked, ours, strict=True):
        imports = _imports(option)
        packages: Counter[str] = Counter()
        for name, own in imports.items():
            packages[name.partition(".")[0]] += own
        heaviest = packages.most_common(_HEAVIEST)
        named = ", ".join(f"{name} {own / 1000:.0f}" for name, own in heaviest)
        figures.append(
            Figure(
                f"`target-swoogo {option}`",
                "",
                f"{seconds:.2f} s (an empty target of the SDK: {nothing:.2f} s); {len(imports):,} "
                f"modules; the heaviest packages in ms: {named}",
            )
        )
    return figures


def _imports(option: str) -> dict[str, int]:
    """Microseconds that each imported module takes itself."""
    command = [sys.executable, "-X", "importtime", program("target-swoogo")[0], option]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr  # noqa: S603
    rows = [line.removeprefix("import time:").split("|") for line in told.splitlines()]
    return {
        name.strip(): int(own)
        for own, _, name in (row for row in rows if len(row) == 3)
        if own.strip().isdecimal()
    }
