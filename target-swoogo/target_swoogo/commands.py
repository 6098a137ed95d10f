"""Commands beside the sync, for `meltano invoke target-swoogo:NAME`.

Meltano hands the settings over in the environment, under the names that the target itself reads.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from singer_sdk.configuration._dict_config import parse_environment_config

from target_swoogo.database import Database
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger
from target_swoogo.model import Kind, State
from target_swoogo.settings import SCHEMA
from target_swoogo.target import TargetSwoogo
from target_swoogo.transfer import check_export, export_ledger, import_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


@main.group()
def ledger() -> None:
    """Move what target-swoogo remembers to another database."""


@ledger.command("export")
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write the ledger to a new FILE. It holds people's data, as the ledger does."""
    with _explaining() as url, _database(url, create=False) as database, _new(file) as out:
        rows = export_ledger(database.connection, out)
    click.echo(f"Exported: {rows} rows of {database.shown} are in {file}.")


@ledger.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Fill an empty ledger with what was exported to FILE."""
    with _explaining() as url, _existing(file) as source:
        rows = check_export(source)
        with _database(url, create=True) as database:
            import_ledger(database.connection, source)
    click.echo(f"Imported: {rows} rows of {file} are in {database.shown}.")


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Writes a file for the owner's eyes only: durably and whole, or not at all."""
    try:
        # Never over a file that is there: it may be the ledger.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            path.unlink()
            raise
    except OSError as error:
        raise TargetError(
            "file_unusable", f"{path} cannot be written: {error.strerror}."
        ) from error


@contextmanager
def _existing(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise TargetError("file_unusable", f"{path} cannot be read: {error.strerror}.") from error


def _with_ledger(act: Callable[[Ledger], str]) -> None:
    with _explaining() as url, Ledger.open(url) as ledger:
        click.echo(act(ledger))


@contextmanager
def _database(url: str, *, create: bool) -> Iterator[Database]:
    database = Database.open(url, create=create)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _explaining() -> Iterator[str]:
    """Hands over the ledger's address; a failure that can be mended is one sentence."""
    try:
        # Meltano's environment, not a .env file: its settings are for another plugin, perhaps.
        config = parse_environment_config(SCHEMA, "TARGET_SWOOGO_", os.devnull)
        target = TargetSwoogo(config=config, validate_config=False)
        yield target.config["ledger_url"]
    except TargetError as error:
        click.echo(f"{error} [{error.code}]", err=True)
        sys.exit(1)
