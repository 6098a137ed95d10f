"""Sessionboard's answers: the programme's records in the shapes of its OpenAPI file."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.loader import derived_id

if TYPE_CHECKING:
    from sandbox.store import Record
    from sandbox.world import World

_LEGACY = {"speaker": "speakers", "chairperson": "chairpersons", "moderator": "moderators"}
_METADATA = ("level", "language", "format", "track")
_PARTICIPANT_ONLY = ("session_participant_id", "is_public")
_INNER = ("room_id", "track_id", "people", "deleted_at", "event_id", "subsessions")
_DETAILS = (
    *("status", "custom_status", "custom_fields", "chairpersons", "moderators", "sponsors"),
    *("exhibitors", "tags", "language", "track", "level", "room", "is_public", "external_url"),
    *("client_session_id", "ceu_credits", "capacity", "source", "custom_status_id"),
)
_STATUS_FIELDS = ("id", "friendly_id", "friendly_id_raw", "status", "custom_status_id")
_STAMPS = ("created_at", "updated_at", "deleted_at")
_EMAIL = re.compile(r"^(.)[^@]*@(.)[^@]*(\.[^.@]+)$")


def mask(email: str) -> str:
    """An e-mail address as a masking token sees it: ``j***@a***.com``."""
    return _EMAIL.sub(r"\1***@\2***\3", email)


class Shapes:
    """The programme as one request sees it.

    Args:
        world: The sandbox.
        masked: The token masks e-mail addresses.
        searching: The answer is to a search, whose unassigned metadata is ``{}``; else null. A
            search may be as stale as the sandbox is told to make it.
    """

    def __init__(self, world: World, *, masked: bool, searching: bool) -> None:
        self._world = world
        self._masked = masked
        self._unassigned: Record | None = {} if searching else None
        self._seconds = world.settings.stale_seconds if searching else 0
        self._kinds: dict[str, dict[Any, Record]] = {}

    def all(self, kind: str) -> dict[Any, Record]:
        """The programme's records of a kind, by id."""
        if kind not in self._kinds:
            store = self._world.store
            if self._seconds:
                moment = self._world.clock.now() - timedelta(seconds=self._seconds)
                self._kinds[kind] = store.as_of(kind, moment)
            else:
                self._kinds[kind] = store.programme[kind]
        return self._kinds[kind]

    def of_event(self, kind: str, event_id: int) -> list[Record]:
        """The records of one event; deleted sessions too."""
        return [row for row in self.all(kind).values() if row["event_id"] == event_id]

    def contact(self, person: Record) -> Record:
        """A Contact."""
        return self._person(person) | _admin(person, "contacts")

    def _person(self, person: Record) -> Record:
        row = _visible(person)
        if self._masked and row.get("email"):
            row["email"] = mask(row["email"])
        return row

    def sponsor(self, row: Record) -> Record:
        """A Sponsor."""
        return _visible(row) | _admin(row, "sponsors")

    def choice(self, row: Record) -> Record:
        """A Room or Track outside a session, which go without their event."""
        return _visible(row)

    def session(self, row: Record, expand: frozenset[str]) -> Record:
        """A Session, subsessions included."""
        shape = self._full(row, expand) | _admin(row, "sessions")
        shape["subsessions"] = [self._subsession(row, sub, expand) for sub in row["subsessions"]]
        return shape

    def single_subsession(self, row: Record, sub: Record, expand: frozenset[str]) -> Record:
        """A subsession asked for by its own id: shaped like a session."""
        return self._full(sub, expand) | self._from_parent(row, expand)

    def status(self, row: Record) -> Record:
        """A SessionStatus, deleted sessions included."""
        return {
            **{name: row.get(name) for name in _STATUS_FIELDS},
            **_stamps(row, _STAMPS),
            "custom_status": row.get("custom_status"),
            "is_abstract": row.get("is_abstract", False),
            "composition_status": row.get("composition_status"),
            "subsessions": [self._sub_status(row, sub) for sub in row["subsessions"]],
        }

    def statuses(self, row: Record) -> list[Record]:
        """A session's own row, and one for each of its subsessions."""
        inherited = {name: row.get(name) for name in ("is_abstract", "composition_status")}
        inherited["deleted_at"] = row.get("deleted_at")
        subs = [
            {"status": None, **sub, **inherited, "subsessions": []} for sub in row["subsessions"]
        ]
        return [row, *subs]

    def _sub_status(self, row: Record, sub: Record) -> Record:
        return {
            **{name: sub.get(name) for name in _STATUS_FIELDS},
            **_stamps({**sub, "deleted_at": row.get("deleted_at")}, _STAMPS),
            "custom_status": sub.get("custom_status"),
            **_parent_ids(row),
        }

    def _full(self, row: Record, expand: frozenset[str]) -> Record:
        shape = {name: value for name, value in _visible(row).items() if name not in _INNER}
        nested_track = self._nested("tracks", row["track_id"])
        if nested_track:
            nested_track["event_id"] = row["event_id"]
        shape["track"] = nested_track
        for name in _METADATA:
            shape[name] = shape.get(name) or self._unassigned
        shape["room"] = self._nested("rooms", row["room_id"]) or self._unassigned
        if row.get("external_url") and not row["room_id"]:
            del shape["room"]
        participants = [entry for entry in map(self._participant, row["people"]) if entry]
        if self._world.settings.participants_listed:
            shape["participants"] = participants
        for role, name in _LEGACY.items():
            shape[name] = [
                {key: value for key, value in entry.items() if key not in _PARTICIPANT_ONLY}
                for entry in participants
                if entry["participant_role"]["core_role"] == role
            ]
        if "composition" in expand:
            target = (row.get("composition_status") or {}).get("target")
            shape["composition"] = {"target": target, "sources": []}
        if "translated_fields" not in expand:
            shape.pop("translated_fields", None)
        return shape

    def _from_parent(self, row: Record, expand: frozenset[str]) -> Record:
        inherited = {name: row.get(name) for name in ("is_abstract", "composition_status")}
        if "composition" in expand:
            target = (row.get("composition_status") or {}).get("target")
            inherited["composition"] = {"target": target, "sources": []}
        return inherited | _parent_ids(row)

    def _subsession(self, row: Record, sub: Record, expand: frozenset[str]) -> Record:
        shape = self.single_subsession(row, sub, expand)
        if "subsession_details" not in expand:
            for name in _DETAILS:
                shape.pop(name, None)
        return shape

    def _nested(self, kind: str, row_id: str | None) -> Record | None:
        row = self.all(kind).get(row_id)
        return _visible(row) if row else None

    def _participant(self, entry: Record) -> Record | None:
        person = self.all("people").get(entry["id"])
        if person is None:
            return None
        role = entry["role"]
        return self._person(person) | {
            "session_participant_id": entry["session_participant_id"],
            "order": entry["order"],
            "is_public": entry["is_public"],
            "participant_role": {
                "id": derived_id(person["event_id"], "role", role),
                "slug": role,
                "name": role.capitalize(),
                "name_plural": f"{role.capitalize()}s",
                "core_role": role,
            },
        }


def _visible(row: Record) -> Record:
    """A copy without what is the sandbox's own, stamps as the vendor writes them."""
    shape = {name: value for name, value in row.items() if name[0] != "_" and name != "event_id"}
    return shape | _stamps(row, ("created_at", "updated_at"))


def _admin(row: Record, kind: str) -> Record:
    """The page of a record in Sessionboard, which its API v1 reference gives as `admin_url`."""
    place = f"event/{row['event_id']}/{kind}/{row['id']}"
    return {"admin_url": f"https://sessionboard.example.org/{place}"}


def _stamps(row: Record, names: tuple[str, ...]) -> Record:
    """Stamps in the vendor's other spelling; schedules come with a ``Z``, these with an offset."""
    return {name: row[name] and row[name].replace("Z", "+00:00") for name in names if name in row}


def _parent_ids(row: Record) -> Record:
    return {
        "parent_session_friendly_id": row.get("friendly_id"),
        "parent_session_friendly_id_raw": row.get("friendly_id_raw"),
    }
