"""Until when an event pair at rest stays so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from target_swoogo.actions import Applied, Plan
from target_swoogo.evaluate import Evaluated
from target_swoogo.ledger import Pair
from target_swoogo.model import Intent, Kind, Mapped, Programme, Row, State
from target_swoogo.records import MOST_EDITS
from target_swoogo.report import PairReport
from target_swoogo.rest import Rest, Rests, _next_changes
from target_swoogo.source import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_swoogo.settings import Settings

NOW = datetime(2027, 3, 9, 10, tzinfo=timezone.utc)
ZONE = ZoneInfo("Europe/Berlin")  # an hour ahead of UTC in March
SESSION = Row(
    Kind.SESSION,
    "s",
    "Session",
    {"date": "2027-03-09", "start_time": "15:00:00", "end_time": "16:00:00"},
)


class Remembered:
    """As much of a ledger as remembers pairs at rest."""

    def __init__(self) -> None:
        self.arrived: dict[int, Any] = {}
        self.texts: dict[int, str] = {}

    def resting(self) -> dict[int, str]:
        return dict(self.texts)

    def keep_resting(self, texts: Mapping[int, str]) -> None:
        self.texts = dict(texts)


@pytest.fixture
def ledger() -> Any:
    return Remembered()


def report() -> PairReport:
    return PairReport(Pair(1, 4101, 77001), "Event", Plan(unchanged=[SESSION]))


def seen(ends: datetime | None = None, **applied: Any) -> Evaluated:
    known = Applied(**{"mapped": {}, "links": {}, "images": {}, "intents": {}} | applied)
    event = Event(id=4101, name="Event", timezone=ZONE.key)
    return Evaluated(event, ZONE, known, Programme([SESSION], ends={"s": ends} if ends else {}), {})


def rest(ledger: Any, settings: Settings, ends: datetime | None = None) -> Rest:
    rests = Rests(ledger, settings, "version", NOW)
    rests.note(report(), seen(ends))
    rests.keep()
    (text,) = ledger.texts.values()
    return msgspec.json.decode(text, type=Rest)


def test_until_a_session_ends(ledger: Any, settings: Callable[..., Settings]) -> None:
    ends = NOW + timedelta(hours=2)
    assert rest(ledger, settings(), ends).ends == [(ends, "s")]
    for ahead, told in ((-1, True), (0, False), (1, False)):
        now = ends + timedelta(seconds=ahead)
        rests = Rests(ledger, settings(), "version", now)
        assert rests.tell(report()) is told
        since = rests.since(report().pair)
        assert since is not None
        assert (set(since.over), since.then < ends) == (set() if told else {"s"}, True)


def test_more_ends_than_are_listed_are_waited_for(settings: Callable[..., Settings]) -> None:
    ends = {f"s{n}": NOW + timedelta(minutes=n) for n in range(1, MOST_EDITS + 3)}
    programme = Programme([SESSION], ends=ends)
    until, listed = _next_changes(replace(seen(), programme=programme), settings(), NOW)
    assert [session_id for _, session_id in listed] == list(ends)[:MOST_EDITS]
    assert until == ends[f"s{MOST_EDITS + 1}"]


def test_until_the_freeze_begins_or_ends(ledger: Any, settings: Callable[..., Settings]) -> None:
    assert rest(ledger, settings(freeze_hours=3)).until == NOW + timedelta(hours=1)
    assert rest(ledger, settings(freeze_hours=9)).until == NOW + timedelta(hours=5)


def test_until_enough_days_are_over(settings: Callable[..., Settings]) -> None:
    """Nothing that was before today is missed, so that a share may pass its limit at midnight."""
    on = {**dict.fromkeys(range(8), "2027-03-09"), **dict.fromkeys(range(8, 20), "2027-03-11")}
    entries = [
        Mapped(Kind.SESSION, f"s{n}", f"Session {n}", n + 1, {"date": day}, State.SYNCED)
        for n, day in on.items()
    ]
    rows = [replace(SESSION, source_id=f"s{n}") for n in range(16)]
    mapped = {entry.key: entry for entry in entries}
    programme = Programme(rows)

    def ends(**limit: int) -> datetime | None:
        known = replace(seen(mapped=mapped), programme=programme)
        return _next_changes(known, settings(**limit), NOW)[0]

    # Of 20 sessions 4 are gone; from the 10th on, of 12.
    assert ends() == datetime(2027, 3, 10, tzinfo=timezone.utc)
    assert ends(guard_missing_percent=50) is None
    assert ends(guard_missing_percent=0) is None
    mapped[Kind.SESSION, "s3"].applied["date"] = "next week"
    assert ends() == datetime(2027, 3, 10, tzinfo=timezone.utc)
    rows += [replace(SESSION, source_id=f"s{n}") for n in range(16, 20)]
    assert ends() is None


def test_without_anything_to_wait_for_a_pair_rests_on(
    ledger: Any, settings: Callable[..., Settings]
) -> None:
    assert rest(ledger, settings()).until is None
    rests = Rests(ledger, settings(), "version", NOW + timedelta(days=300))
    assert rests.tell(report())


def test_another_version_decides_anew(ledger: Any, settings: Callable[..., Settings]) -> None:
    rest(ledger, settings())
    assert Rests(ledger, settings(), "version", NOW).tell(report())
    assert not Rests(ledger, settings(), "another", NOW).tell(report())


def test_a_create_whose_answer_was_lost_lets_nothing_rest(
    ledger: Any, settings: Callable[..., Settings]
) -> None:
    rests = Rests(ledger, settings(), "version", NOW)
    rests.note(report(), seen(intents={SESSION.key: Intent({}, 0.0)}))
    rests.keep()
    assert ledger.texts == {}


def test_what_is_told_again_is_what_was_told(
    ledger: Any, settings: Callable[..., Settings]
) -> None:
    rest(ledger, settings())
    again = report()
    again.plan, again.event_name = Plan(), None
    assert Rests(ledger, settings(), "version", NOW).tell(again)
    assert again.counts() == report().counts()
    assert (again.event_name, again.zone) == ("Event", ZONE)
