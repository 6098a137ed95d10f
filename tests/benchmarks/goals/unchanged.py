"""Runs with little to do, as nearly all runs are: nothing changed, and one session changed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import least, programme
from benchmarks.figures import Figure, Scale, at_most, medians
from benchmarks.meltano_project import MeltanoProject
from benchmarks.pair import Pair
from benchmarks.processes import competitor, run
from benchmarks.servers import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.processes import Spent

_MOST_ABOVE_NOTHING, _MOST_ABOVE_NO_CHANGE, _MOST_CREDITS = 1.15, 1.3, 12


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    sessions = scale.of(1_000, 50)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        programme.write(home / "programme", sessions, images=False)
        with Sandbox(home, home / "programme") as sandbox:
            pair = Pair(home, sandbox.url)
            pair.configure()
            sandbox.switch()
            pair.sync()
            return _figures(scale, pair, sandbox, sessions)


def _figures(scale: Scale, pair: Pair, sandbox: Sandbox, sessions: int) -> list[Figure]:
    home = pair.folder
    sandbox.forget()
    pair.sync()
    calls = least.calls(sandbox.log())
    pair.read()
    records = pair.messages.read_text(encoding="utf-8").count('"type":"RECORD"')
    config = home / "empty.json"
    config.write_text(json.dumps({"records": records}), encoding="utf-8")
    empty = (competitor("empty_tap", "--config", config), competitor("empty_target"))
    edits = iter(range(1_000))
    spent: list[int] = []

    def edit() -> None:
        fields = {"title": f"Another title {next(edits)}"}
        sandbox.edit({"op": "update", "kind": "sessions", "id": "session-000007", "fields": fields})
        sandbox.forget()

    def changed(run_pair: Callable[[], Spent]) -> float:
        edit()
        seconds = run_pair().seconds
        spent.append(least.credits_spent(sandbox.log()))
        run_pair()  # one more looks whether all is as it should be; then nothing is to be done
        return seconds

    project = MeltanoProject.make(pair, records)
    empty_project = partial(project.run, "tap-empty", "target-empty")
    own_project = partial(project.run, "tap-sessionboard", "target-swoogo")
    for start in (empty_project, own_project, own_project):
        start()  # Meltano asks a tap what it has and remembers it, and the pair comes to rest
    nothing, unchanged, one = medians(
        scale.repetitions,
        lambda: empty_project().seconds,
        lambda: own_project().seconds,
        lambda: changed(own_project),
    )
    pair.sync()
    bare_nothing, bare_unchanged, bare_one = medians(
        scale.repetitions,
        lambda: run(*empty, folder=home).seconds,
        lambda: pair.sync().seconds,
        lambda: changed(pair.sync),
    )
    what = f"Nothing changed among {sessions} sessions"
    return [
        at_most(f"{what}: calls to Swoogo", calls, 0, "{}"),
        at_most(
            f"{what}: time of `meltano run`, against an empty tap into an empty target ({records} "
            f"records)",
            unchanged / nothing,
            _MOST_ABOVE_NOTHING,
            f"{{}} ({unchanged:.2f} s against {nothing:.2f} s)",
        ),
        at_most(f"One session of {sessions} changed: credits", max(spent), _MOST_CREDITS, "{}"),
        at_most(
            f"One session of {sessions} changed: time of `meltano run`, against nothing changed",
            one / unchanged,
            _MOST_ABOVE_NO_CHANGE,
            f"{{}} ({one:.2f} s against {unchanged:.2f} s)",
        ),
        Figure(
            "The same three without Meltano: empty, nothing changed, one session changed",
            "",
            f"{bare_nothing:.2f} s, {bare_unchanged:.2f} s, {bare_one:.2f} s",
        ),
    ]
