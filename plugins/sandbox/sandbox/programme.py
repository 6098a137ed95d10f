"""A programme: events, sessions, people, sponsors, in the shape of Sessionboard's API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sandbox.clock import from_stamp, to_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.store import Record

DAYS_AHEAD = 30
_HISTORY = timedelta(days=90)


@dataclass
class Programme:
    """The records of a programme as its files (or the demo generator) give them.

    Attributes:
        events: ``id``, ``name``, ``timezone``; the other lists carry ``event_id``.
        sessions: With participants, room, track and subsessions nested.
        speakers: The people whom the speakers search lists.
        sponsors: With their custom fields.
        rooms: None when they are to be derived from the sessions.
        tracks: None when they are to be derived from the sessions.
        media: The folder that ``{media}`` stands for; None for the demo's drawn images.
        first_day: The day that counts as the programme's start; None for the earliest one.
    """

    events: list[Record]
    sessions: list[Record]
    speakers: list[Record]
    sponsors: list[Record]
    rooms: list[Record] | None = None
    tracks: list[Record] | None = None
    media: Path | None = None
    first_day: date | None = None
    zones: dict[int, ZoneInfo] = field(init=False)

    def __post_init__(self) -> None:
        self.zones = {event["id"]: ZoneInfo(event["timezone"]) for event in self.events}

    def move_to(self, now: datetime) -> None:
        """Moves all dates by whole days, so that the programme starts in 30 days.

        Wall-clock times in the event's zone stay. Every record becomes last updated now, and
        created, in its order, within the 90 days before.
        """
        starts = [self._day(row, row["starts_at"]) for row in self.sessions if row.get("starts_at")]
        if starts:
            today = now.astimezone(next(iter(self.zones.values()))).date()
            first_day = self.first_day or min(starts)
            days = today + timedelta(days=DAYS_AHEAD) - first_day
            for row in self._scheduled():
                for name in ("starts_at", "ends_at"):
                    if row.get(name):
                        row[name] = self._moved(row, row[name], days)
        for rows in (self.sessions, self.speakers, self.sponsors, self.rooms, self.tracks):
            for index, row in enumerate(rows or []):
                age = _HISTORY * (1 - index / len(rows or []))
                stamps = {"created_at": to_stamp(now - age), "updated_at": to_stamp(now)}
                for record in (row, *_nested(row)):
                    record.update(stamps)

    def _scheduled(self) -> Iterator[Record]:
        for row in self.sessions:
            yield row
            for sub in row.get("subsessions") or []:
                sub["event_id"] = row["event_id"]
                yield sub

    def _day(self, row: Record, stamp: str) -> date:
        return from_stamp(stamp).astimezone(self.zones[row["event_id"]]).date()

    def _moved(self, row: Record, stamp: str, days: timedelta) -> str:
        zone = self.zones[row["event_id"]]
        wall = from_stamp(stamp).astimezone(zone).replace(tzinfo=None)
        return to_stamp((wall + days).replace(tzinfo=zone).astimezone(timezone.utc))


def _nested(row: Record) -> Iterator[Record]:
    """The records that a session brings along, which are listed nowhere else perhaps."""
    for name in ("subsessions", "participants", "speakers", "chairpersons", "moderators"):
        for record in row.get(name) or []:
            yield record
            yield from _nested(record)
    for name in ("room", "track"):
        if row.get(name):
            yield row[name]


def read_programme(folder: Path) -> Programme:
    """Reads a programme directory: JSON files in the API's shape, and ``media/``.

    Raises:
        ValueError: A file is missing or is not a JSON array of objects.
    """
    rows = {
        name: _read_rows(folder / f"{name}.json", required=name not in {"rooms", "tracks"})
        for name in ("events", "sessions", "speakers", "sponsors", "rooms", "tracks")
    }
    programme = Programme(
        events=rows["events"] or [],
        sessions=rows["sessions"] or [],
        speakers=rows["speakers"] or [],
        sponsors=rows["sponsors"] or [],
        rooms=rows["rooms"],
        tracks=rows["tracks"],
        media=folder / "media",
    )
    if not programme.events:
        message = f"{folder / 'events.json'} names no event"
        raise ValueError(message)
    only = programme.events[0]["id"]
    for name in ("sessions", "speakers", "sponsors", "rooms", "tracks"):
        for row in rows[name] or []:
            row.setdefault("event_id", only)
    return programme


def _read_rows(path: Path, *, required: bool) -> list[Record] | None:
    try:
        rows: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return None
        message = f"{path.parent} is no programme directory: it has no {path.name}"
        raise ValueError(message) from None
    except ValueError as error:
        message = f"{path} is not JSON: {error}"
        raise ValueError(message) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = f"{path} must be an array of objects"
        raise ValueError(message)
    return rows
