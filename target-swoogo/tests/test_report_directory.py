"""What the report looks up in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_swoogo.actions import Action, HeldBack, Plan, Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.ledger import Ledger
from target_swoogo.model import Kind, Mapped, Note, Row
from target_swoogo.report import PairReport
from target_swoogo.report_directory import Directory, Pages, look_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield ledger


@pytest.fixture
def report(ledger: Ledger) -> PairReport:
    """The report on a pair of which the ledger knows two sessions, a sponsor and a room."""
    (pair,) = ledger.hold([(4101, 77001)])
    pair.observed["levels"] = [[601, "Gold"]]
    sponsor = Mapped(Kind.SPONSOR, "o1", "Hazel", 7, direct_link="https://swoogo.test/o/7")
    with ledger.commit():
        ledger.put(
            "sessions",
            [
                (4101, "s1", b'{"id":"s1","admin_url":"https://sessionboard.test/s1"}'),
                (4101, "s2", b'{"id":"s2","admin_url":17}'),
                (4101, "s3", b'{"id":"s3","admin_url":"https://sessionboard.test/s3"}'),
            ],
        )
        ledger.put("sponsors", [(4101, "o1", b'{"id":"o1","admin_url":null}')])
        ledger.save(pair, sponsor)
        ledger.save(pair, Mapped(Kind.LOCATION, "l1", "Great Hall", 9))
        ledger.save(pair, Mapped(Kind.TRACK, "t1", "Water"))
    return PairReport(pair)


def action(kind: Kind, source_id: str) -> Action:
    return Action(Verb.UPDATE, Row(kind, source_id, source_id, {}))


def note(kind: str, source_id: str) -> Note:
    return Note(kind, source_id, source_id, "code", "Message.")


def test_each_vendor_says_where_a_record_is_seen(ledger: Ledger, report: PairReport) -> None:
    report.plan = Plan(
        actions=[action(Kind.SPONSOR, "o1")],
        skips=[note("session", "s1")],
        warnings=[note("session", "s2"), note("event", "4101")],
    )
    assert look_up(ledger, report).pages == {
        (Kind.SPONSOR, "o1"): Pages(None, "https://swoogo.test/o/7"),
        (Kind.SESSION, "s1"): Pages("https://sessionboard.test/s1", None),
        (Kind.SESSION, "s2"): Pages(),
    }


def test_whatever_the_report_names_is_looked_up(ledger: Ledger, report: PairReport) -> None:
    gone = Outcome(action(Kind.SESSION, "s1"), Verdict.GONE, "deleted_in_swoogo", "Gone.")
    report.outcomes = [gone]
    report.plan = Plan(
        waiting=[note("session", "s2")],
        held=[HeldBack(action(Kind.SESSION, "s3"), "guard", "Held.")],
    )
    assert set(look_up(ledger, report).pages) == {(Kind.SESSION, f"s{n}") for n in (1, 2, 3)}


def test_ids_have_names(ledger: Ledger, report: PairReport) -> None:
    report.plan = Plan(actions=[action(Kind.SPONSOR, "o1")])
    found = look_up(ledger, report)
    assert found.labels[Kind.TRACK, "t1"] == "Water"
    assert found.choices == {
        "location_id": {9: "Great Hall"},
        "track_id": {},
        "level": {601: "Gold"},
    }


def test_a_report_that_names_nothing_reads_nothing(
    ledger: Ledger, report: PairReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Ledger, "mapped")
    assert look_up(ledger, report) == Directory()
