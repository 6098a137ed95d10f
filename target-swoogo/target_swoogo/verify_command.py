"""The command verify: whether Swoogo still is what it was told, and a repair where it is not."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from rich.padding import Padding
from rich.text import Text

from target_swoogo.console import (
    ATTENTION,
    FAILED,
    explained,
    holding,
    json_option,
    print_json,
    screen,
    target,
)
from target_swoogo.errors import TargetError
from target_swoogo.repair import repair as repair_drift
from target_swoogo.verifier import Verifier
from target_swoogo.verify import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from target_swoogo.ledger import Ledger
    from target_swoogo.model import Note
    from target_swoogo.report import RunReport
    from target_swoogo.settings import Settings
    from target_swoogo.target import TargetSwoogo
    from target_swoogo.verifier import Verified
    from target_swoogo.verify import Drift

VERSION = 1
"""Of the shape of the JSON."""

_MOST_LISTED = 20


@click.command("verify")
@click.option("--event", "event_id", type=int, help="Only this event, by either system's id.")
@click.option("--repair", is_flag=True, help="Send again what drifted.")
@json_option
@explained
def verify_command(*, event_id: int | None, repair: bool, as_json: bool) -> int:
    """Compare Swoogo with what it was told, field by field.

    Says "In sync" and exits with 0 only when all that should be in Swoogo is there, equal, linked,
    and once, and nothing waits or has failed; otherwise it exits with 3, or with 1 when a pair
    could not be compared.
    """
    made = target()
    if repair and made.settings.dry_run:
        raise TargetError(
            "repair_in_dry_run",
            "The setting dry_run is on, so nothing is repaired; turn it off for a repair.",
        )
    mappings = _chosen(made.settings, event_id)
    console = None if as_json else screen()
    # Held, so that no run changes Swoogo while it is compared.
    with holding(url=made.settings.ledger_url, dry_run=not repair) as ledger:
        outcome = _run(made, ledger, mappings, console, repair=repair)
    if as_json:
        print_json(outcome.as_json())
    if any(pair.error for pair in outcome.pairs):
        return FAILED
    return 0 if outcome.in_sync else ATTENTION


@dataclass
class Outcome:
    """What the command came to.

    Attributes:
        pairs: The event pairs as they are now.
        expected: The credits that were announced.
        used: The credits that were used.
        left: The credits left in the window; None where Swoogo was not called.
        repaired: How much drift was repaired, if any was to be.
        run: The run that repaired it.
    """

    pairs: list[Verified]
    expected: int
    used: int
    left: int | None
    repaired: int = 0
    run: RunReport | None = None

    @property
    def in_sync(self) -> bool:
        """Whether all of them are."""
        return all(pair.in_sync for pair in self.pairs)

    def as_json(self) -> dict[str, Any]:
        """As plain data, of shape `VERSION`.

        Returns:
            `version`, `in_sync`, `credits_expected`, `credits_used`, `credits_left`; `repaired`,
            null or with `drift`, how much of it, and the `run_id`; and `pairs`. Each of these has
            `sessionboard_event_id`, `swoogo_event_id`, `name`, `in_sync`; `error`, null or with
            `code` and `message`; `compared`, a count for each kind, `links` and `images`; `drift`,
            a list with `code`, `kind`, `id`, `swoogo_id`, `name`, `field`, `applied`, `there`,
            `session_id`, `page` and `message`; and `open` and `information`, lists with `kind`,
            `id`, `name`, `code` and `message`.
        """
        run_id = self.run.run_id if self.run is not None else None
        return {
            "version": VERSION,
            "in_sync": self.in_sync,
            "credits_expected": self.expected,
            "credits_used": self.used,
            "credits_left": self.left,
            "repaired": {"drift": self.repaired, "run_id": run_id} if run_id else None,
            "pairs": [_pair_json(pair) for pair in self.pairs],
        }


def _run(
    made: TargetSwoogo,
    ledger: Ledger,
    mappings: Sequence[tuple[int, int]],
    console: Console | None,
    *,
    repair: bool,
) -> Outcome:
    user_agent = f"{made.name}/{made.plugin_version}"

    def look() -> tuple[Verifier, list[Verified]]:
        verifier = Verifier(ledger, made.settings, user_agent, mappings)
        if console is not None:
            console.print(f"Reading Swoogo takes about {verifier.cost():,} credits of its quota.")
        return verifier, verifier.verify()

    verifier, pairs = look()
    outcome = Outcome(pairs, verifier.cost(), verifier.quota.spent, verifier.quota.left)
    if console is not None:
        _print(console, outcome, repair=repair)
    drift = {pair.mapping: pair.result.drift for pair in pairs if pair.result is not None}
    if repair and any(drift.values()):
        settings = replace(made.settings, event_mappings=tuple(m for m in mappings if drift.get(m)))
        run = repair_drift(ledger, settings, threading.Event(), user_agent, drift)
        if console is not None:
            console.print("\nRepairing", style="bold")
            for text in run.as_text():
                console.print(_indented(text.lstrip(), len(text) - len(text.lstrip())))
            console.print()
        again, pairs = look()
        expected = outcome.expected + again.cost()
        used = outcome.used + run.credits_used + again.quota.spent
        count = sum(map(len, drift.values()))
        outcome = Outcome(pairs, expected, used, again.quota.left, count, run)
        if console is not None:
            _print(console, outcome, repair=repair)
    return outcome


def _chosen(settings: Settings, event_id: int | None) -> list[tuple[int, int]]:
    chosen = [pair for pair in settings.event_mappings if event_id is None or event_id in pair]
    if not chosen:
        raise TargetError(
            "event_not_mapped",
            f"Event {event_id} is not in event_mappings; give the id of one that is.",
        )
    return chosen


# How it is shown


def _pair_json(pair: Verified) -> dict[str, Any]:
    result = pair.result or Comparison()
    return {
        "sessionboard_event_id": pair.mapping[0],
        "swoogo_event_id": pair.mapping[1],
        "name": pair.name,
        "in_sync": pair.in_sync,
        "error": {"code": pair.error[0], "message": pair.error[1]} if pair.error else None,
        "compared": result.compared,
        "drift": [_drift_json(drift) for drift in result.drift],
        "open": [_note_json(note) for note in result.open],
        "information": [_note_json(note) for note in result.information],
    }


def _drift_json(drift: Drift) -> dict[str, Any]:
    said = asdict(drift)
    kind, source_id = said.pop("key")
    return {"kind": kind.value, "id": source_id, "name": said.pop("label"), **said}


def _note_json(note: Note) -> dict[str, Any]:
    return {
        "kind": note.kind,
        "id": note.source_id,
        "name": note.label,
        "code": note.code,
        "message": note.message,
    }


def _print(console: Console, outcome: Outcome, *, repair: bool) -> None:
    for pair in outcome.pairs:
        ours, theirs = pair.mapping
        heading = f"\n{pair.name}: Sessionboard event {ours} to Swoogo event {theirs}"
        console.print(Text(heading, style="bold"))
        if pair.error is not None:
            text = f"Not compared [{pair.error[0]}]: {pair.error[1]}"
            console.print(_indented(text, 2), style="red")
        if pair.result is not None:
            _print_result(console, pair.result)
    left = f", {outcome.left:,} left" if outcome.left is not None else ""
    console.print(f"\nCredits of Swoogo's quota: {outcome.used:,} used{left}.")
    if outcome.in_sync:
        console.print("In sync", style="bold green")
        return
    console.print("Not in sync", style="bold yellow")
    if not repair and any(pair.result and pair.result.drift for pair in outcome.pairs):
        console.print("To send again what drifted: meltano invoke target-swoogo:verify --repair")


def _indented(text: str, by: int = 4) -> Padding:
    return Padding(Text(text), (0, 0, 0, by), expand=False)


def _print_result(console: Console, result: Comparison) -> None:
    figures = ", ".join(
        f"{count:,} {what.removesuffix('s') if count == 1 else what}"
        for what, count in result.compared.items()
        if count
    )
    console.print(_indented(f"Compared: {figures or 'nothing was synced yet'}", 2))
    _print_notes(console, "Drifted", "yellow", result.drift)
    _print_notes(console, "To do", "yellow", result.open)
    _print_notes(console, "For information", "dim", result.information)


def _print_notes(
    console: Console, title: str, style: str, notes: Iterable[Drift] | Iterable[Note]
) -> None:
    by_code: dict[str, list[Drift | Note]] = {}
    for note in notes:
        by_code.setdefault(note.code, []).append(note)
    for code, members in by_code.items():
        console.print(Text(f"  {title}: {len(members):,} [{code}]", style=style))
        for member in members[:_MOST_LISTED]:
            console.print(_indented(member.message))
        if len(members) > _MOST_LISTED:
            more = len(members) - _MOST_LISTED
            console.print(f"    and {more:,} more; --json lists them all")
