"""Writes a programme of any size for the sandbox: all of it syncs, without a trap."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    Record = dict[str, Any]

EVENT = 4101
SWOOGO_EVENT = 77001
_SPEAKERS_PER_SESSION = 2
_SESSIONS_PER_SPONSOR = 10
_ROOMS, _TRACKS = 10, 8
_MINUTES = 5
_SESSIONS_PER_DAY = 100
_TIERS = ("Gold", "Silver", "Bronze")
_PHOTO_SIDE = 160


def write(folder: Path, sessions: int, *, images: bool = True) -> int:
    """Write a programme directory.

    Args:
        folder: Where to.
        sessions: How many; see `make`.
        images: Whether speakers and sponsors have pictures.

    Returns:
        How many records Swoogo should have in the end.
    """
    records = make(sessions, images=images)
    (folder / "media").mkdir(parents=True)
    for name, rows in records.items():
        (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    if images:
        photo = _photo()
        for row in (*records["speakers"], *records["sponsors"]):
            (folder / "media" / f"{row['id']}.jpg").write_bytes(photo)
    return sum(map(len, records.values())) - 1


def make(sessions: int, *, images: bool = True) -> dict[str, list[Record]]:
    """Make a programme, in the shape of Sessionboard's API.

    Every record was updated at a moment of its own, an hour after the one before, so that a read
    with a look-back finds one record of each list when nothing has changed.

    Args:
        sessions: How many; there are as many speakers, on two sessions each.
        images: Whether speakers and sponsors have pictures.

    Returns:
        The records by the name of their list.
    """
    now = datetime.now(timezone.utc)
    rooms = [_row("room", n, now, name=f"Hall {n}", capacity=50 + n) for n in range(_ROOMS)]
    tracks = [_row("track", n, now, name=f"Topic {n}") for n in range(_TRACKS)]
    people = [_person(n, now, image=images) for n in range(sessions)]
    sponsors = [_sponsor(n, now, image=images) for n in range(sessions // _SESSIONS_PER_SPONSOR)]
    return {
        "events": [{"id": EVENT, "name": "Conference", "timezone": "America/New_York"}],
        "rooms": rooms,
        "tracks": tracks,
        "speakers": people,
        "sponsors": sponsors,
        "sessions": [_session(n, now, rooms, tracks, people) for n in range(sessions)],
    }


def _row(kind: str, number: int, now: datetime, **fields: object) -> Record:
    # The oldest is a year old, so that the newest lies before today.
    updated = now - timedelta(days=365) + timedelta(hours=number % 8_000)
    stamps = dict.fromkeys(("created_at", "updated_at"), _stamp(updated))
    return {"id": f"{kind}-{number:06}", "event_id": EVENT, **fields, **stamps}


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _person(number: int, now: datetime, *, image: bool) -> Record:
    person = _row(
        "person",
        number,
        now,
        first_name="Ada",
        last_name=f"Lovelace {number}",
        email=f"ada.{number}@example.org",
        title="Engineer",
        company_name="Engines",
        about="<p>" + "Writes programs for machines that are yet to be built. " * 6 + "</p>",
        photo_url=None,
    )
    return person | {"photo_url": f"{{media}}/{person['id']}.jpg"} if image else person


def _sponsor(number: int, now: datetime, *, image: bool) -> Record:
    tier = {"id": "tier", "name": "Tier", "type": "select", "value": _TIERS[number % len(_TIERS)]}
    sponsor = _row(
        "sponsor",
        number,
        now,
        name=f"Sponsor {number}",
        description="Makes what others build upon.",
        website_url=f"https://sponsor{number}.example.org",
        logo_image_url=None,
        custom_fields=[tier],
    )
    return sponsor | {"logo_image_url": f"{{media}}/{sponsor['id']}.jpg"} if image else sponsor


def _session(
    number: int,
    now: datetime,
    rooms: list[Record],
    tracks: list[Record],
    people: list[Record],
) -> Record:
    # Short, for nobody is to be in two places at once: reports would name nearly every session.
    start = now.replace(hour=14, minute=0, second=0, microsecond=0) + timedelta(
        days=30 + number // _SESSIONS_PER_DAY, minutes=_MINUTES * (number % _SESSIONS_PER_DAY)
    )
    role = {"id": "role", "slug": "speaker", "core_role": "speaker", "name": "Speaker"}
    cast = (people[(number + n) % len(people)] for n in range(_SPEAKERS_PER_SESSION))
    return _row(
        "session",
        number,
        now,
        title=f"Session {number}",
        description="<p>" + "What we learned, and what we would do again. " * 12 + "</p>",
        status="accepted",
        is_abstract=False,
        starts_at=_stamp(start),
        ends_at=_stamp(start + timedelta(minutes=_MINUTES)),
        capacity=None,
        room=rooms[number % len(rooms)],
        track=tracks[number % len(tracks)],
        participants=[
            {**person, "order": order, "is_public": True, "participant_role": role}
            for order, person in enumerate(cast)
        ],
        subsessions=[],
        custom_fields=[],
    )


def _photo() -> bytes:
    """A small portrait that fits as it is: what is measured with it is sending, not fitting."""
    noise = random.Random(1).randbytes(_PHOTO_SIDE * _PHOTO_SIDE * 3)  # noqa: S311 - no secret
    out = BytesIO()
    Image.frombytes("RGB", (_PHOTO_SIDE, _PHOTO_SIDE), noise).save(out, "JPEG")
    return out.getvalue()
