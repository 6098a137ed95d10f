"""Commands beside the sync, for `meltano invoke target-swoogo:NAME`.

Meltano hands the settings over in the environment, under the names that the target itself reads.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger
from target_swoogo.model import Kind, State
from target_swoogo.target import TargetSwoogo

if TYPE_CHECKING:
    from collections.abc import Callable


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after what target-swoogo remembers."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


@main.command()
@click.argument("sessionboard_event_id", type=int)
def release(sessionboard_event_id: int) -> None:
    """Let go of an event pair, so that either event may be mapped elsewhere."""

    def act(ledger: Ledger) -> str:
        pair = ledger.release(sessionboard_event_id)
        if pair is None:
            raise TargetError(
                "pair_unknown", f"Sessionboard event {sessionboard_event_id} is not paired."
            )
        return (
            f"Released: Sessionboard event {pair.sessionboard_event_id} no longer goes to Swoogo "
            f"event {pair.swoogo_event_id}. Nothing was changed in either; mapping the same pair "
            f"again goes on where it ended."
        )

    _with_ledger(act)


@main.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("source_id")
def restore(kind: str, source_id: str) -> None:
    """Send a record anew that was deleted in Swoogo, by its Sessionboard id."""

    def act(ledger: Ledger) -> str:
        key = (Kind(kind), source_id)
        for pair in ledger.pairs():
            entry = ledger.mapped(pair).get(key)
            if entry is not None and entry.state is State.TOMBSTONE:
                with ledger.commit():
                    ledger.forget(pair, key)
                return f'Restored: {kind} "{entry.label}" is sent anew by the next run.'
        raise TargetError(
            "not_a_tombstone",
            f"There is no {kind} with the Sessionboard id {source_id} that was deleted in Swoogo.",
        )

    _with_ledger(act)


def _with_ledger(act: Callable[[Ledger], str]) -> None:
    try:
        target = TargetSwoogo(parse_env_config=True, validate_config=False)
        with Ledger.open(target.config["ledger_url"]) as ledger:
            click.echo(act(ledger))
    except TargetError as error:
        click.echo(f"{error} [{error.code}]", err=True)
        sys.exit(1)
