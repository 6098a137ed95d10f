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
from target_swoogo.model import Kind
from target_swoogo.repair import refusal
from target_swoogo.repair import repair as repair_drift
from target_swoogo.run_commands import choose, ending_well, keep
from target_swoogo.verifier import Verifier
from target_swoogo.verify import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from target_swoogo.ledger import Ledger
    from target_swoogo.model import Note
    from target_swoogo.report import RunReport
    from target_swoogo.run_commands import Chosen
    from target_swoogo.settings import Settings
    from target_swoogo.target import TargetSwoogo
    from target_swoogo.verifier import Verified
    from target_swoogo.verify import Drift

VERSION = 1
"""Of the shape of the JSON."""

_MOST_LISTED = 20


@click.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--event", "event_id", type=int, help="Only this event, by either system's id.")
@click.option("--repair", is_flag=True, help="Send again what drifted; with names, only of those.")
@click.option("--force", is_flag=True, help="Repair even more than guard_changed_percent allows.")
@json_option
@explained
def verify_command(
    *, names: tuple[str, ...], event_id: int | None, repair: bool, force: bool, as_json: bool
) -> int:
    """Compare Swoogo with what it was told, field by field.

    Says "In sync" and exits with 0 only when all that should be in Swoogo is there, equal, linked,
    and once, and nothing waits or has failed; otherwise it exits with 3, or with 1 when a pair
    could not be compared.

    A repair can be limited to records, by id, title, name or e-mail address. What was edited in
    Swoogo is left where a guard holds back what Sessionboard has for it.
    """
    if not repair and (names or force):
        raise click.UsageError("Names and --force are for a repair; add --repair.")
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
        order = _order(made.settings, ledger, mappings, names, force=force) if repair else None
        for sentence in order.several if order else ():
            click.echo(sentence, err=as_json)
        outcome = _run(made, ledger, mappings, console, order)
    if as_json:
        print_json(outcome.as_json())
    if any(pair.error for pair in outcome.pairs):
        return FAILED
    return 0 if outcome.in_sync else ATTENTION


@dataclass(frozen=True)
class _Order:
    """What is to be repaired.

    Attributes:
        chosen: Only these records; all where None.
        several: A sentence for each name that means several records.
        force: However much it is.
    """

    chosen: Chosen | None
    several: Sequence[str]
    force: bool

    def of(self, pair: Verified) -> list[Drift]:
        """The drift of a pair that it is about, less what waits for approval."""
        drift = [one for one in pair.result.drift if not one.waits] if pair.result else []
        if self.chosen is None:
            return drift
        keys = self.chosen.get(pair.mapping, set())
        return [one for one in drift if one.key in keys or (Kind.SESSION, one.session_id) in keys]

    def refusal(self, pairs: Iterable[Verified], limit: int) -> str | None:
        """Why nothing is repaired: it would be so much of a pair."""
        if self.force:
            return None
        results = ((pair.result, self.of(pair)) for pair in pairs)
        said = (refusal(result.compared, drift, limit) for result, drift in results if result)
        return next(filter(None, said), None)


@dataclass
class Outcome:
    """What the command came to.

    Attributes:
        pairs: The event pairs as they were last read: after a repair, unless it was cut short.
        expected: The credits that were announced.
        used: The credits that were used.
        left: The credits left in the window; None where Swoogo was not called.
        repaired: How much drift was repaired, if any was to be.
        run: The run that repaired it.
        refused: Why nothing was repaired although it was to be.
        cut_short: Whether the repair was told to end early.
    """

    pairs: list[Verified]
    expected: int
    used: int
    left: int | None
    repaired: int = 0
    run: RunReport | None = None
    refused: str | None = None
    cut_short: bool = False

    @property
    def in_sync(self) -> bool:
        """Whether all of them are."""
        return all(pair.in_sync for pair in self.pairs)

    def as_json(self) -> dict[str, Any]:
        """As plain data, of shape `VERSION`.

        Returns:
            `version`, `in_sync`, `credits_expected`, `credits_used`, `credits_left`; `repaired`,
            null or with `drift`, how much of it, the `run_id`, and `cut_short`, whether it was
            told to end early, so that `pairs` is as it was before; `refused`, null or with `code`
            and `message`; and `pairs`. Each of these has `sessionboard_event_id`,
            `swoogo_event_id`, `name`, `in_sync`; `error`, null or with `code` and `message`;
            `compared`, a count for each kind, `links` and `images`; `drift`, a list with `code`,
            `kind`, `id`, `swoogo_id`, `name`, `field`, `applied`, `there`, `session_id`, `page`,
            `waits`, whether it is left until a change is approved, and `message`; and `open` and
            `information`, lists with `kind`, `id`, `name`, `code` and `message`.
        """
        repaired = None
        if self.run is not None:
            run_id, cut_short = self.run.run_id, self.cut_short
            repaired = {"drift": self.repaired, "run_id": run_id, "cut_short": cut_short}
        return {
            "version": VERSION,
            "in_sync": self.in_sync,
            "credits_expected": self.expected,
            "credits_used": self.used,
            "credits_left": self.left,
            "repaired": repaired,
            "refused": _refusal(self.refused) if self.refused else None,
            "pairs": [_pair_json(pair) for pair in self.pairs],
        }


