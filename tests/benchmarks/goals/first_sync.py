"""A first sync: its credits against the least possible, its time against others and the limit."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import least, programme
from benchmarks.figures import Figure, Scale, at_least, at_most, medians
from benchmarks.pair import Pair
from benchmarks.processes import competitor, foreign, run
from benchmarks.servers import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.processes import Spent

LATENCY_MS = 100
WORKERS = 8
_CREDITS, _WALL_TIME, _USUAL, _DLT = 1.03, 1.15, 6.0, 3.0


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    sessions = scale.of(300, 20)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        records = programme.write(home / "programme", sessions)
        with Sandbox(home, home / "programme") as sandbox:
            pair = Pair(home, sandbox.url)
            pair.configure(max_workers=WORKERS)
            pair.read()
            sandbox.switch()
            pair.load()
            log = sandbox.log()
            spent, fewest = least.credits_spent(log), least.least_credits(log)
            cost = at_most(
                f"First sync of {records} records: credits, against the least possible",
                spent / fewest,
                _CREDITS,
                f"{{}} ({spent} credits against {fewest})",
            )
            return [cost, *_times(scale, pair, sandbox, log, records)]


def _times(
    scale: Scale, pair: Pair, sandbox: Sandbox, log: list[least.Entry], records: int
) -> list[Figure]:
    home, swoogo = pair.folder, f"{sandbox.url}/swoogo/api/v1"
    keys = {"consumer_key": "sandbox-key", "consumer_secret": "sandbox-secret"}
    usual = home / "usual.json"
    usual.write_text(
        json.dumps({"api_url": swoogo, "swoogo_event_id": programme.SWOOGO_EVENT, **keys}),
        encoding="utf-8",
    )
    by_usual = competitor("record_sink", "--config", usual)
    dlt = foreign("dlt_sync", f"{sandbox.url}/sessionboard", swoogo)

    wanted = least.done(log)

    def anew(work: Callable[[], Spent]) -> Callable[[], float]:
        def timed() -> float:
            pair.start_over()
            sandbox.reset()
            sandbox.switch(latency_ms=LATENCY_MS)
            spent = work()
            if (done := least.done(sandbox.log())) != wanted:
                message = f"one of those compared did {done} instead of {wanted}"
                raise RuntimeError(message)
            return spent.seconds

        return timed

    target, limit, whole = medians(
        scale.repetitions,
        anew(pair.load),
        anew(lambda: least.send(log, home, sandbox.url, WORKERS)),
        anew(pair.sync),
    )
    # These take minutes, and differ by far more than one run from the next.
    by_record, by_dlt = medians(
        1,
        anew(lambda: run(by_usual, folder=home, stdin=pair.messages)),
        anew(lambda: run(dlt, folder=home)),
    )
    what = f"First sync of {records} records at {LATENCY_MS} ms"
    return [
        at_most(
            f"{what}: the target's time, against a bare pool of {WORKERS} workers",
            target / limit,
            _WALL_TIME,
            f"{{}} ({target:.1f} s against {limit:.1f} s)",
        ),
        at_least(
            f"{what}: times as fast as a target written the usual way",
            by_record / target,
            _USUAL,
            f"{{}} ({target:.1f} s against {by_record:.1f} s)",
        ),
        at_least(
            f"{what}, read included: times as fast as dlt",
            by_dlt / whole,
            _DLT,
            f"{{}} ({whole:.1f} s against {by_dlt:.1f} s)",
        ),
    ]
