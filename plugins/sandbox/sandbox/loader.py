"""Brings a programme into the store: Sessionboard's records, and the Swoogo account beside it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.clock import from_stamp, to_stamp
from sandbox.swoogo_account import open_account

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.programme import Programme
    from sandbox.store import Record, Store

ROLES = ("speaker", "chairperson", "moderator")
_LISTS = {"speaker": "speakers", "chairperson": "chairpersons", "moderator": "moderators"}
_NESTED = ("participants", *_LISTS.values(), "room", "track", "subsessions")
_NAMESPACE = uuid.UUID("6f2b9a52-3f0e-4f6c-9d55-2f8f5d0a7c11")


def derived_id(*parts: object) -> str:
    """The UUID that always belongs to these words."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(map(str, parts))))


def load(programme: Programme, store: Store, now: datetime, *, as_is: bool = False) -> None:
    """Fills an empty store.

    Args:
        programme: What Sessionboard holds.
        store: The store to fill.
        now: The moment of loading.
        as_is: Leaves all dates as the programme has them.
    """
    if not as_is:
        programme.move_to(now)
    people = {row["id"]: {**_stamped(row, now), "_speaker": True} for row in programme.speakers}
    rooms = {row["id"]: _stamped(row, now) for row in programme.rooms or []}
    tracks = {row["id"]: _stamped(row, now) for row in programme.tracks or []}
    sessions = [_normal(row, now, people, rooms, tracks) for row in programme.sessions]
    sponsors = [_stamped(row, now) for row in programme.sponsors]
    store.load("programme", "events", programme.events)
    store.load("programme", "people", people.values())
    store.load("programme", "rooms", rooms.values())
    store.load("programme", "tracks", tracks.values())
    store.load("programme", "sessions", sessions)
    store.load("programme", "sponsors", sponsors)
    open_account(store, now)


def _stamped(row: Record, now: datetime) -> Record:
    """A copy of the row whose stamps have the one form that sorts as text."""
    stamps = {
        name: to_stamp(from_stamp(row[name]))
        for name in ("created_at", "updated_at", "starts_at", "ends_at", "deleted_at")
        if row.get(name)
    }
    created = stamps.setdefault("created_at", to_stamp(now - timedelta(days=1)))
    stamps.setdefault("updated_at", created)
    return {**row, **stamps}


def _normal(
    row: Record,
    now: datetime,
    people: dict[str, Record],
    rooms: dict[str, Record],
    tracks: dict[str, Record],
) -> Record:
    """A session that refers to people, room and track by id; those it brings along are added."""
    event_id = row["event_id"]
    for name, known in (("room", rooms), ("track", tracks)):
        nested = row.get(name)
        if nested and nested["id"] not in known:
            known[nested["id"]] = _stamped({**nested, "event_id": event_id}, now)
    return {
        **_stamped({key: value for key, value in row.items() if key not in _NESTED}, now),
        "room_id": (row.get("room") or {}).get("id"),
        "track_id": (row.get("track") or {}).get("id"),
        "deleted_at": row.get("deleted_at"),
        "people": [_participant(entry, row, now, people) for entry in _participants(row)],
        "subsessions": [
            _normal({**sub, "event_id": event_id}, now, people, rooms, tracks)
            for sub in row.get("subsessions") or []
        ],
    }


def _participants(row: Record) -> list[Record]:
    if row.get("participants"):
        return list(row["participants"])
    return [
        {"participant_role": {"core_role": role}, **entry}
        for role, name in _LISTS.items()
        for entry in row.get(name) or []
    ]


def _participant(entry: Record, row: Record, now: datetime, people: dict[str, Record]) -> Record:
    own = {"order", "is_public", "participant_role", "session_participant_id"}
    if entry["id"] not in people:
        contact = {key: value for key, value in entry.items() if key not in own}
        contact |= {"event_id": row["event_id"], "_speaker": False}
        people[entry["id"]] = _stamped(contact, now)
    return {
        "id": entry["id"],
        "role": entry["participant_role"]["core_role"],
        "order": entry.get("order", 0),
        "is_public": entry.get("is_public", True),
        "session_participant_id": entry.get("session_participant_id")
        or derived_id(row["id"], entry["id"]),
    }
