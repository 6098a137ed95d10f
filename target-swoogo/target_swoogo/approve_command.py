"""The command that lets changes through that guards held back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import click

from target_swoogo.changes import HeldLines
from target_swoogo.clock import utc_now
from target_swoogo.console import (
    ATTENTION,
    cell,
    explained,
    holding,
    json_option,
    offline_target,
    print_json,
    say,
    screen,
    table,
)
from target_swoogo.errors import TargetError
from target_swoogo.evaluate import evaluate, planned
from target_swoogo.glance import Glance
from target_swoogo.model import Held
from target_swoogo.observe import PairError, observed
from target_swoogo.status import held_json

if TYPE_CHECKING:
    from rich.console import Console

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.settings import Settings

Lines: TypeAlias = dict[Held, list[str]]
"""For each change that is held back, what it is about, field by field."""

VERSION = 1
"""Of the JSON's shape."""

GUARDS = ("guard_time_shift", "guard_changed", "guard_emptied", "guard_missing", "frozen")
"""What may hold a change back."""

_MOST = 20
"""So many changes are shown of each guard."""


@click.command("approve")
@click.option("--guard", type=click.Choice(GUARDS), help="Only what this guard held back.")
@click.option("--event", type=int, metavar="ID", help="Only of this Sessionboard event.")
@click.option("--list", "only_list", is_flag=True, help="Show what is held back, approve nothing.")
@json_option
@explained
def approve_command(*, guard: str | None, event: int | None, only_list: bool, as_json: bool) -> int:
    """Show what guards held back, and approve it: the next run sends exactly this.

    With --list, exits with 3 when something waits for approval.
    """
    settings = offline_target().settings
    if only_list:
        with Glance.at(settings.ledger_url) as ledger:
            found = _held(ledger, guard, event)
            waiting = _waiting(found)
            lines = _lines(ledger, found, settings)
    else:
        with holding(url=settings.ledger_url) as ledger:
            waiting = _waiting(_held(ledger, guard, event))
            for pair in ledger.pairs():
                if event in {None, pair.sessionboard_event_id}:
                    ledger.approve(pair, guard)
            found = _held(ledger, guard, event)
            lines = _lines(ledger, found, settings)
    if as_json:
        print_json(_json(found, lines, 0 if only_list else waiting))
    else:
        out = screen()
        for pair, changes in found:
            _show(out, pair, changes, lines)
        say(out, _told(waiting, only_list=only_list))
    return ATTENTION if only_list and waiting else 0


def _held(ledger: Ledger, guard: str | None, event: int | None) -> list[tuple[Pair, list[Held]]]:
    pairs = [pair for pair in ledger.pairs() if event in {None, pair.sessionboard_event_id}]
    if not pairs and event is not None:
        raise TargetError("pair_unknown", f"Sessionboard event {event} is not paired.")
    found = ((p, [one for one in ledger.held(p) if guard in {None, one.code}]) for p in pairs)
    return [(pair, changes) for pair, changes in found if changes]


def _waiting(found: list[tuple[Pair, list[Held]]]) -> int:
    return sum(not one.approved for _, changes in found for one in changes)


def _lines(ledger: Ledger, found: list[tuple[Pair, list[Held]]], settings: Settings) -> Lines:
    """What would change, as far as it still would."""
    lines: Lines = {}
    for pair, changes in found:
        try:
            seen = evaluate(ledger, pair, settings, now := utc_now())
        except PairError:
            continue
        # As if nothing were approved, so that what was is shown as well.
        held = HeldLines(ledger, pair, planned(seen, observed(pair, {}), settings, now, ()))
        lines |= {one: held.of(one) for one in changes}
    return lines


def _show(out: Console, pair: Pair, changes: list[Held], lines: Lines) -> None:
    say(
        out,
        f"Sessionboard event {pair.sessionboard_event_id} to Swoogo event {pair.swoogo_event_id}",
    )
    for code in dict.fromkeys(one.code for one in changes):
        members = [one for one in changes if one.code == code]
        say(out, f"\nHeld back: {len(members):,} [{code}]\n{members[0].message}")
        listed = table("Kind", "Name", "What", "Change", "Approved")
        for one in members[:_MOST]:
            approved = "yes" if one.approved else "no"
            change = "\n".join(lines.get(one) or ["no longer due"])
            listed.add_row(one.kind.value, cell(one.label), one.action, change, approved)
        out.print(listed)
        if len(members) > _MOST:
            say(out, f"… and {len(members) - _MOST:,} more; --json lists them all")
    out.print()


def _told(waiting: int, *, only_list: bool) -> str:
    if not waiting:
        return "Nothing waits for approval."
    if only_list:
        return (
            f"{waiting:,} of these wait for approval; to let them through: "
            f"meltano invoke target-swoogo:approve"
        )
    return f"Approved: {waiting:,}. The next run sends them, exactly as they were held back."


def _json(found: list[tuple[Pair, list[Held]]], lines: Lines, approved: int) -> dict[str, object]:
    return {
        "version": VERSION,
        "approved": approved,
        "held": [
            {
                "sessionboard_event_id": pair.sessionboard_event_id,
                "swoogo_event_id": pair.swoogo_event_id,
                **held_json(one),
                "changes": lines.get(one, []),
            }
            for pair, changes in found
            for one in changes
        ],
    }
