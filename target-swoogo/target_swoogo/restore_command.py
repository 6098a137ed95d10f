"""The command that undoes a tombstone: what was deleted in Swoogo is sent anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from target_swoogo.console import (
    ATTENTION,
    cell,
    explained,
    holding,
    json_option,
    print_json,
    quoted,
    say,
    screen,
    table,
)
from target_swoogo.errors import TargetError
from target_swoogo.model import Kind, State
from target_swoogo.selection import even

if TYPE_CHECKING:
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Mapped

_KINDS = {kind.value: kind for kind in Kind}


@click.command("restore")
@click.argument("record", metavar="[KIND] ID|NAME|E-MAIL", nargs=-1, required=True)
@json_option
@explained
def restore_command(*, record: tuple[str, ...], as_json: bool) -> int:
    """Send a record anew that was deleted in Swoogo.

    KIND is one of location, track, session, speaker and sponsor. Exits with 3, and restores
    nothing, when several records match.
    """
    kind, name = _asked(record)
    with holding() as ledger:
        found = _deleted(ledger, kind, name)
        if not found:
            raise TargetError(
                "not_a_tombstone",
                f"There is no {kind.value if kind else 'record'} called {quoted(name)} that was "
                f"deleted in Swoogo.",
            )
        if len(found) == 1:
            (pair, entry) = found[0]
            with ledger.commit():
                ledger.forget(pair, entry.key)
    if as_json:
        listed = [_json(pair, entry) for pair, entry in found]
        print_json({"restored": listed if len(found) == 1 else [], "matches": listed})
    elif len(found) == 1:
        (_, entry) = found[0]
        click.echo(f'Restored: {entry.kind.value} "{entry.label}" is sent anew by the next run.')
    else:
        _list(found)
    return 0 if len(found) == 1 else ATTENTION


def _asked(words: tuple[str, ...]) -> tuple[Kind | None, str]:
    first, *rest = words
    if not rest and first not in _KINDS:
        return None, first
    if len(rest) == 1 and first in _KINDS:
        return _KINDS[first], rest[0]
    raise click.UsageError(
        f"Give one id or name, in quotation marks if it has several words, and before it perhaps "
        f"a kind: {', '.join(_KINDS)}."
    )


def _deleted(ledger: Ledger, kind: Kind | None, name: str) -> list[tuple[Pair, Mapped]]:
    return [
        (pair, entry)
        for pair in ledger.pairs()
        for entry in ledger.mapped(pair).values()
        if entry.state is State.TOMBSTONE
        and kind in {None, entry.kind}
        and even(name) in {even(called) for called in _names(entry)}
    ]


def _names(entry: Mapped) -> list[str]:
    others = (entry.applied.get("name"), entry.applied.get("email"), entry.swoogo_id)
    return [entry.source_id, entry.label, *(str(name) for name in others if name is not None)]


def _list(found: list[tuple[Pair, Mapped]]) -> None:
    out = screen()
    say(out, f"{len(found):,} records match, so none was restored. Ask again with kind and id:")
    listed = table("Kind", "Name", "Id", "Event")
    for pair, entry in found:
        event = str(pair.sessionboard_event_id)
        listed.add_row(entry.kind.value, cell(entry.label), entry.source_id, event)
    out.print(listed)


def _json(pair: Pair, entry: Mapped) -> dict[str, object]:
    return {
        "sessionboard_event_id": pair.sessionboard_event_id,
        "swoogo_event_id": pair.swoogo_event_id,
        "kind": entry.kind.value,
        "id": entry.source_id,
        "name": entry.label,
    }