def _run(
    made: TargetSwoogo,
    ledger: Ledger,
    mappings: Sequence[tuple[int, int]],
    console: Console | None,
    order: _Order | None,
) -> Outcome:
    verifier, pairs = _look(made, ledger, mappings, console)
    outcome = Outcome(pairs, verifier.cost(), verifier.quota.spent, verifier.quota.left)
    if order is not None:
        outcome.refused = order.refusal(pairs, made.settings.guard_changed_percent)
    if console is not None:
        _print(console, outcome, repair=order is not None)
    if order is None or outcome.refused is not None:
        return outcome
    drift = {pair.mapping: some for pair in pairs if (some := order.of(pair))}
    if not drift:
        return outcome
    stop = threading.Event()
    settings = replace(made.settings, event_mappings=tuple(drift))
    with ending_well(stop):
        outcome.run = repair_drift(ledger, settings, stop, _user_agent(made), drift)
    keep(outcome.run, settings.report_path)
    outcome.repaired = sum(map(len, drift.values()))
    outcome.used += outcome.run.credits_used
    outcome.cut_short = stop.is_set()
    if console is not None:
        _print_run(console, outcome.run)
    if outcome.cut_short:
        outcome.left = outcome.run.credits_left
        if console is not None:
            console.print("The repair was ended early; the next sync does what is left of it.")
        return outcome
    verifier, outcome.pairs = _look(made, ledger, mappings, console)
    outcome.expected += verifier.cost()
    outcome.used += verifier.quota.spent
    outcome.left = verifier.quota.left
    if console is not None:
        _print(console, outcome, repair=True)
    return outcome


def _look(
    made: TargetSwoogo,
    ledger: Ledger,
    mappings: Sequence[tuple[int, int]],
    console: Console | None,
) -> tuple[Verifier, list[Verified]]:
    verifier = Verifier(ledger, made.settings, _user_agent(made), mappings)
    if console is not None:
        console.print(f"Reading Swoogo takes about {verifier.cost():,} credits of its quota.")
    return verifier, verifier.verify()


def _user_agent(made: TargetSwoogo) -> str:
    return f"{made.name}/{made.plugin_version}"


def _order(
    settings: Settings,
    ledger: Ledger,
    mappings: Sequence[tuple[int, int]],
    names: Sequence[str],
    *,
    force: bool,
) -> _Order:
    if not names:
        return _Order(None, (), force)
    pairs = [pair for pair in ledger.pairs() if pair.events in mappings]
    return _Order(*choose(ledger, settings, pairs, names, set(Kind), "repaired"), force)


def _chosen(settings: Settings, event_id: int | None) -> list[tuple[int, int]]:
    chosen = [pair for pair in settings.event_mappings if event_id is None or event_id in pair]
    if not chosen:
        raise TargetError(
            "event_not_mapped",
            f"Event {event_id} is not in event_mappings; give the id of one that is.",
        )
    return chosen


# How it is shown


def _refusal(message: str) -> dict[str, str]:
    return dict(zip(("code", "message"), ("repair_of_many", message), strict=True))


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
    if outcome.refused is not None:
        code, message = _refusal(outcome.refused).values()
        console.print(Text(f"Not repaired [{code}]: {message}", style="yellow"))
    if not repair and any(pair.result and pair.result.drift for pair in outcome.pairs):
        console.print("To send again what drifted: meltano invoke target-swoogo:verify --repair")


def _print_run(console: Console, run: RunReport) -> None:
    console.print("\nRepairing", style="bold")
    for text in run.as_text():
        console.print(_indented(text.lstrip(), len(text) - len(text.lstrip())))
    console.print()


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
