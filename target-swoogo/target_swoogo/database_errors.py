"""What can be wrong with the ledger's database, each as one sentence that says what to do."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select
from sqlalchemy import exc as sql_errors

from target_swoogo import schema
from target_swoogo.errors import TargetError
from target_swoogo.locks import LOCK_TIMEOUT

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

# PostgreSQL's codes.
_FORBIDDEN = {"42501", "25006"}
_BROKEN = {"42P01", "42703", "XX001", "XX002"}


def explained(context: ExceptionContext, shown: str) -> TargetError | None:
    """What a person can do about an error of the database; None if it is a bug."""
    error = context.sqlalchemy_exception
    code = getattr(context.original_exception, "sqlstate", None)
    why = str(context.original_exception).partition("\n")[0]
    if error is None or code == LOCK_TIMEOUT:
        return None
    if context.dialect.name == "postgresql" and context.connection is None:
        return TargetError(
            "ledger_unreachable",
            f"The ledger's database {shown} cannot be reached ({why}); check ledger_url, and that "
            f"the server runs and lets you in.",
        )
    # The second is what refuses a new connection in place of a lost one.
    if context.is_disconnect or isinstance(context.original_exception, TargetError):
        return lost()
    garbled = why.startswith("Could not decode to UTF-8")  # and goes on with the text
    if garbled or code in _BROKEN or type(error) is sql_errors.DatabaseError:
        return damaged(shown, "text in it is not UTF-8" if garbled else why)
    if code in _FORBIDDEN or isinstance(error, sql_errors.OperationalError):
        return unusable(shown, why)
    return None


def missing(shown: str) -> TargetError:
    """Nobody has made it yet."""
    return TargetError("ledger_missing", f"There is no ledger at {shown}; check ledger_url.")


def not_an_address(why: str) -> TargetError:
    """Nothing can be opened by it."""
    return TargetError(
        "ledger_url_invalid",
        f"The setting ledger_url {why}; write it like sqlite:///ledger/target-swoogo.db or "
        f"postgresql://user:password@host/database.",
    )


def driver_missing() -> TargetError:
    """The library that speaks to PostgreSQL comes with an extra of its own."""
    return TargetError(
        "ledger_driver_missing",
        "A ledger in PostgreSQL needs a driver: in meltano.yml, set the target's pip_url to "
        "-e ./target-swoogo[postgres] and run meltano install; without Meltano, "
        "pip install 'target-swoogo[postgres]'.",
    )


def held(source: Engine | Connection | None) -> TargetError:
    """Name the run that holds the ledger, as far as it has said who it is."""
    runs = schema.run.c
    query = (
        select(runs.holder, runs.started_at)
        .where(runs.ended_at.is_(None))
        .order_by(runs.started_at.desc(), runs.id.desc())
        .limit(1)
    )
    row = None
    with suppress(TargetError, sql_errors.SQLAlchemyError):
        if isinstance(source, Connection):
            row = source.execute(query).one_or_none()
        elif source is not None:
            with source.connect() as connection:
                row = connection.execute(query).one_or_none()
    who = f"{row.holder} since {row.started_at}" if row else "another process"
    return TargetError(
        "ledger_held",
        f"Another run is at work on this ledger ({who}); wait for it to end. Nothing was changed.",
    )


def newer(version: str) -> TargetError:
    """It may say what this program would not understand."""
    return TargetError(
        "ledger_newer",
        f"The ledger was written by a newer target-swoogo (ledger version {version}, "
        f"this program knows {schema.VERSION}); update the plugin.",
    )


def lost() -> TargetError:
    """Another run may hold the lock by now."""
    return TargetError(
        "ledger_lost",
        "The connection to the ledger's database was lost, and with it the lock; the run stopped. "
        "What was committed is kept; run it again.",
    )


def unusable(shown: str, why: str) -> TargetError:
    """The place is wrong, or full, or somebody else's."""
    return TargetError(
        "ledger_unwritable",
        f"The ledger {shown} cannot be written ({why}); check ledger_url, that the folder or "
        f"server exists, and that you may write there.",
    )


def damaged(shown: str, why: str) -> TargetError:
    """What is there cannot be trusted, and must not be taken for a new ledger."""
    return TargetError(
        "ledger_damaged",
        f"The ledger {shown} is not a ledger or is damaged ({why}); restore it from a backup. "
        f"Starting with a new one is safe only with match_existing on.",
    )
