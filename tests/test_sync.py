"""A programme goes from Sessionboard to Swoogo, over real HTTP."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sandbox.server import Sandbox

from .conftest import SHARED, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = {
    "sessions": "session",
    "speakers": "speaker",
    "sponsors": "sponsor",
    "locations": "location",
    "tracks": "track",
}
PAIRED = {4101: 77001, 4102: 77002}
COLUMNS = ("created", "updated", "adopted", "unchanged", "skipped", "failed", "pending")


def total(report: dict[str, Any], column: str) -> int:
    return sum(
        counts.get(column, 0) for pair in report["pairs"] for counts in pair["counts"].values()
    )


def totals(report: dict[str, Any]) -> dict[str, int]:
    return {column: total(report, column) for column in COLUMNS if total(report, column)}


def extras(report: dict[str, Any]) -> Counter[str]:
    return sum((Counter(pair["links_and_images"]) for pair in report["pairs"]), Counter())


def swoogo(pair: Pair, kind: str) -> list[dict[str, Any]]:
    return list(pair.sandbox.state.swoogo[kind].values())


@dataclass
class Demo:
    """The demo programme: a first run, a repeat, a day of edits and a run after it."""

    pair: Pair
    first: dict[str, Any]
    created: dict[str, int]
    first_writes: list[dict[str, Any]]
    repeat: dict[str, Any]
    repeat_calls: list[dict[str, Any]]
    edits: list[dict[str, Any]]
    after: dict[str, Any]
    after_writes: list[dict[str, Any]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with Sandbox(state_dir=folder / "sandbox") as sandbox:
        pair = Pair(sandbox, folder)
        first = pair.sync()
        created = {kind: len(swoogo(pair, kind)) for kind in KINDS}
        first_writes, since = pair.writes(), pair.now
        repeat = pair.sync()
        repeat_calls = pair.calls(since=since)
        edits, since = sandbox.edit(), pair.now
        after = pair.sync()
        yield Demo(
            pair,
            first,
            created,
            first_writes,
            repeat,
            repeat_calls,
            edits,
            after,
            pair.writes(since),
        )


def test_the_demo_programme_arrives_whole(demo: Demo) -> None:
    for kind, name in KINDS.items():
        counts = [pair["counts"][name] for pair in demo.first["pairs"]]
        assert demo.created[kind] == sum(count["created"] for count in counts) > 0, kind
    assert [pair["error"] for pair in demo.first["pairs"]] == [None, None]
    assert total(demo.first, "failed") == 0
    failed = [note["code"] for pair in demo.first["pairs"] for note in pair["failed"]]
    assert failed == ["image_corrupt"]


def test_writes_are_creates_updates_links_and_images_no_more(demo: Demo) -> None:
    for report, writes in ((demo.first, demo.first_writes), (demo.after, demo.after_writes)):
        done = extras(report)
        assert len(writes) == (
            total(report, "created")
            + total(report, "updated")
            + done["links linked"]
            + done["images sent"]
        )
        assert {call["status"] for call in writes} <= {200, 201}


def test_a_repeat_with_nothing_changed_makes_no_call(demo: Demo) -> None:
    assert demo.repeat_calls == []
    assert demo.repeat["credits_used"] == 0
    assert total(demo.repeat, "unchanged") == total(demo.first, "created")


def test_a_day_of_edits_touches_only_what_was_edited(demo: Demo) -> None:
    assert 0 < len(demo.after_writes) < 2 * len(demo.edits)
    assert total(demo.after, "created") == 4, "a session, two speakers, a sponsor"
    assert total(demo.after, "updated") == 5, "a room, two sessions, a speaker, a sponsor"
    assert total(demo.after, "failed") == 0


def test_every_skip_names_its_record_and_says_what_to_do(demo: Demo) -> None:
    skipped = demo.first["pairs"][0]["skipped"]
    assert {note["code"] for note in skipped} >= {
        "session_not_accepted",
        "session_undated",
        "session_over",
        "speaker_not_on_session",
        "speaker_email_masked",
        "speaker_email_shared",
        "speaker_without_last_name",
        "subsession",
    }
    for note in skipped:
        assert note["name"] in note["message"]
        assert ";" in note["message"] or ":" in note["message"]
        assert "@" not in note["message"]


def test_images_over_the_limit_are_downscaled(demo: Demo) -> None:
    details = [a["detail"] for a in demo.first["pairs"][0]["actions"] if a["detail"]]
    assert details, "the demo has photos of over 1 MB"
    uploads = [c["fields"]["file"]["size"] for c in demo.first_writes if "/image/" in c["path"]]
    assert 900_000 < max(uploads) <= 1_000_000


def test_the_fields_arrive_as_sessionboard_has_them(pair: Pair) -> None:
    pair.sync()
    programme = pair.sandbox.state.programme
    for sponsor in swoogo(pair, "sponsors"):
        (original,) = (
            s
            for s in programme["sponsors"].values()
            if s["name"] == sponsor["name"] and PAIRED[s["event_id"]] == sponsor["event_id"]
        )
        assert sponsor["website"] == original["website_url"]
        assert sponsor["description"] == original["description"]
        assert sponsor["logo_id"]
    zones = {77001: ZoneInfo("America/New_York"), 77002: ZoneInfo("Europe/London")}
    for session in swoogo(pair, "sessions"):
        (original,) = (
            s
            for s in programme["sessions"].values()
            if s["title"] == session["name"] and PAIRED[s["event_id"]] == session["event_id"]
        )
        starts = datetime.fromisoformat(original["starts_at"].replace("Z", "+00:00"))
        local = starts.astimezone(zones[session["event_id"]])
        assert (session["date"], session["start_time"]) == (
            f"{local:%Y-%m-%d}",
            f"{local:%H:%M:%S}",
        )


def test_a_dry_run_changes_nothing_and_moves_no_bookmark(pair: Pair) -> None:
    messages = pair.read()
    report = pair.load(messages, dry_run=True)
    assert pair.writes() == []
    assert pair.state == {}
    planned = totals(report)
    real = pair.load(messages)
    assert totals(real) == planned
    assert extras(real)["links linked"] == extras(report)["links to link"]


@pytest.mark.skipif(not SHARED.exists(), reason="the real programme is not part of the project")
def test_a_real_programme_arrives_whole(make_pair: Callable[..., Pair]) -> None:
    folder = SHARED / "data/djangocon-us-2024"
    pair = make_pair([{"sessionboard_event_id": 3950, "swoogo_event_id": 77001}], program=folder)
    report = pair.sync()
    (only,) = report["pairs"]
    sessions = json.loads((folder / "sessions.json").read_text())
    people = {person["id"]: person for s in sessions for person in s["participants"]}
    complete = {i for i, p in people.items() if p["first_name"] and p["last_name"] and p["email"]}
    links = {(p["id"], s["id"]) for s in sessions for p in s["participants"] if p["id"] in complete}
    assert len(swoogo(pair, "sessions")) == 62
    assert len(swoogo(pair, "sponsors")) == 26
    assert len(swoogo(pair, "speakers")) == len(complete)
    assert sum(len(s["session_ids"]) for s in swoogo(pair, "speakers")) == len(links)
    assert only["failed"] == []
    pictures = sum(bool(people[i]["photo_url"]) for i in complete) + 26
    assert extras(report)["images sent"] == pictures
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []
