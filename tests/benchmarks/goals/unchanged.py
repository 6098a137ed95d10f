"""Runs with little to do, as nearly all runs are: nothing changed, and one session changed."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import least, programme
from benchmarks.figures import Figure, Scale, at_most, medians
from benchmarks.meltano_project import MeltanoProject
from benchmarks.pair import Pair
from benchmarks.processes import competitor, run
from benchmarks.servers import Sandbox

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

    def change() -> float:
        fields = {"title": f"Another title {next(edits)}"}
        sandbox.edit({"op": "update", "kind": "sessions", "id": "session-000007", "fields": fields})
        sandbox.forget()
        seconds = pair.sync().seconds
        spent.append(least.credits_spent(sandbox.log()))
        return seconds

    project = MeltanoProject.make(pair, records)
    for tap, target in (("tap-empty", "target-empty"), ("tap-sessionboard", "target-swoogo")):
        project.run(tap, target)  # once, for Meltano asks a tap what it has and remembers it
    under_meltano = medians(
        scale.repetitions,
        lambda: project.run("tap-empty", "target-empty").seconds,
        lambda: project.run("tap-sessionboard", "target-swoogo").seconds,
    )

    def unchanged_again() -> float:
        pair.sync()  # after a change one more run looks whether all is as it should be
        pair.sync()
        return pair.sync().seconds

    nothing, unchanged, changed = medians(
        scale.repetitions,
        lambda: run(*empty, folder=home).seconds,
        unchanged_again,
        change,
    )
    what = f"Nothing changed among {sessions} sessions"
    return [
        at_most(f"{what}: calls to Swoogo", calls, 0, "{}"),
        at_most(
            f"{what}: time of `meltano run`, against an empty tap into an empty target ({records} "
            f"records)",
            under_meltano[1] / under_meltano[0],
            _MOST_ABOVE_NOTHING,
            f"{{}} ({under_meltano[1]:.2f} s against {under_meltano[0]:.2f} s)",
        ),
        at_most(
            f"{what}: the same without Meltano",
            unchanged / nothing,
            _MOST_ABOVE_NOTHING,
            f"{{}} ({unchanged:.2f} s against {nothing:.2f} s)",
        ),
        at_most(f"One session of {sessions} changed: credits", max(spent), _MOST_CREDITS, "{}"),
        at_most(
            f"One session of {sessions} changed: time, against nothing changed",
            changed / unchanged,
            _MOST_ABOVE_NO_CHANGE,
            f"{{}} ({changed:.2f} s against {unchanged:.2f} s)",
        ),
    ]
