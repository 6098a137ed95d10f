"""Runs the target in forked processes, each of which can be killed at a chosen point.

Started as a program of its own, it has everything imported and no threads, so that a fork is both
quick and safe. Jobs come as lines of JSON on standard input, results go out as lines of JSON:

    {"config": {…}, "messages": "tap.jsonl", "folder": "out", "kill_at": 7}
    {"status": -9, "states": 1, "points": []}

A point lies before and after every request that leaves the process (the API's and the images' all
pass urllib3) and every commit of the ledger (all pass SQLAlchemy's dialect). They are counted as
they are met, so whatever the target learns to do joins by itself. `status` is the target's exit
code, or minus the signal that ended it; `states` is how many STATE lines it printed; `points` names
the points that a run met which was not killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Pool, event
from sqlalchemy.engine.default import DefaultDialect
from target_swoogo.target import TargetSwoogo
from urllib3.connectionpool import HTTPConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable


class Points:
    """Counts the points that a run meets, and ends the process at one of them.

    Args:
        kill_at: The number of that point, from 1; None for none.
    """

    def __init__(self, kill_at: int | None) -> None:
        self.met: list[str] = []
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def meet(self, name: str) -> None:
        """Count a point."""
        with self._lock:
            self.met.append(name)
            if len(self.met) == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: type, method: str, name: Callable[..., str]) -> None:
        """Put a point before and one after every call of a method."""
        original = getattr(owner, method)

        def watched(self_: object, *args: Any, **kwargs: Any) -> Any:
            what = name(*args, **kwargs)
            self.meet(f"before {what}")
            result = original(self_, *args, **kwargs)
            self.meet(f"after {what}")
            return result

        setattr(owner, method, watched)


def run(job: dict[str, Any]) -> None:
    """Run the target once, in this process, and leave the points it met in the job's folder."""
    event.listen(Pool, "checkout", _do_not_wait_for_the_disk)
    points = Points(job["kill_at"])
    points.watch(HTTPConnectionPool, "urlopen", _request_name)
    points.watch(DefaultDialect, "do_commit", lambda *_: "a commit")
    with Path(job["messages"]).open(encoding="utf-8") as messages:
        TargetSwoogo(config=job["config"]).listen(messages)
    (Path(job["folder"]) / "points").write_text(json.dumps(points.met))


def _do_not_wait_for_the_disk(connection: Any, *_: object) -> None:
    """A process that is killed loses nothing it has written; only a power cut would."""
    connection.execute("PRAGMA synchronous = OFF")


def _request_name(method: str, url: str, *_: Any, **__: Any) -> str:
    return f"{method} {url.partition('?')[0]}"


def run_forked(job: dict[str, Any]) -> dict[str, Any]:
    """Run the target once in a process of its own."""
    folder = Path(job["folder"])
    (folder / "points").write_text("[]")
    child = os.fork()
    if not child:
        status = 1
        try:
            for stream, name in ((1, "stdout"), (2, "stderr")):
                file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(file, stream)
            run(job)
            status = 0
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the driver's loop
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "states": len((folder / "stdout").read_text(encoding="utf-8").splitlines()),
        "points": json.loads((folder / "points").read_text()),
    }


def main() -> None:
    """Do jobs until there are no more."""
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(run_forked(json.loads(line)))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
