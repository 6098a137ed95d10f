"""Programmes: the demo, a directory, dates that move, and what Swoogo has before the first sync."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, UnidentifiedImageError
from sandbox.clock import from_stamp, to_stamp
from sandbox.demo import make_demo
from sandbox.pictures import draw
from sandbox.server import Sandbox
from sandbox.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.programme import Programme

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=timezone.utc)
EVENT = 4101
EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def demo() -> Programme:
    return make_demo()


def main_only(rows: list[Any]) -> list[Any]:
    return [row for row in rows if row["event_id"] == EVENT]


def test_demo_is_always_the_same(demo: Programme) -> None:
    again = make_demo()
    assert again.sessions == demo.sessions
    assert again.speakers == demo.speakers
    assert again.sponsors == demo.sponsors


def test_demo_is_of_realistic_size(demo: Programme) -> None:
    sessions = main_only(demo.sessions)
    people = {entry["id"] for session in sessions for entry in session["participants"]}
    people |= {person["id"] for person in main_only(demo.speakers)}
    tiers = Counter(row["custom_fields"][0]["value"] for row in main_only(demo.sponsors))
    assert len(sessions) == 150
    assert len(people) == 200
    assert tiers == {"Platinum": 3, "Gold": 6, "Silver": 9, "Bronze": 12}
    assert len(main_only(demo.rooms or [])) == 9
    assert len(main_only(demo.tracks or [])) == 6
    zone = ZoneInfo("America/New_York")
    stamps = [session["starts_at"] for session in sessions if session["starts_at"]]
    days = {from_stamp(stamp).astimezone(zone).date() for stamp in stamps}
    assert len(days) == 3 + 3  # the programme's, and the webinars before


def test_demo_sessions_meet_every_rule(demo: Programme) -> None:
    sessions = main_only(demo.sessions)
    assert Counter(session["status"] for session in sessions) == {
        "accepted": 141,
        "pending": 3,
        "declined": 3,
        "accept_queue": 3,
    }
    assert sum(session["starts_at"] is None for session in sessions) == 6
    assert sum(session["is_abstract"] for session in sessions) == 3
    assert sum("room" not in session for session in sessions) == 3
    assert sum(bool(session["subsessions"]) for session in sessions) == 3
    zone = ZoneInfo("America/New_York")
    dated = [session for session in sessions if session["starts_at"]]
    overnight = [
        session
        for session in dated
        if len({from_stamp(session[n]).astimezone(zone).date() for n in ("starts_at", "ends_at")})
        == 2
    ]
    assert len(overnight) == 3
    keys = Counter((session["title"], session["starts_at"]) for session in sessions)
    assert max(keys.values()) == 1


def test_demo_people_meet_every_rule(demo: Programme) -> None:
    speakers = main_only(demo.speakers)
    assert sum(person["last_name"] is None for person in speakers) == 1
    assert sum("***" in person["email"] for person in speakers) == 1
    assert sorted(Counter(person["email"] for person in speakers).values())[-2:] == [1, 2]
    listed = {person["id"] for person in speakers}
    roles: Counter[str] = Counter()
    unlisted = set()
    on_accepted, on_pending = set(), set()
    for session in main_only(demo.sessions):
        group = on_pending if session["status"] == "pending" else on_accepted
        for entry in session["participants"]:
            roles[entry["participant_role"]["core_role"]] += 1
            group.add(entry["id"])
            if entry["id"] not in listed:
                unlisted.add(entry["participant_role"]["core_role"])
    assert set(roles) == {"speaker", "chairperson", "moderator"}
    assert unlisted == {"moderator"}
    assert len(on_pending - on_accepted) == 3


def test_awkward_images() -> None:
    def image(name: str) -> Image.Image:
        return Image.open(io.BytesIO(draw(PurePosixPath(f"4101/people/{name}"))))

    for number in (1, 2, 3):
        content = draw(PurePosixPath(f"4101/people/big-{number}.jpg"))
        assert 1_500_000 < len(content) < 4_000_000
        assert content == draw(PurePosixPath(f"4101/people/big-{number}.jpg"))
    rotated = image("big-rotated.jpg")
    assert rotated.getexif()[EXIF_ORIENTATION] == 6
    assert rotated.width > rotated.height
    assert image("alpha.png").mode == "RGBA"
    assert image("x.webp").format == "WEBP"
    with pytest.raises((UnidentifiedImageError, OSError)):
        image("corrupt.jpg").load()
    assert draw(PurePosixPath("4101/people/a.jpg")) != draw(PurePosixPath("4101/people/a.jpg"), 1)


def test_a_small_demo_has_every_special_session() -> None:
    sessions = main_only(make_demo(20).sessions)
    assert len(sessions) == 20
    assert {session["status"] for session in sessions} == {
        "accepted",
        "pending",
        "declined",
        "accept_queue",
    }
    assert any(session["subsessions"] for session in sessions)


def programme_folder(folder: Path, starts_at: str, ends_at: str, zone: str) -> Path:
    person = {"id": "p1", "first_name": "Ada", "last_name": "Strand", "email": "a@example.org"}
    stamps = {"created_at": "2024-06-01T00:00:00.000Z", "updated_at": "2024-06-01T00:00:00.5Z"}
    session = {
        "id": "s1",
        "title": "One",
        "status": "accepted",
        "starts_at": starts_at,
        "ends_at": ends_at,
        "room": {"id": "r1", "name": "Hall", "capacity": 9, **stamps},
        "track": {},
        "speakers": [{**person, "order": 0, **stamps}],
        "moderators": [{**person, "id": "p2", "first_name": "Bo", **stamps}],
        **stamps,
    }
    event = {"id": 3950, "name": "Real", "timezone": zone}
    custom = [{"name": "Tier", "value": "Patron"}]
    sponsor = {"id": "x1", "name": "S", "logo_image_url": "{media}/a.svg", "custom_fields": custom}
    folder.mkdir()
    for name, rows in (
        ("events", [event]),
        ("sessions", [session]),
        ("speakers", [{**person, **stamps}]),
        ("sponsors", [{**sponsor, **stamps}]),
    ):
        (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "media").mkdir()
    (folder / "media" / "a.svg").write_text("<svg/>", encoding="utf-8")
    return folder


def test_a_directory(tmp_path: Path, session: Any) -> None:
    folder = programme_folder(
        tmp_path / "p", "2024-07-01T13:00:00.000Z", "2024-07-01T14:00:00Z", "America/Chicago"
    )
    with Sandbox(tmp_path / "state", folder, now=NOW) as sandbox:
        rows = sandbox.state.programme
        assert list(rows["rooms"]) == ["r1"]
        assert rows["rooms"]["r1"]["event_id"] == 3950
        assert not rows["tracks"]
        assert [entry["role"] for entry in rows["sessions"]["s1"]["people"]] == [
            "speaker",
            "moderator",
        ]
        assert {row["id"]: row["_speaker"] for row in rows["people"].values()} == {
            "p1": True,
            "p2": False,
        }
        event = sandbox.state.swoogo["events"][77001]
        assert event["timezone"] == "US/Central"
        assert [level["name"] for level in event["levels"]] == ["Patron"]
        state = session.get(f"{sandbox.url}/_sandbox/state", timeout=9).json()
        logo = state["programme"]["sponsors"][0]["logo_image_url"]
        assert logo == f"{sandbox.url}/media/a.svg"
        assert session.get(logo, timeout=9).text == "<svg/>"


def test_wall_clock_times_stay_across_dst(tmp_path: Path) -> None:
    # 9 o'clock in summer time; 30 days on from the middle of January it is winter time.
    folder = programme_folder(
        tmp_path / "p", "2024-07-01T13:00:00Z", "2024-07-01T14:00:00Z", "America/New_York"
    )
    with Sandbox(tmp_path / "state", folder, now=NOW) as sandbox:
        row = sandbox.state.programme["sessions"]["s1"]
        start = from_stamp(row["starts_at"]).astimezone(ZoneInfo("America/New_York"))
        assert (start.date(), start.hour) == (date(2026, 2, 14), 9)
        assert row["starts_at"] == "2026-02-14T14:00:00.000Z"
        assert row["updated_at"] == to_stamp(NOW)
        assert row["created_at"] < to_stamp(NOW)


def test_as_is_leaves_all_dates(tmp_path: Path) -> None:
    folder = programme_folder(
        tmp_path / "p", "2024-07-01T13:00:00Z", "2024-07-01T14:00:00Z", "America/New_York"
    )
    with Sandbox(tmp_path / "state", folder, as_is=True, now=NOW) as sandbox:
        row = sandbox.state.programme["sessions"]["s1"]
        assert row["starts_at"] == "2024-07-01T13:00:00.000Z"
        assert row["updated_at"] == "2024-06-01T00:00:00.500Z"
        assert sandbox.state.swoogo["events"][77001]["start_date"] == "2024-07-01"


def test_demo_starts_in_thirty_days(tmp_path: Path) -> None:
    world = World(tmp_path, now=NOW, sessions=20)
    rows = world.store.programme
    stamps = sorted(row["starts_at"] for row in rows["sessions"].values() if row["starts_at"])
    coming = [stamp for stamp in stamps if stamp > to_stamp(NOW)]
    assert from_stamp(coming[0]).date() == (NOW + timedelta(days=30)).date()
    assert len(stamps) - len(coming) == 1
    for kind in ("sessions", "people", "sponsors", "rooms", "tracks"):
        assert {row["updated_at"] for row in rows[kind].values()} == {to_stamp(NOW)}
        created = [row["created_at"] for row in rows[kind].values() if row["event_id"] == EVENT]
        assert len(set(created)) >= len(created) - 1
        assert max(created) < to_stamp(NOW)
    world.close()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("events.json", None, "no programme directory: it has no events.json"),
        ("sessions.json", "{", "is not JSON"),
        ("sponsors.json", "{}", "must be an array of objects"),
        ("events.json", "[]", "names no event"),
    ],
)
def test_a_broken_directory(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    folder = programme_folder(
        tmp_path / "p", "2024-07-01T13:00:00Z", "2024-07-01T14:00:00Z", "Europe/Paris"
    )
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        World(tmp_path / "state", program=folder)
