"""What was not read is never called up to date."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo import schema
from target_swoogo.database import Database
from target_swoogo.glance import Glance

if TYPE_CHECKING:
    from .conftest import Pair

BOTH = {4101, 4102}
LONG_AGO = "2026-01-01T00:00:00+00:00"


def synced_at(pair: Pair) -> dict[int, str | None]:
    with Glance.at(pair.target_config()["ledger_url"]) as ledger:
        return {one.sessionboard_event_id: one.synced_at for one in ledger.pairs()}


def synced_long_ago(pair: Pair) -> None:
    with contextlib.closing(Database.open(pair.target_config()["ledger_url"])) as database:
        database.connection.execute(schema.pair.update().values(synced_at=LONG_AGO))
        database.connection.commit()


def not_read(report: dict[str, Any]) -> set[int]:
    return {
        int(note["id"])
        for one in report["pairs"]
        for note in one["warnings"]
        if note["code"] == "sessionboard_not_read"
    }


def cut_off(messages: str, at: str) -> str:
    """The output of a tap that broke off where it began a stream."""
    lines = messages.splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if f'"stream":"{at}"' in line.replace(" ", ""))
    return "".join(lines[: first + 1])


def test_a_whole_run_is_fresh(pair: Pair) -> None:
    report = pair.sync()
    assert not_read(report) == set()
    assert "not read" not in report["outcome"]
    assert all(synced_at(pair).values())
    pair.sync()
    assert not_read(pair.sync()) == set(), "also when nothing is new"


@pytest.mark.parametrize("stream", ["events", "sessions", "sponsors"])
def test_a_tap_that_broke_off_leaves_the_data_as_old_as_it_was(pair: Pair, stream: str) -> None:
    pair.sync()
    synced_long_ago(pair)
    pair.state = {}
    report = pair.load(cut_off(pair.read(), stream))
    assert not_read(report) == BOTH
    assert report["outcome"].startswith("Sessionboard was not read whole in this run")
    assert set(synced_at(pair).values()) == {LONG_AGO}


def test_a_tap_that_said_nothing_leaves_the_data_as_old_as_it_was(pair: Pair) -> None:
    pair.sync()
    synced_long_ago(pair)
    assert not_read(pair.load("")) == BOTH
    assert set(synced_at(pair).values()) == {LONG_AGO}


def test_an_event_that_the_tap_leaves_out_is_named(pair: Pair) -> None:
    pair.sync()
    synced_long_ago(pair)
    report = pair.load(pair.read(event_ids=[4102]))
    assert not_read(report) == {4101}
    assert report["outcome"].startswith("1 of 2 events were not read whole")
    assert synced_at(pair)[4101] == LONG_AGO
    assert synced_at(pair)[4102] != LONG_AGO
