"""The command that lets changes through that guards held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from target_swoogo.console import (
    ATTENTION,
    cell,
    explained,
    holding,
    json_option,
    ledger_url,
    print_json,
    say,
    screen,
    table,
)
from target_swoogo.errors import TargetError
from target_swoogo.glance import Glance
from target_swoogo.status import held_json

if TYPE_CHECKING:
    from rich.console import Console

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Held

VERSION = 1
"""Of the JSON's shape."""

_MOST = 20
"""So many changes are shown of each guard."""


@click.command("approve")
@click.option("--guard", metavar="CODE", help="Only what this guard held back.")
@click.option("--event", type=int, metavar="ID", help="Only of this Sessionboard event.")
@click.option("--list", "only_list", is_flag=True, help="Show what is held back, approve nothing.")
@json_option
@explained
def approve_command(*, guard: str | None, event: int | None, only_list: bool, as_json: bool) -> int:
    """Show what guards held back, and approve it: the next run sends exactly this.

    With --list, exits with 3 when something waits for approval.
    """
    if only_list:
        with Glance.at(ledger_url()) as ledger:
            found = _held(ledger, guard, event)
            waiting = _waiting(found)
    else:
        with holding() as ledger:
            waiting = _waiting(_held(ledger, guard, event))
            for pair in ledger.pairs():
                if event in {None, pair.sessionboard_event_id}:
                    ledger.approve(pair, guard)
            found = _held(ledger, guard, event)
    if as_json:
        print_json(_json(found, 0 if only_list else waiting))
    else:
        out = screen()
        for pair, changes in found:
            _show(out, pair, changes)
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


def _show(out: Console, pair: Pair, changes: list[Held]) -> None:
    say(
        out,
        f"Sessionboard event {pair.sessionboard_event_id} to Swoogo event {pair.swoogo_event_id}",
    )
    for code in dict.fromkeys(one.code for one in changes):
        members = [one for one in changes if one.code == code]
        say(out, f"\nHeld back: {len(members):,} [{code}]\n{members[0].message}")
        listed = table("Kind", "Name", "What", "Approved")
        for one in members[:_MOST]:
            approved = "yes" if one.approved else "no"
            listed.add_row(one.kind.value, cell(one.label), one.action, approved)
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


def _json(found: list[tuple[Pair, list[Held]]], approved: int) -> dict[str, object]:
    return {
        "version": VERSION,
        "approved": approved,
        "held": [
            {
                "sessionboard_event_id": pair.sessionboard_event_id,
                "swoogo_event_id": pair.swoogo_event_id,
                **held_json(one),
            }
            for pair, changes in found
            for one in changes
        ],
    }
