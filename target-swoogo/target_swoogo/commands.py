"""Commands beside the sync, for `meltano invoke target-swoogo:NAME`.

Meltano hands the settings over in the environment, under the names that the target itself reads.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from target_swoogo.approve_command import approve_command
from target_swoogo.check_command import check_command
from target_swoogo.console import (
    explained,
    explaining,
    holding,
    json_option,
    ledger_url,
    offline_target,
    print_json,
)
from target_swoogo.database import Database
from target_swoogo.errors import TargetError
from target_swoogo.plan_command import plan_command
from target_swoogo.restore_command import restore_command
from target_swoogo.run_commands import retry_command, sync_only_command
from target_swoogo.status_command import status_command
from target_swoogo.transfer import check_export, export_ledger, import_ledger
from target_swoogo.verify_command import verify_command
from target_swoogo.why_command import why_command

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Foresee, see and steer a sync."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


for _command in (
    check_command,
    plan_command,
    status_command,
    why_command,
    verify_command,
    approve_command,
    restore_command,
    retry_command,
    sync_only_command,
):
    main.add_command(_command)


@main.command()
@click.argument("sessionboard_event_id", type=int)
@json_option
@explained
def release(*, sessionboard_event_id: int, as_json: bool) -> None:
    """Let go of an event pair, so that either event may be mapped elsewhere."""
    settings = offline_target().settings
    with holding(url=settings.ledger_url) as ledger:
        pair = ledger.release(sessionboard_event_id)
    if pair is None:
        raise TargetError(
            "pair_unknown", f"Sessionboard event {sessionboard_event_id} is not paired."
        )
    still_mapped = pair.events in settings.event_mappings
    if as_json:
        ours, theirs = pair.events
        released = {"sessionboard_event_id": ours, "swoogo_event_id": theirs}
        print_json({"released": released, "still_mapped": still_mapped})
        return
    click.echo(
        f"Released: Sessionboard event {pair.sessionboard_event_id} no longer goes to Swoogo "
        f"event {pair.swoogo_event_id}. Nothing was changed in either; mapping the same pair "
        f"again goes on where it ended."
    )
    if still_mapped:
        click.echo(
            "But it is still in event_mappings: take it out, or the next run takes it up again."
        )


@main.group()
def ledger() -> None:
    """Move what target-swoogo remembers to another database."""


@ledger.command("export")
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write the ledger to a new FILE. It holds people's data, as the ledger does."""
    with explaining(), _database(ledger_url(), create=False) as database, _new(file) as out:
        rows = export_ledger(database.connection, out)
    click.echo(f"Exported: {rows} rows of {database.shown} are in {file}.")


@ledger.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Fill an empty ledger with what was exported to FILE."""
    with explaining(), _existing(file) as source:
        rows = check_export(source)
        with _database(ledger_url(), create=True) as database:
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


@contextmanager
def _database(url: str, *, create: bool) -> Iterator[Database]:
    database = Database.open(url, create=create)
    try:
        yield database
    finally:
        database.close()
