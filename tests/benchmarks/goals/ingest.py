"""How many records that the ledger has already go through the target in a second of one core."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import messages
from benchmarks.figures import Figure, Scale, at_least, medians
from benchmarks.processes import program, run

_LEAST_PER_SECOND = 30_000


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    count = scale.of(100_000, 20_000)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        messages.write(home / "messages", count, "other events")
        (home / "nothing").touch()
        target = program("target-swoogo", "--config", messages.configure(home))

        def cpu(name: str) -> float:
            return run(target, folder=home, stdin=home / name).cpu[0]

        cpu("messages")
        all_of_them, none = medians(
            scale.repetitions, lambda: cpu("messages"), lambda: cpu("nothing")
        )
    rate = count / (all_of_them - none)
    return [
        at_least(
            f"Ingest of {count:,} unchanged records of 2 KB: records per second of processor time, "
            f"start-up apart",
            rate,
            _LEAST_PER_SECOND,
            f"{{}} ({all_of_them:.2f} s, of which {none:.2f} s without records)",
        )
    ]
