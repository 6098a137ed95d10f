"""The command line: which goals, how thoroughly, and where the table goes."""

from __future__ import annotations

import os

import click

from benchmarks import figures
from benchmarks.goals import measure
from benchmarks.processes import HERE, in_new_process

DOCUMENT = HERE.parent.parent / "docs/performance.md"
GOALS = tuple(sorted(path.stem.replace("_", "-") for path in (HERE / "goals").glob("[!_]*.py")))

_FOR_DEVELOPERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""What makes every program slower to start or to write, and is not set where a sync runs."""


@click.command()
@click.argument("goals", nargs=-1, type=click.Choice(GOALS))
@click.option("--quick", is_flag=True, help="Small sizes, once each: only to see that all works.")
@click.option("--repetitions", default=5, show_default=True, help="How often a time is taken.")
@click.option("--write", is_flag=True, help=f"Put the table into {DOCUMENT.name}.")
def main(goals: tuple[str, ...], repetitions: int, *, quick: bool, write: bool) -> None:
    """Measure the pair against others, goal by goal; all GOALS where none is named."""
    for switch in _FOR_DEVELOPERS:
        os.environ.pop(switch, None)
    scale = figures.Scale(quick=quick, repetitions=1 if quick else repetitions)
    rows: list[figures.Figure] = []
    for goal in goals or GOALS:
        click.echo(f"{goal} …", err=True)
        rows += in_new_process(measure, goal.replace("-", "_"), scale)
    text = f"Measured on {figures.machine()}.\n\n{figures.table(rows)}"
    click.echo(text)
    if write:
        figures.write(DOCUMENT, text)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
