"""The commands that run for chosen records at once: those that failed, or those that are named."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from target_swoogo.actions import CHOICES
from target_swoogo.clock import utc_now
from target_swoogo.console import (
    ATTENTION,
    exit_code,
    explained,
    holding,
    json_option,
    print_json,
    quoted,
    say,
    screen,
    target,
)
from target_swoogo.errors import TargetError
from target_swoogo.evaluate import evaluate
from target_swoogo.model import Key, Kind, State
from target_swoogo.observe import PairError
from target_swoogo.selection import even, named

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Note, Row
    from target_swoogo.report import RunReport
    from target_swoogo.settings import Settings
    from target_swoogo.target import TargetSwoogo

Chosen: TypeAlias = dict[tuple[int, int], set[Key]]
"""For each pair of events, the records that are chosen."""


@click.command("retry")
@json_option
@explained
def retry_command(*, as_json: bool) -> int:
    """Try again at once what failed: records, links and images.

    Exits with 3 when something failed again.
    """
    made = target()
    with holding(url=made.settings.ledger_url, dry_run=made.settings.dry_run) as ledger:
        chosen = _failed(ledger, made.settings)
        if not any(chosen.values()) and not as_json:
            click.echo("Nothing failed: there is nothing to try again.")
            return 0
        return _run(made, ledger, chosen, as_json=as_json)


@click.command("sync-only")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@json_option
@explained
def sync_only_command(*, names: tuple[str, ...], as_json: bool) -> int:
    """Sync chosen sessions, speakers or sponsors at once, by id, title, name or e-mail address.

    A session brings its room and track. A speaker is linked to those of their sessions that are in
    Swoogo. Exits with 3 when something failed or was left out.
    """
    made = target()
    with holding(url=made.settings.ledger_url, dry_run=made.settings.dry_run) as ledger:
        pairs = ledger.propose(made.settings.event_mappings)
        kinds = set(Kind) - CHOICES
        chosen, several = choose(ledger, made.settings, pairs, names, kinds, "synced")
        for sentence in several:
            click.echo(sentence, err=as_json)
        return _run(made, ledger, chosen, as_json=as_json)


def _failed(ledger: Ledger, settings: Settings) -> Chosen:
    chosen: Chosen = {}
    for pair in ledger.propose(settings.event_mappings):
        entries, images = ledger.mapped(pair), ledger.images(pair)
        keys = {key for key, entry in entries.items() if entry.state is State.FAILED}
        chosen[pair.events] = keys | {k for k, image in images.items() if image.code is not None}
    return chosen


def choose(
    ledger: Ledger,
    settings: Settings,
    pairs: Iterable[Pair],
    names: Sequence[str],
    kinds: Collection[Kind],
    done: str,
) -> tuple[Chosen, list[str]]:
    """Find the records that are named on a command line.

    Args:
        ledger: What was received.
        settings: The settings.
        pairs: The event pairs to look at.
        names: Ids, titles, names or e-mail addresses.
        kinds: What may be chosen.
        done: What is done to them, for people.

    Returns:
        The records, and a sentence for each name that means several.

    Raises:
        TargetError: A name means nothing that syncs.
    """
    chosen: Chosen = {}
    meant: dict[str, list[Row]] = {name: [] for name in names}
    refused: dict[str, list[Note]] = {name: [] for name in names}
    stopped: PairError | None = None
    for pair in pairs:
        try:
            programme = evaluate(ledger, pair, settings, utc_now()).programme
        except PairError as error:
            stopped = error
            continue
        rows = {row.key: row for row in programme.rows if row.kind in kinds}
        found = named(rows.values(), names)
        chosen[pair.events] = {key for keys in found.values() for key in keys}
        for name, keys in found.items():
            meant[name] += [rows[key] for key in sorted(keys)]
            refused[name] += _called(programme.skips, name)
    unknown = [name for name, rows in meant.items() if not rows]
    if unknown:
        raise _not_found(unknown, refused, stopped)
    return chosen, [_several(name, rows, done) for name, rows in meant.items() if len(rows) > 1]


def _called(notes: Iterable[Note], name: str) -> list[Note]:
    return [note for note in notes if even(name) in {even(note.label), even(note.source_id)}]


def _not_found(
    unknown: Sequence[str], refused: dict[str, list[Note]], stopped: PairError | None
) -> TargetError:
    for name in unknown:
        if refused[name]:
            return TargetError("record_left_out", f"{refused[name][0].message} Nothing was sent.")
    if stopped is not None:
        return TargetError(stopped.code, f"{stopped} Nothing was sent.")
    listed = ", ".join(quoted(name) for name in unknown)
    return TargetError(
        "record_unknown",
        f"Nothing that can be chosen here and syncs is called {listed}, so nothing was sent; look "
        f"for the id or the reason with: meltano invoke target-swoogo:why",
    )


def _several(name: str, rows: Sequence[Row], done: str) -> str:
    listed = "; ".join(f"{row.kind.value} {row.label} ({row.source_id})" for row in rows)
    return f"{quoted(name)} means {len(rows)} records, which are all {done}: {listed}"


def _run(made: TargetSwoogo, ledger: Ledger, chosen: Chosen, *, as_json: bool) -> int:
    reconciler = made.reconciler(ledger)
    # The other pairs need not be looked at.
    mappings = tuple(events for events, keys in chosen.items() if keys)
    reconciler.settings = replace(made.settings, event_mappings=mappings)
    reconciler.only = lambda pair, *_: chosen[pair.events]
    with ending_well(reconciler.stop):
        report = reconciler.run()
    if mappings:
        keep(report, made.settings.report_path)
    if as_json:
        print_json(report.as_json())
    else:
        out = screen()
        for line in report.as_text():
            say(out, line)
    left_out = any(pair.skips() for pair in report.pairs)
    return exit_code(report) or (ATTENTION if left_out else 0)


@contextmanager
def ending_well(stop: threading.Event) -> Iterator[None]:
    """On a signal, finish what was begun in Swoogo, and report.

    Args:
        stop: Set by the signal.
    """

    def end(*_: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def keep(report: RunReport, folder: str) -> None:
    """Write a run's report, as after a sync, and say where it is.

    Args:
        report: The report.
        folder: Where reports are kept.
    """
    try:
        file = report.write(folder)
    except OSError as error:
        click.echo(
            f"The report could not be written to {folder} ({error.strerror}); check the setting "
            f"report_path.",
            err=True,
        )
    else:
        if file is not None:
            click.echo(f"Report: {file}", err=True)
