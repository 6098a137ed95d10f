"""A run to which nothing has come evaluates nothing, and says what the one before it said."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo import reconcile, target
from target_swoogo.ledger import Ledger

from .conftest import PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Pair

Evaluations = list[int]


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> Evaluations:
    """The Sessionboard events that were evaluated."""
    seen: Evaluations = []
    evaluate = reconcile.evaluate

    def counting(ledger: Any, pair: Any, *rest: Any) -> Any:
        seen.append(pair.sessionboard_event_id)
        return evaluate(ledger, pair, *rest)

    monkeypatch.setattr(reconcile, "evaluate", counting)
    return seen


@pytest.fixture
def pair(make_pair: Callable[..., Pair], evaluations: Evaluations) -> Pair:
    """A pair of events at rest: synced, and found so by a run after it."""
    pair = make_pair(sessions=12)
    for url in ("photo_url", "logo_image_url"):
        for kind in ("people", "sponsors"):
            for record in pair.sandbox.state.programme[kind].values():
                record[url] = None  # one that cannot be used is tried again by every run
    pair.sync()
    pair.sync()
    evaluations.clear()
    return pair


def told(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(event) for event in report["pairs"]]


def clock(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    monkeypatch.setattr(target, "utc_now", lambda: datetime.now(timezone.utc) + ahead)


def test_nothing_is_evaluated_and_the_same_is_told(pair: Pair, evaluations: Evaluations) -> None:
    since = pair.now
    before = told(pair.sync())
    for _ in range(3):
        assert told(pair.sync()) == before
    assert evaluations == []
    assert pair.calls(since=since) == []
    assert before[0]["counts"]["session"]["unchanged"] > 0
    assert before[0]["skipped"], "what is left alone is told as before"
    assert any(note["sessionboard_url"] for note in before[0]["skipped"])


def test_the_latest_report_is_renewed_and_no_other_is_left(pair: Pair) -> None:
    folder = pair.folder / "reports"
    before = {file.name for file in folder.iterdir()}
    run = pair.sync()["run_id"]
    assert {file.name for file in folder.iterdir()} == before
    assert run in (folder / "latest.html").read_text()


def test_a_resting_pair_counts_as_synced(pair: Pair, evaluations: Evaluations) -> None:
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        ledger._db.exec_driver_sql("UPDATE swoogo_pair SET synced_at = '2020-01-01T00:00:00'")
        ledger._db.commit()
    pair.sync()  # the ledger was opened, so this one looks
    evaluations.clear()
    pair.sync()
    with Ledger.open(pair.target_config()["ledger_url"]) as ledger:
        assert {one.synced_at[:4] for one in ledger.pairs() if one.synced_at} != {"2020"}
    assert evaluations == []


def synced_session(pair: Pair, event_id: int) -> dict[str, Any]:
    """A session of an event that is in Swoogo."""
    names = {session["name"] for session in pair.sandbox.state.swoogo["sessions"].values()}
    return next(
        session
        for session in pair.sandbox.state.programme["sessions"].values()
        if session["event_id"] == event_id and session["title"] in names
    )


def edit(pair: Pair, session: dict[str, Any], **fields: Any) -> None:
    pair.sandbox.edit({"op": "update", "kind": "sessions", "id": session["id"], "fields": fields})


def test_only_the_event_that_changed_is_evaluated(pair: Pair, evaluations: Evaluations) -> None:
    room = next(
        room for room in pair.sandbox.state.programme["rooms"].values() if room["event_id"] == 4102
    )
    fields = {"name": "Another hall"}
    pair.sandbox.edit({"op": "update", "kind": "rooms", "id": room["id"], "fields": fields})
    pair.sync()
    assert evaluations == [4102]
    pair.sync()
    assert evaluations == [4102, 4102], "it was not at rest: something was done"
    pair.sync()
    assert evaluations == [4102, 4102]


def later(moment: str) -> str:
    ends = datetime.fromisoformat(moment.replace("Z", "+00:00")) + timedelta(minutes=1)
    return ends.isoformat().replace("+00:00", "Z")


def test_an_edited_text_is_sent_and_nothing_else_is_looked_at(
    pair: Pair, evaluations: Evaluations
) -> None:
    before = told(pair.sync())[1]
    session = synced_session(pair, 4102)
    since = pair.now
    edit(pair, session, title="An edited title")
    after = told(pair.sync())[1]
    assert evaluations == []
    assert [call["fields"]["name"] for call in pair.writes(since)] == ["An edited title"]
    assert after["counts"]["session"]["updated"] == 1
    assert sum(after["counts"]["session"].values()) == sum(before["counts"]["session"].values())
    assert (after["skipped"], after["warnings"]) == (before["skipped"], before["warnings"])
    since = pair.now
    assert told(pair.sync())[1] == before
    assert pair.calls(since=since) == []
    assert evaluations == [], "it is at rest again"


def test_a_session_that_goes_on_longer_is_sent_and_nothing_else_is_looked_at(
    pair: Pair, evaluations: Evaluations
) -> None:
    session = synced_session(pair, 4102)
    since = pair.now
    edit(pair, session, ends_at=later(session["ends_at"]))
    pair.sync()
    assert evaluations == []
    assert [call["path"].rpartition("/")[0] for call in pair.writes(since)] == ["/sessions/update"]
    since = pair.now
    pair.sync()
    assert pair.calls(since=since) == []
    assert evaluations == [], "it is at rest again"


def test_a_submission_is_told_of_and_nothing_else_is_looked_at(
    pair: Pair, evaluations: Evaluations
) -> None:
    before = told(pair.sync())[1]["skipped"]
    since = pair.now
    fields = {"event_id": 4102, "title": "A new submission", "status": "pending"}
    pair.sandbox.edit({"op": "create", "kind": "sessions", "fields": fields})
    for _ in range(2):
        notes = [note for note in told(pair.sync())[1]["skipped"] if note not in before]
        assert [note["code"] for note in notes] == ["session_not_accepted"]
        assert "A new submission" in notes[0]["message"]
    assert pair.calls(since=since) == []
    assert evaluations == []


def test_a_change_that_nothing_is_made_of_is_not_sent(pair: Pair, evaluations: Evaluations) -> None:
    before = told(pair.sync())
    since = pair.now
    edit(pair, synced_session(pair, 4102), language={"id": "l", "name": "Latin"})
    assert told(pair.sync()) == before
    assert pair.calls(since=since) == []
    assert evaluations == []


def test_an_edit_that_swoogo_does_not_take_is_tried_again_by_a_run_that_looks_at_all(
    pair: Pair, evaluations: Evaluations
) -> None:
    broken = {"match": {"path": "/sessions/update"}, "times": None, "do": {"status": 422}}
    pair.sandbox.faults(broken)
    edit(pair, synced_session(pair, 4102), title="An edited title")
    report = pair.sync(max_failed_percent=100)
    assert told(report)[1]["counts"]["session"]["failed"] == 1
    pair.sandbox.faults()
    pair.sync(max_failed_percent=100)
    assert 4102 in evaluations
    names = [session["name"] for session in pair.sandbox.state.swoogo["sessions"].values()]
    assert names.count("An edited title") == 1


@pytest.mark.parametrize(
    "setting",
    [
        {"speakers": "all"},
        {"session_statuses": ["accepted", "declined"]},
        {"guard_missing_percent": 90},
        {"freeze_hours": 1},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_changed_setting_is_followed(
    pair: Pair, evaluations: Evaluations, setting: dict[str, Any]
) -> None:
    pair.sync(**setting)
    assert sorted(evaluations) == [4101, 4102]


def test_a_new_key_is_no_other_setting(pair: Pair, evaluations: Evaluations) -> None:
    pair.sync(consumer_key="another", consumer_secret="another")
    assert evaluations == []


def test_whoever_opens_the_ledger_may_have_changed_it(pair: Pair, evaluations: Evaluations) -> None:
    Ledger.open(pair.target_config()["ledger_url"]).close()
    pair.sync()
    assert sorted(evaluations) == [4101, 4102]


def test_a_run_that_is_cut_off_leaves_nothing_at_rest(
    pair: Pair, evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = next(iter(pair.sandbox.state.programme["sessions"].values()))
    pair.sandbox.edit(
        {"op": "update", "kind": "sessions", "id": session["id"], "fields": {"title": "New"}}
    )
    with monkeypatch.context() as patch:
        patch.setattr(reconcile.Reconciler, "run", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pair.load(pair.read())
    pair.load("")
    assert sorted(evaluations) == [4101, 4102]


def test_a_dry_run_evaluates_and_leaves_nothing_at_rest(
    pair: Pair, evaluations: Evaluations
) -> None:
    pair.load("", dry_run=True)
    pair.load("")
    assert len(evaluations) == 2 * len(PAIRS)


def test_an_event_that_was_not_mapped_for_a_while_is_looked_at(
    pair: Pair, evaluations: Evaluations
) -> None:
    pair.sync(event_mappings=PAIRS[:1])
    evaluations.clear()
    pair.sync()
    assert sorted(evaluations) == [4101, 4102]


def test_a_new_day_changes_nothing(
    pair: Pair, evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told(pair.sync())
    clock(monkeypatch, timedelta(days=1))
    assert told(pair.sync()) == before
    assert evaluations == []


def test_a_session_that_ends_is_told_and_nothing_else_is_looked_at(
    pair: Pair, evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {session["name"] for session in pair.sandbox.state.swoogo["sessions"].values()}
    ends = sorted(
        datetime.fromisoformat(session["ends_at"].replace("Z", "+00:00"))
        for session in pair.sandbox.state.programme["sessions"].values()
        if session["ends_at"] and session["title"] in names
    )
    before = told(pair.sync())
    since = pair.now
    clock(monkeypatch, ends[0] - datetime.now(timezone.utc) + timedelta(seconds=30))
    after = told(pair.sync())
    assert evaluations == []
    assert pair.calls(since=since) == []

    def over(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [n for one in pairs for n in one["skipped"] if n["code"] == "session_over"]

    ended = sum(end == ends[0] for end in ends)
    assert len(over(after)) - len(over(before)) == ended > 0
    assert all(note["sessionboard_url"] for note in over(after))
    unchanged = [
        sum(one["counts"]["session"]["unchanged"] for one in pairs) for pairs in (before, after)
    ]
    assert unchanged[0] - unchanged[1] == ended
    assert told(pair.sync()) == after, "it is at rest again, and says where they can be seen"
    assert evaluations == []


def test_what_an_unknown_version_remembered_is_ignored(
    pair: Pair, evaluations: Evaluations
) -> None:
    url = pair.target_config()["ledger_url"]
    with Ledger.open(url) as ledger:
        ledger.keep_resting({1: '{"until": "of another shape"}', 2: "no JSON"})
    pair.sync()
    assert sorted(evaluations) == [4101, 4102]


def test_an_unread_event_is_told_though_nothing_came(pair: Pair, evaluations: Evaluations) -> None:
    report = pair.load("")
    codes = [note["code"] for event in report["pairs"] for note in event["warnings"]]
    assert codes.count("sessionboard_not_read") == len(PAIRS)
    again = pair.sync()
    codes = [note["code"] for event in again["pairs"] for note in event["warnings"]]
    assert "sessionboard_not_read" not in codes
    assert evaluations == []


def test_an_image_that_fails_is_tried_by_every_run(pair: Pair, evaluations: Evaluations) -> None:
    people = pair.sandbox.state.programme["people"].values()
    fields = {"photo_url": "http://127.0.0.1:9/nobody-listens.jpg"}
    for person in [one for one in people if one["event_id"] == 4101]:
        pair.sandbox.edit({"op": "update", "kind": "people", "id": person["id"], "fields": fields})
    for _ in range(3):
        assert (
            pair.sync(max_failed_percent=100)["pairs"][0]["links_and_images"]["images failed"] > 0
        )
    assert evaluations.count(4101) == 3
