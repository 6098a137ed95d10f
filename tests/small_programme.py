"""A programme so small that a run takes moments: two rooms, a track, five sessions, two people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

EVENT, SWOOGO_EVENT = 4101, 77001
PAIRS = {EVENT: SWOOGO_EVENT}
MAPPINGS = [{"sessionboard_event_id": EVENT, "swoogo_event_id": SWOOGO_EVENT}]
PICTURES = ("ada", "ben", "ben-2", "cyd", "dee", "loom", "spool", "spool-2", "felt")

HALL = {"id": "hall", "name": "Great Hall", "capacity": 200}
ATTIC = {"id": "attic", "name": "Attic", "capacity": 20}
CRAFT = {"id": "craft", "name": "Craft"}


def picture(name: str) -> str:
    """The address of a picture."""
    return f"{{media}}/{name}.png"


def tier(name: str) -> list[dict[str, Any]]:
    """A sponsor's custom fields."""
    return [
        {"id": "tier", "name": "Tier", "value": name, "type": "select", "internal_name": "tier"}
    ]


def times(hour: int) -> dict[str, str]:
    """Start and end of a session on the first day, in UTC, five hours ahead of the event."""
    return {
        "starts_at": f"2027-03-09T{hour + 5:02}:00:00.000Z",
        "ends_at": f"2027-03-09T{hour + 5:02}:45:00.000Z",
    }


def person(person_id: str, first_name: str, last_name: str) -> dict[str, Any]:
    """Somebody with a picture."""
    return {
        "id": person_id,
        "first_name": first_name,
        "last_name": last_name,
        "email": f"{person_id}@example.org",
        "title": "Weaver",
        "company_name": "Loomery",
        "about": f"<p>{first_name} weaves.</p>",
        "photo_url": picture(person_id),
    }


def sponsor(sponsor_id: str, name: str) -> dict[str, Any]:
    """A gold sponsor with a logo."""
    return {
        "id": sponsor_id,
        "name": name,
        "description": f"{name} helps.",
        "website_url": f"https://{sponsor_id}.example.org",
        "logo_image_url": picture(sponsor_id),
        "custom_fields": tier("Gold"),
    }


def _session(session_id: str, title: str, hour: int, *people: dict[str, Any]) -> dict[str, Any]:
    role = {"id": "role", "name": "Speaker", "core_role": "speaker"}
    return {
        "id": session_id,
        "title": title,
        "description": f"<p>All about {title.lower()}.</p>",
        "status": "accepted",
        "is_abstract": False,
        "capacity": None,
        "room": HALL,
        "track": CRAFT,
        "participants": [{**one, "participant_role": role} for one in people],
        "subsessions": [],
        **times(hour),
    }


def write_programme(folder: Path) -> Path:
    """Write the programme as the sandbox takes it: JSON files and pictures."""
    media = folder / "media"
    media.mkdir(parents=True)
    for number, name in enumerate(PICTURES):
        Image.new("RGB", (8, 8), (number * 20, 90, 160)).save(media / f"{name}.png")
    ada, ben = person("ada", "Ada", "Abel"), person("ben", "Ben", "Bohr")
    files = {
        "events": [{"id": EVENT, "name": "Small", "timezone": "America/New_York"}],
        "rooms": [HALL, ATTIC],
        "tracks": [CRAFT],
        "speakers": [ada, ben],
        "sponsors": [sponsor("loom", "Loom & Co")],
        "sessions": [
            _session("opening", "Opening", 9, ada),
            _session("weaving", "Weaving", 10, ada, ben),
            _session("closing", "Closing", 16, ben) | {"room": ATTIC, "track": {}},
            _session("lost", "Lost", 11, ada),
            _session("gone", "Gone", 12, ben),
        ],
    }
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def without_properties(messages: str) -> str:
    """The tap's messages with schemas that take any record.

    What the SDK does with the tap's own would be most of a small run, and is tested elsewhere.
    """
    lines = [json.loads(line) for line in messages.splitlines()]
    for message in lines:
        if message["type"] == "SCHEMA":
            message["schema"]["properties"] = {}
    return "\n".join(json.dumps(message) for message in lines)
