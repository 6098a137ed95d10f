"""The command that says how everything stands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from target_swoogo.clock import utc_now
from target_swoogo.console import (
    ATTENTION,
    ago,
    cell,
    clock,
    explained,
    json_option,
    offline_target,
    print_json,
    say,
    screen,
    table,
)
from target_swoogo.glance import Glance
from target_swoogo.model import Kind
from target_swoogo.status import CLOCKS_DIFFER, COLUMNS, status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from target_swoogo.model import PastRun
    from target_swoogo.status import PairStatus, Status

_MOST_PROBLEMS = 10


@click.command("status")
@json_option
@explained
def status_command(*, as_json: bool) -> int:
    """Say how everything stands, how old the data is, and how the last runs went.

    Reads the ledger only, also while a run is at work. Exits with 3 when a person should look.
    """
    settings, now = offline_target().settings, utc_now()
    with Glance.at(settings.ledger_url) as ledger:
        found = status(ledger, settings, now)
    if as_json:
        print_json(found.as_json())
    else:
        _show(screen(), found, now)
    return ATTENTION if found.wants_attention else 0


def _show(out: Console, found: Status, now: datetime) -> None:
    if found.at_work:
        holder, since = found.at_work
        say(out, f"A run is at work: {holder}, begun {ago(since, now)}.\n")
    for pair in found.pairs:
        _show_pair(out, pair, now)
    if found.runs:
        say(out, "Last runs")
        out.print(_runs(found.runs))
    else:
        say(out, "No run has come to an end yet.")


def _show_pair(out: Console, pair: PairStatus, now: datetime) -> None:
    ids = f"Sessionboard event {pair.sessionboard_event_id} to Swoogo event {pair.swoogo_event_id}"
    say(out, f"{pair.event_name}: {ids}" if pair.event_name else ids)
    for line in _about(pair, now):
        say(out, f"  {line}")
    if pair.kinds:
        shown = table("", *(name.replace("_", " ") for name in COLUMNS), numbers=len(COLUMNS))
        for kind in Kind:
            counts = pair.kinds[kind.value]
            shown.add_row(kind.plural, *(f"{counts[name]:,}" for name in COLUMNS))
        out.print(shown)
    for line in _details(pair):
        say(out, f"  {line}")
    out.print()


def _about(pair: PairStatus, now: datetime) -> Iterable[str]:
    if not pair.mapped:
        yield (
            "Not in event_mappings: nothing of it is synced; what is known of it is kept until it "
            f"is let go with: meltano invoke target-swoogo:release {pair.sessionboard_event_id}"
        )
        return
    stale = "; that is stale" if pair.stale else ""
    if pair.synced_at is None:
        yield f"Never fully synced{stale}"
    elif datetime.fromisoformat(pair.synced_at) > now + CLOCKS_DIFFER:
        yield f"Fully synced in the future ({clock(pair.synced_at)}): a clock is wrong{stale}"
    else:
        when = f"{ago(pair.synced_at, now)} ({clock(pair.synced_at)}){stale}"
        count = len(pair.held)
        held = f"{count:,} change{'' if count == 1 else 's'} held back: see approve"
        yield f"Last run complete {when}; {held}" if count else f"Fully synced {when}"
    if pair.error:
        yield f"Stopped [{pair.error[0]}]: {pair.error[1]}"
    elif pair.last_error:
        yield f"The last run stopped [{pair.last_error[0]}]: {pair.last_error[1]}"


def _details(pair: PairStatus) -> Iterable[str]:
    if images := [f"{count:,} {name}" for name, count in sorted(pair.images.items()) if count]:
        yield f"Images: {', '.join(images)}"
    if pair.open_creates:
        yield (
            f"Creates whose answer was lost: {pair.open_creates:,}; the next run looks whether "
            f"they arrived"
        )
    if pair.left_over:
        yield f"No longer part of what is synced, but still in Swoogo: {pair.left_over:,}"
    if pair.held:
        codes = ", ".join(sorted({one.code for one in pair.held}))
        yield (
            f"Held back: {len(pair.held):,} changes [{codes}]; see them, and let them through, "
            f"with: meltano invoke target-swoogo:approve"
        )
    for note in pair.problems[:_MOST_PROBLEMS]:
        yield f"[{note.code}] {note.message}"
    if (rest := len(pair.problems) - _MOST_PROBLEMS) > 0:
        yield f"… and {rest:,} more; --json lists them all"


def _runs(runs: Iterable[PastRun]) -> Table:
    columns = ("new", "changed", "held", "failed", "pending", "credits")
    shown = table("Started", "Took", "Outcome", *columns, numbers=len(columns))
    for run in runs:
        pairs = run.summary.get("pairs", [])
        stopped = [pair["error"]["code"] for pair in pairs if pair.get("error")]
        figures = (
            _sum(pairs, "created") + _sum(pairs, "adopted"),
            _sum(pairs, "updated"),
            _sum(pairs, "held"),
            _sum(pairs, "failed"),
            _sum(pairs, "pending"),
            run.summary.get("credits", 0),
        )
        late = any(pair.get("postponed") for pair in pairs) or _sum(pairs, "pending")
        outcome = cell(", ".join(stopped)) if stopped else "not all" if late else "done"
        shown.add_row(
            clock(run.started_at), _took(run), outcome, *(f"{figure:,}" for figure in figures)
        )
    return shown


def _took(run: PastRun) -> str:
    begun, ended = datetime.fromisoformat(run.started_at), datetime.fromisoformat(run.ended_at)
    seconds = int((ended - begun).total_seconds())
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"  # noqa: PLR2004 - a minute


def _sum(pairs: Iterable[dict[str, Any]], column: str) -> int:
    return sum(
        counts.get(column, 0) for pair in pairs for counts in pair.get("counts", {}).values()
    )
