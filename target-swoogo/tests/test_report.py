"""The report: what people and programs read of a run."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo import report_json
from target_swoogo.actions import Action, Change, HeldBack, Plan, Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.estimate import Estimate
from target_swoogo.ledger import Pair
from target_swoogo.model import Choice, Kind, Note, Ref, Row
from target_swoogo.report import PairReport, RunReport
from target_swoogo.report_directory import Directory, Pages
from target_swoogo.report_outcome import COLUMNS
from target_swoogo.wording import masked

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


def test_what_is_held_back_is_a_column_of_its_own(full: PairReport) -> None:
    unchanged = HeldBack(Action(Verb.UPDATE, row(Kind.LOCATION, "l1"), NAME), "guard", "Held.")
    in_part = HeldBack(Action(Verb.UPDATE, row(Kind.SESSION, "s2"), NAME), "guard", "Held.")
    failed_too = HeldBack(Action(Verb.UPDATE, SPEAKER, NAME), "guard", "Held.")
    link = HeldBack(Action(Verb.UNLINK, SPEAKER, sessions=("s1",)), "guard", "Held.")
    image = HeldBack(ACTIONS["image"], "guard", "Held.")
    full.plan.held = [unchanged, in_part, failed_too, link, image]
    counts = full.counts()
    assert counts["location"] == {"unchanged": 1, "held": 1}
    assert counts["session"] == {"unchanged": 1, "skipped": 2, "created": 1, "held": 1}
    assert counts["speaker"] == {"skipped": 1, "failed": 1}, "what failed is worse"
    assert (full.extras()["links held"], full.extras()["images held"]) == (1, 1)
    assert full.done() == {"created": 1, "updated": 1, "adopted": 1}, "a part of s2 went through"
    assert [note.source_id for note in full.held()] == ["l1", "s2", "p1", "p1", "o1"]


def test_a_dry_run_counts_what_would_have_been_done() -> None:
    dry = PairReport(PAIR, "The Conference", Plan(actions=list(ACTIONS.values())))
    assert dry.counts()["session"] == Counter(created=1, updated=1)
    assert dry.counts()["sponsor"] == Counter(adopted=1)
    assert dry.extras() == {"links to link": 1, "images to look at": 1}
    assert dry.failures() == dry.skips() == dry.pending() == []
    (data,) = run_report(dry, dry_run=True).as_json()["pairs"]
    assert {action["outcome"] for action in data["actions"]} == {"planned"}


# JSON


RUN_KEYS = {
    *("version", "run_id", "started_at", "ended_at", "dry_run", "outcome", "credits_used"),
    *("credits_left", "estimate", "pairs"),
}
PAIR_KEYS = {
    *("sessionboard_event_id", "swoogo_event_id", "event_name", "timezone", "outcome", "error"),
    *("postponed", "counts", "links_and_images", "planned_credits", "actions", "held"),
    *("skipped", "failed", "pending", "warnings"),
}
ACTION_KEYS = {
    *("action", "kind", "id", "name", "outcome", "detail", "credits", "changes", "sessions"),
    *("sessionboard_url", "swoogo_url"),
}
NOTE_KEYS = {"kind", "id", "name", "code", "message", "sessionboard_url", "swoogo_url"}
ESTIMATE = Estimate(12, 0.5, 1, fits_window=True, fits_interval=True, sentence="It would cost 12.")


def test_the_shape_of_the_json_is_a_promise(full: PairReport) -> None:
    """Scripts read it: a key that goes or changes its meaning needs another version."""
    full.plan.held = [HeldBack(ACTIONS["update"], "guard", "Held.")]
    data = run_report(full, estimate=ESTIMATE).as_json()
    assert data["version"] == 1
    assert set(data) == RUN_KEYS
    (pair,) = data["pairs"]
    assert set(pair) == PAIR_KEYS
    assert {frozenset(action) for action in pair["actions"]} == {frozenset(ACTION_KEYS)}
    assert {frozenset(action) for action in pair["held"]} == {
        frozenset(ACTION_KEYS | {"code", "message"})
    }
    notes = [note for name in ("skipped", "failed", "pending", "warnings") for note in pair[name]]
    assert {frozenset(note) for note in notes} == {frozenset(NOTE_KEYS)}
    assert set(data["estimate"]) == {
        *("credits", "minutes", "windows", "fits_window", "fits_interval", "sentence"),
    }
    documented = report_json.__doc__ or ""
    for key in RUN_KEYS | PAIR_KEYS | ACTION_KEYS | NOTE_KEYS | set(data["estimate"]):
        assert re.search(rf"\b{key}\b", documented), f"{key} is not documented"


def test_the_json_has_a_version_and_the_figures_of_the_run() -> None:
    assert run_report().as_json() == {
        "version": 1,
        "run_id": "20270301T120000-abc",
        "started_at": "2027-03-01T12:00:00+00:00",
        "ended_at": "2027-03-01T12:01:30+00:00",
        "dry_run": False,
        "outcome": "No event is mapped, so there was nothing to do.",
        "credits_used": 1234,
        "credits_left": 56789,
        "estimate": None,
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
        "sessionboard_url": None,
        "swoogo_url": None,
    }
    lists = ("skipped", "failed", "pending", "warnings")
    assert [len(pair[name]) for name in lists] == [3, 2, 2, 1]
    assert pair["warnings"][0] == {
        "kind": "event",
        "id": "4101",
        "name": "4101",
        "code": "timezone_mismatch",
        "message": "4101 is timezone_mismatch; mend it.",
        "sessionboard_url": None,
        "swoogo_url": None,
    }


def test_an_error_is_told_with_its_code() -> None:
    pair = PairReport(PAIR, error=("swoogo_event_unknown", "Swoogo has no event 77001."))
    told = {"code": "swoogo_event_unknown", "message": "Swoogo has no event 77001."}
    report = run_report(pair)
    assert report.as_json()["pairs"][0]["error"] == told
    assert report.summary()["pairs"][0]["error"] == told
    assert report.as_text()[0] == (
        "Event: Stopped: Swoogo has no event 77001. [swoogo_event_unknown]"
    )


def test_the_pages_of_a_record_are_told_as_the_vendors_give_them(full: PairReport) -> None:
    pages = Pages("https://app.sessionboard.test/s2", "https://swoogo.test/s2")
    full.directory = Directory({(Kind.SESSION, "s2"): pages, (Kind.SESSION, "s5"): pages})
    (pair,) = run_report(full).as_json()["pairs"]
    for told in (pair["actions"][1], pair["skipped"][0]):
        assert (told["sessionboard_url"], told["swoogo_url"]) == pages


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


# The outcome


def outcome_of(*pairs: PairReport, **overrides: Any) -> str:
    return str(run_report(*pairs, **overrides).as_json()["outcome"])


def unchanged(number: int) -> list[Row]:
    return [row(Kind.SESSION, f"u{n}") for n in range(number)]


def test_the_outcome_is_one_sentence(full: PairReport) -> None:
    assert outcome_of(full) == (
        "6 of 9 records are in Swoogo as they should be; 1 was created, 1 was updated and 1 was "
        "adopted in this run; 1 record and 1 image need you; 2 follow in the next run; 3 "
        "were left out."
    )


def test_nothing_to_do_is_said_calmly() -> None:
    quiet = PairReport(PAIR, plan=Plan(unchanged=unchanged(1350)))
    assert outcome_of(quiet) == "All 1,350 records are in Swoogo; nothing had to be changed."
    lonely = PairReport(PAIR, plan=Plan(unchanged=unchanged(1)))
    assert outcome_of(lonely) == "The only record is in Swoogo; nothing had to be changed."
    assert outcome_of(PairReport(PAIR)) == "There is nothing to sync yet."


def test_the_outcome_speaks_of_links_and_images_where_no_record_changed() -> None:
    done = [
        Outcome(ACTIONS["link"], Verdict.LINKED),
        Outcome(Action(Verb.UNLINK, SPEAKER, sessions=("s1",)), Verdict.UNLINKED),
        Outcome(ACTIONS["image"], Verdict.IMAGE_SENT),
    ]
    assert outcome_of(PairReport(PAIR, plan=Plan(unchanged=unchanged(2)), outcomes=done)) == (
        "All 2 records are in Swoogo; 1 speaker was linked to sessions, 1 speaker was taken off "
        "sessions and 1 image was sent in this run."
    )


def test_the_outcome_tells_what_waits_for_approval() -> None:
    held = [HeldBack(Action(Verb.UPDATE, row(Kind.SESSION, "u0"), NAME), "guard", "Held.")]
    plan = Plan(unchanged=unchanged(2), held=held)
    assert outcome_of(PairReport(PAIR, plan=plan)) == (
        "1 of 2 records are in Swoogo as they should be; 1 change waits for approval."
    )


def test_what_the_next_run_mends_does_not_ask_for_anybody() -> None:
    late = Outcome(ACTIONS["update"], Verdict.FAILED, "swoogo_unavailable", "Later.")
    assert outcome_of(PairReport(PAIR, outcomes=[late])).endswith(
        "1 failed and will be tried again by the next run."
    )


def test_the_outcome_of_a_dry_run_is_what_would_be() -> None:
    dry = PairReport(PAIR, plan=Plan(actions=list(ACTIONS.values())))
    assert outcome_of(dry, dry_run=True) == (
        "This was a dry run, and nothing was changed; it would have 1 record created, 1 record "
        "updated, 1 record adopted, 1 speaker linked to sessions and 1 image looked at."
    )
    assert outcome_of(PairReport(PAIR), dry_run=True) == (
        "This was a dry run, and nothing was changed; it would have nothing to change."
    )


def test_the_outcome_of_several_events_names_those_that_stopped() -> None:
    quiet = PairReport(PAIR, plan=Plan(unchanged=unchanged(2)))
    stopped = PairReport(PAIR, error=("code", "Swoogo has no event 77001."))
    late = PairReport(PAIR, postponed=True)
    assert outcome_of(stopped) == "Stopped: Swoogo has no event 77001."
    assert outcome_of(late).startswith("Not looked at:")
    assert outcome_of(quiet, quiet).startswith("All 4 records are in Swoogo; ")
    assert outcome_of(quiet, stopped, late) == (
        "1 of 3 events stopped and needs you; 1 of 3 events wait for the next run; all 2 records "
        "are in Swoogo; nothing had to be changed."
    )


# Text


def test_the_text_has_a_table_that_adds_up(full: PairReport) -> None:
    full.plan.held = [HeldBack(Action(Verb.UPDATE, row(Kind.LOCATION, "l1"), NAME), "guard", "!")]
    lines = run_report(full).as_text()
    assert lines[0] == f"The Conference: {outcome_of(full)}"
    assert lines[1] == "  Sessionboard event 4101 to Swoogo event 77001"
    header = lines[2].split()
    assert set(header) == set(COLUMNS)
    table = {cells[0]: cells[1:] for cells in map(str.split, lines[3:8])}
    assert tuple(table) == tuple(f"{kind}s" for kind in KINDS)
    for kind, figures in full.counts().items():
        assert [int(cell) for cell in table[f"{kind}s"]] == [figures[name] for name in header]
    assert len({len(line) for line in lines[2:8]}) == 1, "the columns are aligned"


def test_the_table_leaves_out_what_is_nought() -> None:
    done = PairReport(PAIR, outcomes=[Outcome(ACTIONS["create"], Verdict.CREATED)])
    assert run_report(done).as_text()[2:4] == [
        "               created",
        "  sessions           1",
    ]


def test_the_text_tells_links_images_and_credits(full: PairReport) -> None:
    full.outcomes.append(Outcome(ACTIONS["image"], Verdict.IMAGE_SAME))
    lines = run_report(full).as_text()
    assert "  Speakers linked to sessions: 1 linked" in lines
    assert "  Images: 1 failed, 1 the same as before, 1 sent" in lines
    assert lines[-1] == "Credits of Swoogo's quota: 1,234 used, 56,789 left."
    idle = "Swoogo was not called: there was nothing to do."
    assert run_report(credits_left=None).as_text() == [idle]
    stopped = PairReport(PAIR, error=("code", "No."))
    assert run_report(stopped, credits_left=None).as_text()[-1] == "Swoogo was not called."


def test_a_run_without_changes_is_short_in_the_log() -> None:
    skips = [note("session", f"s{n}", "session_over") for n in range(3)]
    plan = Plan(
        unchanged=unchanged(3),
        skips=[*skips, note("speaker", "p1", "speaker_without")],
        warnings=[note("session", "u1", "session_clamped")],
    )
    assert run_report(PairReport(PAIR, "The Conference", plan), credits_left=None).as_text() == [
        "The Conference: All 3 records are in Swoogo; nothing had to be changed; 4 were left out.",
        "  Sessionboard event 4101 to Swoogo event 77001",
        "  Left out: 3 sessions [session_over], 1 speaker [speaker_without]",
        "  Note: 1 session [session_clamped]",
        "Swoogo was not called: there was nothing to do.",
    ]


def test_the_price_of_a_plan_is_told() -> None:
    lines = run_report(PairReport(PAIR), dry_run=True, estimate=ESTIMATE).as_text()
    assert lines[-2] == "It would cost 12."


def test_what_is_held_back_says_how_to_let_it_through(full: PairReport) -> None:
    full.plan.held = [HeldBack(ACTIONS["update"], "guard_x", "So many; to let it through: …")]
    lines = run_report(full).as_text()
    assert lines[lines.index("  Held back: 1 session [guard_x]") + 1] == (
        "    So many; to let it through: …"
    )


def test_notes_are_grouped_by_reason_with_some_names() -> None:
    long = Note("session", "s0", "An " + "extremely " * 9 + "long title", "session_over", "Over.")
    skips = [note("session", f"s{n}", "session_over") for n in range(1, 7)]
    skips.insert(3, note("speaker", "p1", "session_over"))
    done = [Outcome(ACTIONS["create"], Verdict.CREATED)]
    report = PairReport(PAIR, plan=Plan(skips=[skips[0], long, *skips[1:]]), outcomes=done)
    lines = run_report(report).as_text()
    start = lines.index("  Left out: 7 sessions [session_over]")
    assert lines[start + 1 : start + 5] == [
        "    S1 is session_over; mend it.",
        "    Likewise: An extremely extremely extremely extrem…; S2; S3; S4; and 2 more",
        "  Left out: 1 speaker [session_over]",
        "    P1 is session_over; mend it.",
    ]


def test_what_a_person_must_see_first_comes_first(full: PairReport) -> None:
    heads = [line.split(":")[0].strip() for line in run_report(full).as_text() if "[" in line]
    assert heads == [
        "Failed",
        "Failed",
        "Later",
        "Later",
        "Left out",
        "Left out",
        "Left out",
        "Note",
    ]


def test_a_postponed_pair_says_so() -> None:
    late = run_report(PairReport(PAIR, "The Conference", postponed=True)).as_text()
    assert late[0].startswith("The Conference: Not looked at: ")
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
    assert first == folder / "20270301T120000-abc.html"
    assert second == folder / "second.html"
    names = {"latest", "20270301T120000-abc", "second"}
    assert {file.name for file in folder.iterdir()} == {
        f"{name}.{ending}" for name in names for ending in ("json", "html")
    }
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "jane.doe" not in file.read_text()
    assert json.loads(first.with_suffix(".json").read_text()) == run_report(full).as_json()
    assert first.read_text() == run_report(full).as_html()
    for ending in ("json", "html"):
        latest = folder / f"latest.{ending}"
        assert latest.read_bytes() == (folder / f"second.{ending}").read_bytes()


def test_a_report_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_report().write(str(tmp_path))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        run_report(credits_used=9).write(str(tmp_path))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_empty_path_means_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_report().write("") is None
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_raises() -> None:
    with pytest.raises(OSError, match="Not a directory"):
        run_report().write("/dev/null/reports")


def test_reports_older_than_90_days_are_removed_and_nothing_else(tmp_path: Path) -> None:
    ended = datetime.fromisoformat("2027-04-01T10:00:00+00:00")
    old, edge = "20270101T095959-00aa11.html", "20270101T100000-00aa11.json"
    others = ("20200101T000000-00aa11.txt", "20200101.json", "notes.html", edge)
    for name in (old, *others):
        (tmp_path / name).touch()
    run_report(run_id="20270401T100000-0b0b0b", ended=ended).write(str(tmp_path))
    kept = {file.name for file in tmp_path.iterdir()}
    assert old not in kept
    assert kept >= set(others)
    assert len(kept) == len(others) + 4
