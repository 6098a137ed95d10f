"""Alerts: what is told, in which form, and that a day goes by before it is told again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.actions import Action, HeldBack, Verb
from target_swoogo.alerts import Situation, alert, message, situations
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger, Pair
from target_swoogo.model import Kind, Row
from target_swoogo.report import PairReport, RunReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests_mock

NOW = datetime(2027, 3, 1, 12, tzinfo=timezone.utc)
URL = "https://hooks.slack.test/services/hunter2"
FAILED, HELD = Situation("4101 a", "It failed."), Situation("4101 b", "It is held.")


def reported(*pairs: PairReport) -> RunReport:
    return RunReport("run", NOW, NOW, dry_run=False, pairs=pairs, credits_used=0, credits_left=None)


def a_pair(**fields: Any) -> PairReport:
    return PairReport(Pair(1, 4101, 77001, **fields), "Summit")


def names(report: RunReport | None, failure: Exception | None = None) -> list[str]:
    return [one.name for one in situations(report, failure, 120, NOW)]


def test_a_good_run_is_nothing_to_tell() -> None:
    fresh = (NOW - timedelta(minutes=120)).isoformat()
    assert names(reported(a_pair(synced_at=fresh))) == []


def test_stale_data_is_told_with_its_age() -> None:
    stale = reported(a_pair(synced_at=(NOW - timedelta(minutes=121)).isoformat()))
    (told,) = situations(stale, None, 120, NOW)
    assert told.text.startswith(
        "Summit (Sessionboard event 4101) was last fully synced 121 minutes ago"
    )
    assert situations(stale, None, 0, NOW) == []


@pytest.mark.parametrize(
    ("synced_at", "words"),
    [
        (None, "was never fully synced"),
        ((NOW + timedelta(hours=1)).isoformat(), "60 minutes in the future; see that the clocks"),
    ],
)
def test_data_of_unknown_age_is_stale(synced_at: str | None, words: str) -> None:
    (told,) = situations(reported(a_pair(synced_at=synced_at)), None, 120, NOW)
    assert words in told.text


def test_a_run_that_finds_another_at_work_is_no_news() -> None:
    assert names(None, TargetError("ledger_held", "Another run is at work.")) == []


def test_a_pair_that_was_stopped_is_told_once_though_it_fails_the_run() -> None:
    pair = a_pair(synced_at=NOW.isoformat())
    pair.error = ("swoogo_event_unknown", "Swoogo has no event 7.")
    failure = TargetError("swoogo_event_unknown", "Swoogo has no event 7. 1 more …")
    assert names(reported(pair), failure) == ["4101 swoogo_event_unknown"]
    assert names(reported(), TargetError("too_many_failed", "x")) == ["too_many_failed"]


def test_a_bug_is_told_without_its_message() -> None:
    (told,) = situations(None, ValueError("jane@example.org"), 120, NOW)
    assert told.name == "ValueError"
    assert "jane" not in told.text


def test_held_changes_are_told_guard_by_guard_without_the_records() -> None:
    pair = a_pair(synced_at=NOW.isoformat())
    row = Row(Kind.SPEAKER, "p1", "Jane Doe", {})
    pair.plan.held = [HeldBack(Action(Verb.UPDATE, row), "guard_changed", "Why so.")] * 2
    pair.plan.held.append(HeldBack(Action(Verb.LINK, row), "frozen", "It is near."))
    assert [told.text for told in situations(reported(pair), None, 120, NOW)] == [
        "Summit (Sessionboard event 4101): 2 changes held back. Why so. [guard_changed]",
        "Summit (Sessionboard event 4101): 1 change held back. It is near. [frozen]",
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def posted(requests_mock: requests_mock.Mocker) -> requests_mock.Mocker:
    requests_mock.post(URL)
    return requests_mock


def texts(posted: requests_mock.Mocker) -> list[str]:
    return [request.json()["text"].split("\n\n", 1)[1] for request in posted.request_history]


def test_a_situation_is_told_once_a_day_and_a_new_one_at_once(
    ledger: Ledger, posted: requests_mock.Mocker
) -> None:
    for hours, found, count in (
        (0, [FAILED], 1),
        (23, [FAILED], 1),
        (24, [FAILED], 2),
        (25, [FAILED, HELD], 3),
        (26, [HELD], 3),
        (27, [HELD], 3),
        (28, [FAILED, HELD], 4),
        (29, [], 5),
        (30, [], 5),
        (31, [HELD], 6),
    ):
        alert(URL, found, ledger, NOW + timedelta(hours=hours))
        assert len(posted.request_history) == count, hours
    assert texts(posted)[3:5] == ["It failed.\n\nIt is held.", "All is well again."]


def test_what_did_not_arrive_is_told_again(ledger: Ledger, posted: requests_mock.Mocker) -> None:
    posted.post(URL, [{"status_code": 500}, {"status_code": 200}])
    for _ in range(3):
        alert(URL, [FAILED], ledger, NOW)
    assert len(posted.request_history) == 2


def test_a_ledger_that_fails_is_no_reason_to_be_silent(
    ledger: Ledger, posted: requests_mock.Mocker
) -> None:
    ledger.close()
    for _ in range(2):
        alert(URL, [FAILED], ledger, NOW)
    alert(URL, [FAILED], None, NOW)
    assert len(posted.request_history) == 3
    alert(URL, [], None, NOW)
    assert len(posted.request_history) == 3


@pytest.mark.parametrize("url", ["not an address", "file:///etc/passwd", "http://[", "http://"])
def test_an_address_that_is_none_is_a_warning(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    alert(url, [FAILED], ledger, NOW)
    assert "check webhook_url" in caplog.text
    assert url not in caplog.text


def test_what_slack_would_take_for_markup_is_escaped() -> None:
    assert message(URL, ["<!channel> A & B"]) == {
        "text": "*target-swoogo*\n\n&lt;!channel&gt; A &amp; B"
    }
    assert "text" in message("https://example.webhook.office.com/x", ["A"])


@pytest.mark.parametrize(
    "host", ["prod-1.westeurope.logic.azure.com:443", "x.environment.api.powerplatform.com"]
)
def test_a_teams_workflow_gets_a_card(host: str) -> None:
    said = message(f"https://{host}/workflows/1?sig=hunter2", ["One.", "Two."])
    (card,) = said["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["text"] for block in card["content"]["body"]] == ["target-swoogo", "One.", "Two."]
    assert "text" in message(f"https://{host.split(':', maxsplit=1)[0]}.example.org/", ["One."])
