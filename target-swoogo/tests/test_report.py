"""The report: what people and programs read of a run."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.actions import Action, Change, Plan, Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.ledger import Pair
from target_swoogo.model import Choice, Kind, Note, Ref, Row
from target_swoogo.report import PairReport, RunReport, masked

if TYPE_CHECKING:
    from pathlib import Path

PAIR = Pair(1, 4101, 77001)
START = datetime(2027, 3, 1, 12, 0, 0, 987, tzinfo=timezone.utc)
KINDS = ("location", "track", "session", "speaker", "sponsor")


def row(kind: Kind, source_id: str) -> Row:
    return Row(kind, source_id, source_id.upper(), {})


def note(kind: str, source_id: str, code: str, message: str = "") -> Note:
    label = source_id.upper()
    return Note(kind, source_id, label, code, message or f"{label} is {code}; mend it.")


def run_report(*pairs: PairReport, **overrides: Any) -> RunReport:
    given: dict[str, Any] = {
        "run_id": "20270301T120000-abc",
        "started": START,
        "ended": START + timedelta(seconds=90),
        "dry_run": False,
        "pairs": pairs,
        "credits_used": 1234,
        "credits_left": 56789,
    }
    return RunReport(**(given | overrides))


SESSION = row(Kind.SESSION, "s1")
SPEAKER = row(Kind.SPEAKER, "p1")
SPONSOR = row(Kind.SPONSOR, "o1")
NAME = {"name": Change("Old", "New")}
ACTIONS = {
    "create": Action(Verb.CREATE, SESSION, {"name": Change(None, "New")}),
    "update": Action(Verb.UPDATE, row(Kind.SESSION, "s2"), NAME),
    "adopt": Action(Verb.ADOPT, SPONSOR),
    "link": Action(Verb.LINK, SPEAKER, sessions=("s1", "s2")),
    "image": Action(Verb.IMAGE, SPONSOR),
}


@pytest.fixture
def full() -> PairReport:
    """A run in which something of everything happened."""
    failed = Action(Verb.CREATE, SPEAKER, {"email": Change(None, "jane.doe@mail.example.org")})
    gone = Action(Verb.UPDATE, row(Kind.SESSION, "s3"), NAME)
    late = Action(Verb.UPDATE, row(Kind.TRACK, "t1"), NAME)
    lost_image = Action(Verb.IMAGE, SPEAKER)
    outcomes = [
        Outcome(ACTIONS["create"], Verdict.CREATED),
        Outcome(ACTIONS["update"], Verdict.UPDATED),
        Outcome(ACTIONS["adopt"], Verdict.ADOPTED),
        Outcome(ACTIONS["link"], Verdict.LINKED),
        Outcome(ACTIONS["image"], Verdict.IMAGE_SENT, detail="downscaled"),
        Outcome(failed, Verdict.FAILED, "swoogo_refused", "P1 was not created; correct it."),
        Outcome(gone, Verdict.GONE, "deleted_in_swoogo", "S3 was deleted; restore it."),
        Outcome(late, Verdict.PENDING, "run_ended", "T1: the next run continues."),
        Outcome(lost_image, Verdict.FAILED, "image_corrupt", "P1 got no image; replace it."),
    ]
    plan = Plan(
        actions=[outcome.action for outcome in outcomes],
        unchanged=[row(Kind.LOCATION, "l1"), row(Kind.LOCATION, "l2"), row(Kind.SESSION, "s4")],
        skips=[note("session", "s5", "session_over"), note("speaker", "p2", "speaker_without")],
        warnings=[note("event", "4101", "timezone_mismatch")],
        waiting=[note("sponsor", "o2", "outcome_unknown")],
    )
    return PairReport(PAIR, "The Conference", plan, outcomes)


# Counts


def test_every_record_is_counted_once_by_kind(full: PairReport) -> None:
    counts = {kind: dict(figures) for kind, figures in full.counts().items()}
    assert counts == {
        "location": {"unchanged": 2},
        "track": {"pending": 1},
        "session": {"unchanged": 1, "skipped": 2, "created": 1, "updated": 1},
        "speaker": {"skipped": 1, "failed": 1},
        "sponsor": {"adopted": 1, "pending": 1},
    }


def test_links_and_images_are_counted_beside_the_records(full: PairReport) -> None:
    assert full.extras() == {"links linked": 1, "images sent": 1, "images failed": 1}


def test_the_notes_are_sorted_by_what_became_of_the_records(full: PairReport) -> None:
    assert [n.code for n in full.failures()] == ["swoogo_refused", "image_corrupt"]
    assert [n.code for n in full.pending()] == ["outcome_unknown", "run_ended"]
    assert [n.code for n in full.skips()] == [
        "session_over",
        "speaker_without",
        "deleted_in_swoogo",
    ]
    assert full.failures()[0] == Note(
        "speaker", "p1", "P1", "swoogo_refused", "P1 was not created; correct it."
    )


def test_the_failed_share_is_of_all_that_should_be_there(full: PairReport) -> None:
    # s1 s2 s3 s4, l1 l2, t1, p1, o1; of these p1 failed, twice.
    assert full.failed_percent() == pytest.approx(100 / 9)
    assert PairReport(PAIR).failed_percent() == 0


def test_a_dry_run_counts_what_would_have_been_done() -> None:
    dry = PairReport(PAIR, "The Conference", Plan(actions=list(ACTIONS.values())))
    assert dry.counts()["session"] == Counter(created=1, updated=1)
    assert dry.counts()["sponsor"] == Counter(adopted=1)
    assert dry.extras() == {"links to link": 1, "images to look at": 1}
    assert dry.failures() == dry.skips() == dry.pending() == []
    (data,) = run_report(dry, dry_run=True).as_json()["pairs"]
    assert {action["outcome"] for action in data["actions"]} == {"planned"}


# JSON


def test_the_json_has_a_version_and_the_figures_of_the_run() -> None:
    assert run_report().as_json() == {
        "version": 1,
        "run_id": "20270301T120000-abc",
        "started_at": "2027-03-01T12:00:00+00:00",
        "ended_at": "2027-03-01T12:01:30+00:00",
        "dry_run": False,
        "credits_used": 1234,
        "credits_left": 56789,
        "pairs": [],
    }


def test_the_json_of_a_pair_tells_all_of_it(full: PairReport) -> None:
    (pair,) = run_report(full).as_json()["pairs"]
    assert {name: pair[name] for name in ("sessionboard_event_id", "swoogo_event_id")} == {
        "sessionboard_event_id": 4101,
        "swoogo_event_id": 77001,
    }
    assert (pair["event_name"], pair["error"], pair["postponed"]) == ("The Conference", None, False)
    assert tuple(pair["counts"]) == KINDS
    assert pair["counts"]["speaker"] == {"skipped": 1, "failed": 1}
    assert pair["links_and_images"] == {"links linked": 1, "images sent": 1, "images failed": 1}
    assert pair["planned_credits"] == full.plan.cost > 0
    assert len(pair["actions"]) == len(full.outcomes)
    assert pair["actions"][3]["sessions"] == ["s1", "s2"]
    assert pair["actions"][4]["detail"] == "downscaled"
    assert pair["actions"][1] == {
        "action": "update",
        "kind": "session",
        "id": "s2",
        "name": "S2",
        "outcome": "updated",
        "detail": None,
        "credits": 1,
        "changes": {"name": {"old": "Old", "new": "New"}},
        "sessions": [],
    }
    lists = ("skipped", "failed", "pending", "warnings")
    assert [len(pair[name]) for name in lists] == [3, 2, 2, 1]
    assert pair["warnings"][0] == {
        "kind": "event",
        "id": "4101",
        "name": "4101",
        "code": "timezone_mismatch",
        "message": "4101 is timezone_mismatch; mend it.",
    }


def test_an_error_is_told_with_its_code() -> None:
    pair = PairReport(PAIR, error=("swoogo_event_unknown", "Swoogo has no event 77001."))
    told = {"code": "swoogo_event_unknown", "message": "Swoogo has no event 77001."}
    report = run_report(pair)
    assert report.as_json()["pairs"][0]["error"] == told
    assert report.summary()["pairs"][0]["error"] == told
    assert "  Stopped [swoogo_event_unknown]: Swoogo has no event 77001." in report.as_text()


def test_the_summary_for_the_ledger_names_no_record(full: PairReport) -> None:
    summary = run_report(full).summary()
    assert (summary["dry_run"], summary["credits"]) == (False, 1234)
    assert summary["pairs"][0]["counts"]["session"]["created"] == 1
    assert "P1" not in json.dumps(summary)


def test_values_are_shown_as_people_know_them(full: PairReport) -> None:
    changes = {
        "location_id": Change(100001, Ref(Kind.LOCATION, "l9")),
        "level": Change(None, Choice("Gold")),
        "email": Change("old@example.org", "jane.doe@mail.example.org"),
        "capacity": Change(20, None),
    }
    full.outcomes = [Outcome(Action(Verb.UPDATE, SPEAKER, changes), Verdict.UPDATED)]
    (pair,) = run_report(full).as_json()["pairs"]
    assert pair["actions"][0]["changes"] == {
        "location_id": {"old": 100001, "new": "new location"},
        "level": {"old": None, "new": "Gold"},
        "email": {"old": "o***@e***.org", "new": "j***@m***.example.org"},
        "capacity": {"old": 20, "new": None},
    }


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("jane.doe@example.org", "j***@e***.org"),
        ("j@e.org", "j***@e***.org"),
        ("jane@mail.example.org", "j***@m***.example.org"),
        ("jane", "j***"),
        ("", ""),
    ],
)
def test_an_address_is_masked(email: str, shown: str) -> None:
    assert masked(email) == shown


# Text


def test_the_text_has_a_table_that_adds_up(full: PairReport) -> None:
    lines = run_report(full).as_text()
    assert lines[0] == "The Conference: Sessionboard event 4101 to Swoogo event 77001"
    header = lines[1].split()
    table = {cells[0]: cells[1:] for cells in map(str.split, lines[2:7])}
    assert tuple(table) == tuple(f"{kind}s" for kind in KINDS)
    for kind, figures in full.counts().items():
        assert [int(cell) for cell in table[f"{kind}s"]] == [figures[name] for name in header]
    assert len({len(line) for line in lines[1:7]}) == 1, "the columns are aligned"


def test_the_text_tells_links_images_and_credits(full: PairReport) -> None:
    lines = run_report(full).as_text()
    assert "  Speakers linked to their sessions: 1 linked" in lines
    assert "  Images: 1 failed, 1 sent" in lines
    assert lines[-1] == "Credits of Swoogo's quota: 1,234 used, 56,789 left."
    assert run_report(credits_left=None).as_text() == [
        "Swoogo was not called: there was nothing to do."
    ]


def test_notes_are_grouped_by_reason_with_some_names() -> None:
    long = Note("session", "s0", "An " + "extremely " * 9 + "long title", "session_over", "Over.")
    skips = [note("session", f"s{n}", "session_over") for n in range(1, 7)]
    skips.insert(3, note("speaker", "p1", "session_over"))
    report = PairReport(PAIR, plan=Plan(skips=[skips[0], long, *skips[1:]]))
    lines = run_report(report).as_text()
    start = lines.index("  Skipped: 7 sessions [session_over]")
    assert lines[start + 1 : start + 5] == [
        "    S1 is session_over; mend it.",
        "    Likewise: An extremely extremely extremely extrem…; S2; S3; S4; and 2 more",
        "  Skipped: 1 speaker [session_over]",
        "    P1 is session_over; mend it.",
    ]


def test_what_a_person_must_see_first_comes_first(full: PairReport) -> None:
    heads = [line.split(":")[0].strip() for line in run_report(full).as_text() if "[" in line]
    assert heads == [
        "Failed",
        "Failed",
        "Pending",
        "Pending",
        "Skipped",
        "Skipped",
        "Skipped",
        "Note",
    ]


def test_a_dry_run_and_a_postponed_pair_say_so() -> None:
    dry = run_report(PairReport(PAIR), dry_run=True).as_text()
    assert dry[0].endswith(" (dry run: nothing was changed)")
    late = run_report(PairReport(PAIR, postponed=True)).as_text()
    assert late[1].startswith("  Not looked at: ")
    assert len(late) == 3, "and no table of nothing"


# The files


def test_the_report_is_written_for_its_owner_only_and_beside_it_the_latest(
    tmp_path: Path, full: PairReport
) -> None:
    folder = tmp_path / "deep/reports"
    before = os.umask(0)
    try:
        first = run_report(full).write(str(folder))
        second = run_report(run_id="second").write(str(folder))
    finally:
        os.umask(before)
    assert first is not None
    assert second is not None
    latest = folder / "latest.json"
    assert {file.name for file in folder.iterdir()} == {first.name, second.name, latest.name}
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(first.read_text()) == run_report(full).as_json()
    assert latest.read_bytes() == second.read_bytes(), "no rest of a longer one"
    assert "jane.doe" not in first.read_text()


def test_an_empty_path_means_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_report().write("") is None
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_raises() -> None:
    with pytest.raises(OSError, match="Not a directory"):
        run_report().write("/dev/null/reports")
