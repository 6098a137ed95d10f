"""What the guards and the freeze hold back, from an edit in Sessionboard to the approval."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger

from .conftest import PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_swoogo.model import Held

    from .conftest import Pair

Record = dict[str, Any]


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    """A programme of more than ten sessions that is in Swoogo already."""
    pair = make_pair(PAIRS[:1], sessions=20)
    pair.sync()
    assert len(pair.sandbox.state.swoogo["sessions"]) > 10
    return pair


def update(pair: Pair, session: Record, **fields: Any) -> None:
    pair.sandbox.edit(
        {"op": "update", "side": "programme", "kind": "sessions", "id": session["id"]}
        | {"fields": fields}
    )


def synced(pair: Pair) -> list[Record]:
    """The sessions that are in Swoogo, as Sessionboard has them."""
    names = {record["name"] for record in pair.sandbox.state.swoogo["sessions"].values()}
    sessions = pair.sandbox.state.programme["sessions"].values()
    return [s for s in sessions if s["event_id"] == 4101 and s["title"] in names]


def later(stamp: str, minutes: int) -> str:
    moment = datetime.fromisoformat(stamp.replace("Z", "+00:00")) + timedelta(minutes=minutes)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def move(pair: Pair, session: Record, minutes: int) -> None:
    starts, ends = (later(session[name], minutes) for name in ("starts_at", "ends_at"))
    update(pair, session, starts_at=starts, ends_at=ends)


def starts(pair: Pair) -> dict[int, tuple[str, str]]:
    rows = pair.sandbox.state.swoogo["sessions"].values()
    return {row["id"]: (row["date"], row["start_time"]) for row in rows}


def titles(pair: Pair) -> set[str]:
    return {row["name"] for row in pair.sandbox.state.swoogo["sessions"].values()}


def held(pair: Pair) -> list[Held]:
    with Glance.at(pair.target_config()["ledger_url"]) as ledger:
        (recorded,) = ledger.pairs()
        return ledger.held(recorded)


def approve(pair: Pair) -> int:
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        (recorded,) = ledger.pairs()
        return len(ledger.approve(recorded))


def test_shifted_times_are_held_until_they_are_approved(pair: Pair) -> None:
    before, sessions = starts(pair), synced(pair)
    for session in sessions:
        move(pair, session, 60)
    update(pair, sessions[0], title="Renamed meanwhile")
    since = pair.now
    pair.sync(dry_run=True)
    assert held(pair) == [], "a dry run keeps nothing"
    assert pair.writes(since) == []

    report = pair.sync()["pairs"][0]
    assert starts(pair) == before
    assert "Renamed meanwhile" in titles(pair), "everything else goes on"
    assert {one.code for one in held(pair)} == {"guard_time_shift"}
    assert len(held(pair)) >= 10
    assert "would move by +60 minutes: a time-zone change?" in held(pair)[0].message
    assert not any(note["code"].startswith("guard") for note in report["failed"])

    since = pair.now
    pair.load("")
    assert pair.calls(since=since) == [], "what is held costs nothing"

    assert approve(pair) == len(held(pair))
    late = sessions[1]
    move(pair, late, 30)
    pair.sync()
    moved = [key for key, start in starts(pair).items() if start != before[key]]
    assert len(moved) == len(sessions)
    since = pair.now
    pair.load("")
    assert (pair.calls(since=since), held(pair)) == ([], [])


def test_an_approval_is_for_what_was_shown(pair: Pair) -> None:
    before = starts(pair)
    for session in synced(pair):
        move(pair, session, 60)
    pair.sync()
    approve(pair)
    for session in synced(pair):
        move(pair, session, 60)
    pair.sync()
    assert starts(pair) == before
    assert not any(one.approved for one in held(pair))


def test_an_approval_outlives_a_run_that_is_cut_off(pair: Pair) -> None:
    before = starts(pair)
    for session in synced(pair):
        move(pair, session, 60)
    pair.sync()
    count = approve(pair)
    refused = {"match": {"side": "swoogo", "method": "PUT"}, "times": None}
    pair.sandbox.faults(refused | {"do": {"errors_in_200": True}})
    pair.load("", max_failed_percent=100)
    assert starts(pair) == before
    assert [one.approved for one in held(pair)] == [True] * count
    pair.sandbox.faults()
    pair.load("")
    assert held(pair) == []
    assert all(start != before[key] for key, start in starts(pair).items())


def test_statuses_that_empty_the_programme_are_told_and_remove_nothing(pair: Pair) -> None:
    count, since = len(titles(pair)), pair.now
    report = pair.load("", session_statuses=["declined"], unlink_removed_speakers=True)
    codes = [n["code"] for n in report["pairs"][0]["warnings"] if n["kind"] == "event"]
    assert "guard_missing" in codes
    assert [c for c in pair.writes(since) if c["method"] == "DELETE"] == []
    assert len(titles(pair)) >= count


def test_an_empty_read_is_told_until_a_full_one_agrees(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair, "tap_config", partial(pair.tap_config, full_read_hours=0))

    def told() -> list[str]:
        (event,) = pair.sync()["pairs"]
        return [n["message"] for n in event["warnings"] if n["code"] == "guard_missing"]

    assert told() == []
    there = pair.sandbox.state.programme["sessions"]
    hidden = dict(there)
    there.clear()
    (message,) = told()
    assert message.startswith("Sessionboard gave 0 sessions when all were last read, and ")
    assert message.endswith("see whether they are all in Sessionboard.")
    there.update(hidden)
    assert told() == []
    assert len(titles(pair)) == len(synced(pair)), "and nothing was made twice"


def test_near_the_event_only_times_and_rooms_go_through(pair: Pair) -> None:
    hours = 24 * 60
    before, (first, second, *_) = starts(pair), synced(pair)
    move(pair, first, 5)
    update(pair, first, title="Renamed in the freeze")
    update(pair, second, description="<p>Written in the freeze.</p>")
    fields = {k: v for k, v in first.items() if k not in {"id", "created_at", "updated_at"}}
    pair.sandbox.edit(
        {"op": "create", "kind": "sessions", "fields": fields | {"title": "New in the freeze"}}
    )
    pair.sync(freeze_hours=hours)
    assert len([key for key, start in starts(pair).items() if start != before[key]]) == 1
    assert not {"Renamed in the freeze", "New in the freeze"} & titles(pair)
    assert {one.code for one in held(pair)} == {"frozen"}
    since = pair.now
    pair.load("", freeze_hours=hours)
    assert pair.calls(since=since) == [], "nothing new is looked for while it is held"
    approve(pair)
    pair.load("", freeze_hours=hours)
    assert {"Renamed in the freeze", "New in the freeze"} <= titles(pair)
    assert {one.action for one in held(pair)} <= {"image"}, "of one that cannot be used"
