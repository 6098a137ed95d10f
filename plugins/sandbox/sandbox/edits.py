"""Edits: one change of a record by hand, on either side."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox import swoogo_write
from sandbox.clock import from_stamp, swoogo_stamp, to_stamp
from sandbox.loader import ROLES
from sandbox.swoogo_forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.store import Record
    from sandbox.world import World

PROGRAMME_KINDS = ("events", "sessions", "people", "sponsors", "rooms", "tracks")
_STAMPS = ("starts_at", "ends_at", "created_at", "updated_at", "deleted_at")
_ONE = {"people": "person"}
_PREFIXES = {"sessions": "SESS", "people": "CON", "sponsors": "SPON"}
_NEW: dict[str, Record] = {
    "sessions": {
        "title": None,
        "description": None,
        "status": "pending",
        "custom_status_id": None,
        "custom_status": None,
        "starts_at": None,
        "ends_at": None,
        "is_public": True,
        "is_abstract": False,
        "composition_status": {
            "role": "standalone",
            "is_linked": False,
            "is_read_only": False,
            "source_count": 0,
            "target": None,
        },
        "capacity": None,
        "external_url": None,
        "room_id": None,
        "track_id": None,
        "tags": [],
        "sponsors": [],
        "exhibitors": [],
        "content": [],
        "custom_fields": [],
        "people": [],
        "subsessions": [],
        "deleted_at": None,
    },
    "people": {
        "first_name": None,
        "last_name": None,
        "email": None,
        "title": None,
        "company_name": None,
        "about": None,
        "photo_url": None,
        "custom_fields": [],
        "_speaker": True,
    },
    "sponsors": {
        "name": None,
        "description": None,
        "logo_image_url": None,
        "website_url": None,
        "custom_fields": [],
        "contacts": [],
    },
    "rooms": {"name": None, "order": 0, "capacity": None},
    "tracks": {"name": None, "order": 0, "color": "#64748b"},
}


def find(world: World, kind: str, row_id: object) -> Record:
    """A programme record.

    Raises:
        ValueError: There is no such kind or record.
    """
    if kind not in PROGRAMME_KINDS:
        message = f"the programme has no {kind!r}; it has {', '.join(PROGRAMME_KINDS)}"
        raise ValueError(message)
    row = world.store.programme[kind].get(row_id)
    if row is None:
        message = f"the programme's {kind} have no record {row_id!r}"
        raise ValueError(message)
    return row


def change(world: World, kind: str, row_id: object, fields: Record, *, bump: bool = True) -> Record:
    """Changes fields of a programme record; `updated_at` follows unless told not to."""
    row = find(world, kind, row_id)
    new = {**row, **_checked(fields)}
    if bump and kind != "events" and "updated_at" not in fields:
        new["updated_at"] = world.clock.stamp()
    if kind == "people":
        new["full_name"] = _full_name(new)
        if world.settings.speaker_edit_bumps_session:
            _bump_sessions_of(world, row_id)
    return world.store.save("programme", kind, new)


def add(world: World, kind: str, fields: Record) -> Record:
    """Adds a record to the programme.

    Raises:
        ValueError: No such kind, or the record's event is unknown.
    """
    if kind not in _NEW:
        message = f"cannot create {kind!r}; can create {', '.join(_NEW)}"
        raise ValueError(message)
    events = world.store.programme["events"]
    event_id = fields.get("event_id", next(iter(events)))
    find(world, "events", event_id)
    stamp = world.clock.stamp()
    row = {"id": str(uuid.uuid4()), **_NEW[kind], "event_id": event_id, "created_at": stamp}
    row |= {"updated_at": stamp, **_checked(fields)}
    if kind in _PREFIXES:
        number = world.store.next_id(f"friendly {kind}", len(world.store.programme[kind]) + 1)
        row |= {"friendly_id": f"{_PREFIXES[kind]}-{number}", "friendly_id_raw": number}
    if kind == "people":
        row["full_name"] = _full_name(row)
        del row["friendly_id_raw"]
    return world.store.save("programme", kind, row)


def remove(world: World, kind: str, row_id: object) -> None:
    """Deletes a programme record; a deleted session lives on among the statuses."""
    find(world, kind, row_id)
    if kind == "sessions":
        change(world, kind, row_id, {"deleted_at": world.clock.stamp()})
    else:
        world.store.delete("programme", kind, row_id)


def cast(world: World, session_id: str, person_id: str, role: str = ROLES[0]) -> Record:
    """Puts a person on a session.

    Raises:
        ValueError: There is no such role, session or person.
    """
    if role not in ROLES:
        message = f"the role must be one of {', '.join(ROLES)}, not {role!r}"
        raise ValueError(message)
    find(world, "people", person_id)
    people = find(world, "sessions", session_id)["people"]
    entry = {"id": person_id, "role": role, "order": len(people), "is_public": True}
    entry["session_participant_id"] = str(uuid.uuid4())
    return _recast(world, session_id, [*people, entry])


def uncast(world: World, session_id: str, person_id: str) -> Record:
    """Takes a person off a session."""
    people = find(world, "sessions", session_id)["people"]
    return _recast(world, session_id, [entry for entry in people if entry["id"] != person_id])


def _recast(world: World, session_id: str, people: list[Record]) -> Record:
    bump = world.settings.participant_edit_bumps_session
    return change(world, "sessions", session_id, {"people": people}, bump=bump)


def _bump_sessions_of(world: World, person_id: object) -> None:
    for session in list(world.store.programme["sessions"].values()):
        if any(entry["id"] == person_id for entry in session["people"]):
            change(world, "sessions", session["id"], {})


def _checked(fields: Record) -> Record:
    """The fields, stamps in the one form that sorts as text."""
    stamps = {
        name: to_stamp(from_stamp(value))
        for name, value in fields.items()
        if name in _STAMPS and value is not None
    }
    return {**fields, **stamps}


def _full_name(person: Record) -> str:
    return " ".join(filter(None, (person.get("first_name"), person.get("last_name"))))


def name_of(row: Record) -> str:
    """What a person would call the record."""
    return str(row.get("title") if "people" in row else row.get("full_name") or row.get("name"))


def apply(world: World, edit: Record) -> list[Record]:
    """Makes a single edit, as ``POST /_sandbox/edit`` gets it.

    Returns:
        One change: ``line`` says it, ``kind``, ``id`` and ``side`` name the record.

    Raises:
        ValueError: The edit is malformed or names what does not exist.
    """
    side = edit.get("side", "programme")
    operations = {"programme": _PROGRAMME, "swoogo": _SWOOGO}.get(side, {})
    operation = operations.get(edit.get("op", ""))
    if operation is None:
        message = f"unknown edit {edit.get('op')!r} of side {side!r}"
        raise ValueError(message)
    try:
        return [{"side": side, **operation(world, edit)}]
    except (KeyError, TypeError, AttributeError) as error:
        message = f"the edit {edit.get('op')!r} lacks or misuses {error}"
        raise ValueError(message) from error


def told(verb: str, kind: str, row: Record) -> Record:
    """A change, as the control interface reports it."""
    return {
        "kind": kind,
        "id": row["id"],
        "line": f"{verb} {_ONE.get(kind, kind.removesuffix('s'))} “{name_of(row)}”",
    }


def _apply_create(world: World, edit: Record) -> Record:
    kind = _kind(edit)
    return told("Created", kind, add(world, kind, edit["fields"]))


def _apply_update(world: World, edit: Record) -> Record:
    kind = _kind(edit)
    bump = edit.get("bump", True)
    return told("Updated", kind, change(world, kind, edit["id"], edit["fields"], bump=bump))


def _apply_delete(world: World, edit: Record) -> Record:
    kind = _kind(edit)
    change_told = told("Deleted", kind, find(world, kind, edit["id"]))
    remove(world, kind, edit["id"])
    return change_told


def _apply_cast(world: World, edit: Record) -> Record:
    role = edit.get("role", ROLES[0])
    row = cast(world, edit["session_id"], edit["person_id"], role)
    return told(f"Added a {role} to", "sessions", row)


def _apply_uncast(world: World, edit: Record) -> Record:
    row = uncast(world, edit["session_id"], edit["person_id"])
    return told("Removed a participant from", "sessions", row)


def _apply_image(world: World, edit: Record) -> Record:
    world.replace_image(edit["path"])
    return {"kind": "images", "id": edit["path"], "line": f"Replaced the image {edit['path']}"}


def _kind(edit: Record) -> str:
    kind = str(edit["kind"])
    return "people" if kind in {"speakers", "contacts"} else kind


def _swoogo_row(world: World, edit: Record) -> Record:
    row = world.store.swoogo[edit["kind"]].get(edit["id"])
    if row is None:
        message = f"Swoogo's {edit['kind']} have no record {edit['id']!r}"
        raise ValueError(message)
    return row


def _by_hand_create(world: World, edit: Record) -> Record:
    kind, fields = edit["kind"], edit["fields"]
    if kind not in FORMS or fields["event_id"] not in world.store.swoogo["events"]:
        message = f"cannot create Swoogo {kind!r} in event {fields['event_id']!r}"
        raise ValueError(message)
    return _told_swoogo("Created", kind, swoogo_write.create(world, kind, fields))


def _by_hand_update(world: World, edit: Record) -> Record:
    row = {**_swoogo_row(world, edit), **edit["fields"]}
    row["updated_at"] = swoogo_stamp(world.clock.now())
    return _told_swoogo("Updated", edit["kind"], world.store.save("swoogo", edit["kind"], row))


def _by_hand_delete(world: World, edit: Record) -> Record:
    row = _swoogo_row(world, edit)
    swoogo_write.delete(world, edit["kind"], row["id"])
    return _told_swoogo("Deleted", edit["kind"], row)


def _told_swoogo(verb: str, kind: str, row: Record) -> Record:
    name = row.get("name") or _full_name(row)
    line = f"{verb} Swoogo {kind.removesuffix('s')} {row['id']} “{name}” by hand"
    return {"kind": kind, "id": row["id"], "line": line}


_PROGRAMME: dict[str, Callable[[World, Any], Record]] = {
    "create": _apply_create,
    "update": _apply_update,
    "delete": _apply_delete,
    "add_participant": _apply_cast,
    "remove_participant": _apply_uncast,
    "replace_image": _apply_image,
}
_SWOOGO: dict[str, Callable[[World, Any], Record]] = {
    "create": _by_hand_create,
    "update": _by_hand_update,
    "delete": _by_hand_delete,
}
