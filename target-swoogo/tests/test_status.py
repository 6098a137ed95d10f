"""How all records stand, as far as the ledger knows."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from rich.console import Console
from target_swoogo.console import ago, cell, print_json, say, screen
from target_swoogo.errors import TargetError
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger
from target_swoogo.model import Held, Intent, Kind, Mapped, PastRun, State, Uploaded
from target_swoogo.status import is_stale, status
from target_swoogo.status_command import _show

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_swoogo.settings import Settings
    from target_swoogo.status import PairStatus

NOW = datetime(2027, 1, 5, 12, tzinfo=timezone.utc)
EVENT = {"id": 4101, "name": "Small", "timezone": "Europe/London"}


def session(session_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": session_id,
        "title": session_id.title(),
        "status": "accepted",
        "starts_at": "2027-03-09T10:00:00Z",
        "ends_at": "2027-03-09T11:00:00Z",
    } | fields


def sponsor(sponsor_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": sponsor_id, "name": sponsor_id.title()} | fields


def keep(ledger: Ledger, stream: str, *records: dict[str, Any], event_id: int = 4101) -> None:
    with ledger.commit():
        ledger.put(
            stream,
            [(event_id, str(one["id"]), json.dumps(one).encode()) for one in records],
        )


def applied(session_id: str, state: State = State.SYNCED, **fields: Any) -> Mapped:
    """A session as Swoogo was told."""
    return Mapped(
        Kind.SESSION,
        session_id,
        session_id.title(),
        500001,
        {
            "name": session_id.title(),
            "description": None,
            "date": "2027-03-09",
            "start_time": "10:00:00",
            "end_time": "11:00:00",
            "capacity": None,
            "location_id": None,
            "track_id": None,
        }
        | fields,
        state,
        code="swoogo_refused" if state is State.FAILED else None,
        message="Refused." if state is State.FAILED else None,
    )


@pytest.fixture
def url(tmp_path: Any) -> str:
    """A ledger with sessions that stand in every way there is."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url) as ledger:
        keep(ledger, "events", EVENT)
        names = ("synced", "moved", "new", "failed", "held", "unclear", "gone", "adopted")
        keep(
            ledger,
            "sessions",
            *(session(name) for name in names),
            session("declined", status="declined"),
        )
        keep(
            ledger,
            "sponsors",
            sponsor("plain"),
            sponsor("pictured", logo_image_url="https://x.example/a.png"),
            sponsor("broken", logo_image_url="https://x.example/b.png"),
            sponsor("waiting", logo_image_url="https://x.example/c.png"),
        )
        (pair,) = ledger.hold([(4101, 77001)])
        entries = [
            applied("synced"),
            applied("moved", start_time="09:00:00"),
            applied("failed", State.FAILED),
            applied("held"),
            Mapped(Kind.SESSION, "unclear", "Unclear", state=State.AMBIGUOUS, code="ambiguous"),
            applied("gone", State.TOMBSTONE),
            applied("adopted"),
            applied("declined"),
        ]
        entries[-2].adopted = True
        held = Held(
            Kind.SESSION, "held", "update", "guard", "d" * 32, "Held", "Held moves.", approved=False
        )
        with ledger.commit():
            for entry in entries:
                ledger.save(pair, entry)
            ledger.hold_back(pair, [held])
            ledger.open_intent(pair, (Kind.SESSION, "new"), Intent({"name": "New"}, 0.0))
            ledger.save_image(
                pair,
                (Kind.SPONSOR, "pictured"),
                Uploaded("https://x.example/a.png", "", sha256="a" * 64),
            )
            ledger.save_image(
                pair,
                (Kind.SPONSOR, "broken"),
                Uploaded("https://x.example/b.png", "", code="image_corrupt", message="Damaged."),
            )
            ledger.synced(pair)
    return url


def look(url: str, settings: Settings, now: datetime = NOW) -> PairStatus:
    with Glance.at(url) as ledger:
        (pair,) = status(ledger, settings, now).pairs
    return pair


def test_every_record_is_counted_once(url: str, settings: Callable[..., Settings]) -> None:
    pair = look(url, settings())
    assert pair.kinds["session"] == {
        "in_sync": 2,
        "pending": 2,
        "failed": 1,
        "held": 1,
        "ambiguous": 1,
        "deleted": 1,
        "skipped": 1,
        "adopted": 1,
    }
    assert pair.kinds["sponsor"] == {"pending": 4, "adopted": 0}
    assert pair.images == {"sent": 1, "failed": 1, "pending": 1}
    assert (pair.open_creates, pair.left_over) == (1, 1)
    assert [note.code for note in pair.problems] == ["swoogo_refused", "ambiguous", "image_corrupt"]
    assert pair.wants_attention


def test_its_json_has_every_column(url: str, settings: Callable[..., Settings]) -> None:
    with Glance.at(url) as ledger:
        data = status(ledger, settings(), NOW).as_json()
    json.dumps(data)
    assert data["version"] == 1
    assert data["attention"] is True
    assert data["pairs"][0]["counts"]["track"] == {
        "in_sync": 0,
        "pending": 0,
        "failed": 0,
        "held": 0,
        "ambiguous": 0,
        "deleted": 0,
        "skipped": 0,
        "adopted": 0,
    }


