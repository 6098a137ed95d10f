"""What the ledger remembers of past runs, and what it holds back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from target_swoogo import history
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger
from target_swoogo.model import Held, Kind, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = (Kind.SESSION, "s1")
TOLD = Told(*KEY, "2026-11-21T10:00:00", "update", "updated", None, None, {"name": ["A", "B"]})
HELD = Held(*KEY, "update", "guard_time_shift", "ab12", "Opening", "All would move.")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as opened:
        opened.hold([(4101, 77001), (4102, 77002)])
        yield opened


def test_what_was_told_is_remembered_record_by_record(ledger: Ledger) -> None:
    first, second = ledger.pairs()
    earlier = replace(TOLD, at="2026-11-20T10:00:00", action="create", outcome="created")
    with ledger.commit():
        ledger.tell(first, TOLD)
        ledger.tell(first, earlier)
        ledger.tell(first, replace(TOLD, source_id="s2"))
    assert ledger.told(first, KEY) == [earlier, TOLD]
    assert ledger.told(second, KEY) == []


def test_only_runs_that_came_to_an_end_are_past(ledger_url: str, ledger: Ledger) -> None:
    assert ledger.past_runs(9) == []
    ledger.end_run({"credits": 1})
    ledger.close()
    with Ledger.open(ledger_url) as later:
        (past,) = later.past_runs(9)
        assert (past.run_id, past.summary) == (ledger.run_id, {"credits": 1})
        later.end_run({"credits": 2})
        assert [run.summary["credits"] for run in later.past_runs(9)] == [2, 1]
        assert [run.summary["credits"] for run in later.past_runs(1)] == [2]


def test_what_is_long_past_is_let_go(ledger: Ledger) -> None:
    (first, _) = ledger.pairs()
    with ledger.commit():
        ledger.tell(first, replace(TOLD, at="2001-01-01T00:00:00"))
        ledger.tell(first, replace(TOLD, at=history.now_text()))
    ledger.end_run({})
    assert len(ledger.told(first, KEY)) == 1
    assert len(ledger.past_runs(9)) == 1


def test_what_is_held_stays_until_the_next_run_says_otherwise(ledger: Ledger) -> None:
    first, second = ledger.pairs()
    other = replace(HELD, code="frozen", source_id="s2")
    with ledger.commit():
        ledger.hold_back(first, [HELD, other])
    assert ledger.held(first) == [HELD, other]
    assert ledger.held(second) == []
    with ledger.commit():
        ledger.hold_back(first, [])
    assert ledger.held(first) == []


def test_an_approval_is_for_what_was_shown(ledger: Ledger) -> None:
    (first, _) = ledger.pairs()
    other = replace(HELD, code="frozen", source_id="s2")
    with ledger.commit():
        ledger.hold_back(first, [HELD, other])
    assert ledger.approve(first, "frozen") == [other]
    assert ledger.held(first) == [HELD, replace(other, approved=True)]
    assert ledger.approve(first) == [HELD], "what was approved before is not listed again"
    assert all(one.approved for one in ledger.held(first))


def test_when_a_pair_was_synced_is_kept(ledger_url: str, ledger: Ledger) -> None:
    (first, _) = ledger.pairs()
    with ledger.commit():
        ledger.synced(first)
    ledger.close()
    with Glance.at(ledger_url) as later:
        assert [pair.synced_at for pair in later.pairs()] == [first.synced_at, None]


def test_small_facts_are_kept(ledger: Ledger) -> None:
    assert ledger.recall("alert") is None
    for value in ("one", "two"):
        with ledger.commit():
            ledger.note("alert", value)
        assert ledger.recall("alert") == value