def test_looking_changes_nothing(url: str, settings: Callable[..., Settings]) -> None:
    with Ledger.open(url) as ledger:
        before = (ledger.pairs(), ledger.mapped(ledger.pairs()[0]), ledger.past_runs(9))
    look(url, settings())
    with Ledger.open(url) as ledger:
        assert (ledger.pairs(), ledger.mapped(ledger.pairs()[0]), ledger.past_runs(9)) == before


def test_a_pair_that_no_run_has_seen_is_all_pending(
    url: str, settings: Callable[..., Settings]
) -> None:
    other = {"sessionboard_event_id": 4101, "swoogo_event_id": 77009}
    with Glance.at(url) as ledger:
        first, second = status(ledger, settings(event_mappings=[other]), NOW).pairs
    assert first.kinds["session"]["pending"] == 8
    assert first.synced_at is None
    assert (second.swoogo_event_id, second.mapped, second.wants_attention) == (77001, False, False)


def test_an_event_of_which_nothing_was_received_says_so(
    url: str, settings: Callable[..., Settings]
) -> None:
    other = {"sessionboard_event_id": 9, "swoogo_event_id": 77009}
    with Glance.at(url) as ledger:
        pair = status(ledger, settings(event_mappings=[other]), NOW).pairs[0]
    assert pair.error is not None
    assert pair.error[0] == "sessionboard_event_unknown"
    assert pair.wants_attention


def test_it_fits_a_terminal_of_80_columns(
    url: str, settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    with Glance.at(url) as ledger:
        found = status(ledger, settings(), NOW)
    found.pairs[0].synced_at = NOW.isoformat()
    found.runs = [
        PastRun("r", NOW.isoformat(), (NOW + timedelta(minutes=9)).isoformat(), {"credits": 12345})
    ]
    _show(Console(width=80, color_system=None), found, NOW)
    lines = capsys.readouterr().out.splitlines()
    assert "Last run complete" in lines[1]
    assert "1 change held back: see approve" in lines[1]
    heads = [line for line in lines if "in sync" in line or "Started" in line]
    assert [line.split()[-1] for line in heads] == ["adopted", "credits"]
    assert max(map(len, heads)) <= 80
    assert not any("…" in line for line in lines)


def test_a_clock_that_was_wrong_is_told(
    url: str, settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    with Glance.at(url) as ledger:
        found = status(ledger, settings(), NOW)
    found.pairs[0].synced_at = (NOW + timedelta(hours=1)).isoformat()
    _show(Console(width=100, color_system=None), found, NOW)
    assert "in the future (2027-01-05 13:00 UTC): a clock is wrong" in capsys.readouterr().out


def test_the_terminal_gets_nothing_that_it_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    say(screen(), "a\x1b[31m\x9b1mb\u202ec")
    print_json({"name": "a\x1b\x9b\u202eb"})
    shown = capsys.readouterr().out
    assert shown.startswith("a[31m1mbc\n")
    assert json.loads(shown.partition("\n")[2]) == {"name": "a\x1b\x9b\u202eb"}
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)


def test_an_older_ledger_that_is_held_is_not_called_unwritable(url: str) -> None:
    """While a run of an older program is at work."""
    with Ledger.open(url) as ledger, ledger.commit():
        ledger.note("version", "1")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TABLE swoogo_held")
    connection.close()
    with (
        FileLock(f"{url.removeprefix('sqlite:///')}.lock"),
        pytest.raises(TargetError) as raised,
    ):
        Glance.at(url)
    assert raised.value.code == "ledger_held"


@pytest.mark.parametrize(
    ("synced_at", "limit", "stale"),
    [
        ("2027-01-05T11:00:00+00:00", 120, False),
        ("2027-01-05T09:59:00+00:00", 120, True),
        ("2027-01-01T00:00:00+00:00", 0, False),
        ("2027-01-05T12:04:00+00:00", 120, False),
        ("2027-01-05T12:06:00+00:00", 120, True),
        (None, 120, True),
        (None, 0, False),
    ],
)
def test_data_is_stale_after_a_set_time(synced_at: str | None, limit: int, *, stale: bool) -> None:
    assert is_stale(synced_at, limit, NOW) is stale


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=119), "119 minutes ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_an_age_is_told_in_words(age: timedelta, words: str) -> None:
    assert ago((NOW - age).isoformat(), NOW) == words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nothing"),
        ("", "nothing"),
        (0, "0"),
        ("two\nlines", "two lines"),
        ("\x1b[31mred\x07", "[31mred"),
        ("a\u202eb\u2066c", "abc"),
        ("x" * 80, "x" * 59 + "…"),
    ],
)
def test_a_cell_is_one_harmless_line(value: object, shown: str) -> None:
    assert cell(value) == shown
