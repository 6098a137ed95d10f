"""What Swoogo must hold once a sync is settled, worked out anew from Sessionboard's records.

Shares no code with the target: the rules are read from Sessionboard's article and the API reference
a second time, so that a mistake in the target is not repeated here. Ids are never compared: both
sides are brought into *views*, in which a record stands for itself by its values and what it refers
to by theirs, and the two collections of views must be the same. So a duplicate, a lost record, a
wrong value, a link to the wrong session or another record's image each show as a difference.

Texts are expected as they are but for escaped characters, so a programme that is checked here holds
none that need sanitising.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import unescape
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from sandbox.server import Sandbox

Record = dict[str, Any]
View = dict[str, Any]
Key = tuple[str, str]
"""Kind in the plural, as both sides name it, and Sessionboard id."""

KINDS = ("locations", "tracks", "sessions", "speakers", "sponsors")
FITTED = "an image made to fit"
_EMAIL = re.compile(r"[^@\s*,;<>]+@[^@\s*,;<>.]+(\.[^@\s*,;<>.]+)+")
_EXIF_ORIENTATION = 0x0112


@dataclass
class Exceptions:
    """Where a settled Swoogo may differ from Sessionboard, and how.

    Attributes:
        values: What people wrote into Swoogo by hand, or what a create-only field or an unknown
            tier left there: for a record, the parts of its view that differ. A session's place is
            under ``location`` (its name and capacity), a sponsor's level and an image's digest are
            under ``level`` and ``image``.
        absent: Records that must not be there although Sessionboard has them: deleted in Swoogo by
            hand, or ambiguous. What refers to them goes without.
        not_ours: Swoogo's records, by kind and id, that no Sessionboard record stands behind: made
            by hand, or left over because nothing is ever removed.
        extra_links: Links, by Swoogo speaker and session id, that Sessionboard does not have.
    """

    values: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    absent: Collection[Key] = ()
    not_ours: Collection[tuple[str, int]] = ()
    extra_links: Collection[tuple[int, int]] = ()


def assert_settled(
    sandbox: Sandbox,
    pairs: Mapping[int, int],
    settings: Mapping[str, Any] | None = None,
    exceptions: Exceptions | None = None,
    now: datetime | None = None,
) -> None:
    """Fail with every difference between what Swoogo holds and what it must hold."""
    found = differences(sandbox, pairs, settings, exceptions, now)
    assert not found, "\n".join(found)


def differences(
    sandbox: Sandbox,
    pairs: Mapping[int, int],
    settings: Mapping[str, Any] | None = None,
    exceptions: Exceptions | None = None,
    now: datetime | None = None,
) -> list[str]:
    """Compare Swoogo with what it must hold.

    Args:
        sandbox: Both sides.
        pairs: Sessionboard's events and the Swoogo events they go to.
        settings: The target's settings, where they are not the defaults.
        exceptions: Where a difference is right.
        now: The moment that decides which sessions are over; the present one by default.

    Returns:
        A line for each record that is missing, and for each that is not as it must be.
    """
    exceptions = exceptions or Exceptions()
    settings, moment = settings or {}, now or datetime.now(timezone.utc)
    pictures = _Pictures(sandbox, settings.get("image_max_bytes", 1_000_000))
    with sandbox.state.lock:
        expected = {
            theirs: _Expected(sandbox, pictures, ours, theirs, settings, exceptions, moment).views()
            for ours, theirs in pairs.items()
        }
        actual = {
            theirs: _Actual(sandbox, pictures, theirs, exceptions).views()
            for theirs in pairs.values()
        }
    _share_headshots(expected, actual)
    return [
        line
        for theirs in pairs.values()
        for kind in KINDS
        for line in _compare(kind, expected[theirs][kind], actual[theirs][kind])
    ]


def swoogo_ids(sandbox: Sandbox) -> set[tuple[str, int]]:
    """Every record that Swoogo holds now, in the form of `Exceptions.not_ours`."""
    return {(kind, row_id) for kind in KINDS for row_id in sandbox.state.swoogo[kind]}


def _compare(kind: str, expected: list[View], actual: list[View]) -> list[str]:
    due, held = (
        Counter(json.dumps(view, sort_keys=True) for view in v) for v in (expected, actual)
    )
    return [
        *(f"missing among {kind}: {view}" for view in (due - held).elements()),
        *(f"not right among {kind}: {view}" for view in (held - due).elements()),
    ]


def _share_headshots(
    expected: Mapping[int, Mapping[str, list[View]]], actual: Mapping[int, Mapping[str, list[View]]]
) -> None:
    """One contact carries the headshots of a person's speakers in all events: the last stays."""
    digests: dict[str, set[Any]] = {}
    for views in expected.values():
        for speaker in views["speakers"]:
            digests.setdefault(speaker["email"].lower(), set()).add(speaker["image"])
    for views in (*expected.values(), *actual.values()):
        for speaker in views["speakers"]:
            shared = digests.get(speaker["email"].lower(), set())
            if len(shared) > 1 and speaker["image"] in shared:
                speaker["image"] = sorted(map(str, shared))


class _Pictures:
    """What is to become of each image that Sessionboard serves."""

    def __init__(self, sandbox: Sandbox, limit: int) -> None:
        self._world = sandbox.world
        self._limit = limit
        self.digests: set[str] = set()
        """Of those that are to be uploaded as they are."""
        programme = sandbox.state.programme
        urls = {row["photo_url"] for row in programme["people"].values()}
        urls |= {row["logo_image_url"] for row in programme["sponsors"].values()}
        self._due = {url: self._look_at(url) for url in urls}

    def due(self, url: str | None) -> str | None:
        """Digest of what must have been uploaded; None where there is no image to be had."""
        return self._due[url]

    def _look_at(self, url: str | None) -> str | None:
        path = (url or "").removeprefix("{media}/")
        try:
            content = self._world.image(path)[0]
            upright = path.endswith(".svg") or _is_upright(content)
        except (OSError, IndexError):
            return None
        if len(content) > self._limit or not upright:
            return FITTED
        digest = hashlib.sha256(content).hexdigest()
        self.digests.add(digest)
        return digest


def _is_upright(content: bytes) -> bool:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return bool(image.getexif().get(_EXIF_ORIENTATION, 1) == 1)


# What must be there


class _Expected:
    """The views of one event's records as Sessionboard has them."""

    def __init__(
        self,
        sandbox: Sandbox,
        pictures: _Pictures,
        event_id: int,
        swoogo_event_id: int,
        settings: Mapping[str, Any],
        exceptions: Exceptions,
        now: datetime,
    ) -> None:
        self._pictures = pictures
        self._programme = sandbox.state.programme
        self._event_id = event_id
        self._zone = ZoneInfo(self._programme["events"][event_id]["timezone"])
        self._levels = sandbox.state.swoogo["events"][swoogo_event_id]["levels"]
        self._exceptions = exceptions
        self._now = now
        self._statuses = settings.get("session_statuses", ["accepted"])
        self._past = settings.get("sync_past_sessions", False)
        self._subsessions = settings.get("subsessions", "skip") == "as_sessions"
        self._everybody = settings.get("speakers", "on_synced_sessions") == "all"
        self._roles = settings.get("roles", ["speaker", "chairperson", "moderator"])
        self._tier_field = settings.get("sponsor_tier_field", "Tier").lower()

    def views(self) -> dict[str, list[View]]:
        sessions = {row["id"]: row for row in self._sessions()}
        people = {row["id"]: row for row in self._people(sessions.values())}
        there = {i: row for i, row in sessions.items() if not self._is_absent("sessions", i)}
        places = {i: self._session(row) for i, row in there.items()}
        cast = {
            person_id: [i for i, row in there.items() if person_id in self._on(row)]
            for person_id in people
            if not self._is_absent("speakers", person_id)
        }
        for person_id, held in cast.items():
            email = self._speaker(people[person_id])["email"]
            for session_id in held:
                places[session_id]["speakers"].append(email)
        for view in places.values():
            view["speakers"].sort()
        return {
            "locations": self._choices("locations", "room_id", sessions, places),
            "tracks": self._choices("tracks", "track_id", sessions, places),
            "sessions": list(places.values()),
            "speakers": [
                self._speaker(people[person_id])
                | {"sessions": sorted(_slot(places[i]) for i in held)}
                for person_id, held in cast.items()
            ],
            "sponsors": [
                self._sponsor(row)
                for row in self._of_event("sponsors")
                if _line(row["name"]) and not self._is_absent("sponsors", row["id"])
            ],
        }

    def _of_event(self, kind: str) -> list[Record]:
        return [r for r in self._programme[kind].values() if r["event_id"] == self._event_id]

    def _is_absent(self, kind: str, row_id: str) -> bool:
        return (kind, row_id) in self._exceptions.absent

    def _with_exceptions(self, kind: str, row_id: str, view: View) -> View:
        return {**view, **self._exceptions.values.get((kind, row_id), {})}

    # Who may sync

    def _sessions(self) -> Iterable[Record]:
        for row in self._of_event("sessions"):
            nested = row["subsessions"] if self._subsessions else []
            yield from (one for one in (row, *nested) if self._syncs(one))

    def _syncs(self, row: Record) -> bool:
        if row.get("deleted_at") or row.get("is_abstract") or not _line(row["title"]):
            return False
        if row["status"] not in self._statuses or not row["starts_at"] or not row["ends_at"]:
            return False
        starts, ends = _moment(row["starts_at"]), _moment(row["ends_at"])
        return starts <= ends and (self._past or ends > self._now)

    def _on(self, session: Record) -> list[str]:
        return [entry["id"] for entry in session["people"] if entry["role"] in self._roles]

    def _people(self, sessions: Iterable[Record]) -> Iterable[Record]:
        wanted = {person_id for session in sessions for person_id in self._on(session)}
        seen: set[str] = set()
        for row in sorted(self._of_event("people"), key=lambda r: (r["created_at"], r["id"])):
            complete = _line(row["first_name"]) and _line(row["last_name"])
            email = _line(row["email"]) or ""
            if not (self._everybody or row["id"] in wanted) or not complete:
                continue
            if _EMAIL.fullmatch(email) and email.lower() not in seen:
                seen.add(email.lower())
                yield row

    # Their views

    def _session(self, row: Record) -> View:
        starts, ends = (_moment(row[name]).astimezone(self._zone) for name in _TIMES)
        room = self._programme["rooms"].get(row["room_id"])
        end = f"{ends:%H:%M:%S}" if ends.date() == starts.date() else "23:59:59"
        capacity = row.get("capacity")
        view: View = {
            "name": _line(row["title"]),
            "description": _text(row["description"]),
            "date": f"{starts:%Y-%m-%d}",
            "start_time": f"{starts:%H:%M:%S}",
            "end_time": max(end, f"{starts:%H:%M:%S}"),
            "capacity": room["capacity"] if capacity is None and room else capacity,
            "location": self._choice("locations", room),
            "track": self._choice("tracks", self._programme["tracks"].get(row["track_id"])),
            "speakers": [],
        }
        return self._with_exceptions("sessions", row["id"], view)

    def _choice(self, kind: str, row: Record | None) -> View | None:
        if row is None or not _line(row["name"]) or self._is_absent(kind, row["id"]):
            return None
        view: View = {"name": _line(row["name"])}
        if kind == "locations":
            view["capacity"] = row["capacity"]
        return self._with_exceptions(kind, row["id"], view)

    def _choices(
        self, kind: str, name: str, sessions: Mapping[str, Record], places: Mapping[str, View]
    ) -> list[View]:
        views = []
        for choice_id in {row[name] for row in sessions.values()}:
            view = self._choice(kind, self._programme[_SOURCES[kind]].get(choice_id))
            if view is not None:
                held = [i for i, row in sessions.items() if row[name] == choice_id and i in places]
                views.append(view | {"sessions": sorted(_slot(places[i]) for i in held)})
        return views

    def _speaker(self, row: Record) -> View:
        view: View = {
            "email": _line(row["email"]),
            "first_name": _line(row["first_name"]),
            "last_name": _line(row["last_name"]),
            "job_title": _line(row["title"]),
            "company": _line(row["company_name"]),
            "bio": _text(row["about"]),
            "sessions": [],
            "image": self._pictures.due(row["photo_url"]),
        }
        return self._with_exceptions("speakers", row["id"], view)

    def _sponsor(self, row: Record) -> View:
        tiers = [
            " ".join(custom["value"].split()).lower()
            for custom in row["custom_fields"] or []
            if custom["name"].lower() == self._tier_field and custom["value"]
        ]
        named = [level["name"] for level in self._levels if level["name"].lower() in tiers]
        view: View = {
            "name": _line(row["name"]),
            "description": _text(row["description"]),
            "website": _line(row["website_url"]),
            "level": named[0] if len(named) == 1 else None,
            "image": self._pictures.due(row["logo_image_url"]),
        }
        return self._with_exceptions("sponsors", row["id"], view)


_TIMES = ("starts_at", "ends_at")
_SOURCES = {"locations": "rooms", "tracks": "tracks"}


# What is there


class _Actual:
    """The views of one event's records as Swoogo has them."""

    def __init__(
        self, sandbox: Sandbox, pictures: _Pictures, event_id: int, exceptions: Exceptions
    ) -> None:
        self._pictures = pictures
        self._swoogo = sandbox.state.swoogo
        self._event_id = event_id
        self._exceptions = exceptions
        self._links = [
            (speaker["id"], session_id)
            for speaker in self._rows("speakers")
            for session_id in speaker["session_ids"]
            if (speaker["id"], session_id) not in exceptions.extra_links
            and ("sessions", session_id) not in exceptions.not_ours
        ]

    def views(self) -> dict[str, list[View]]:
        make: dict[str, Callable[[Record], View]] = {
            "locations": lambda row: (
                self._choice("locations", row) | self._held("location_id", row)
            ),
            "tracks": lambda row: self._choice("tracks", row) | self._held("track_id", row),
            "sessions": self._session,
            "speakers": self._speaker,
            "sponsors": self._sponsor,
        }
        return {kind: [make[kind](row) for row in self._rows(kind)] for kind in KINDS}

    def _rows(self, kind: str) -> list[Record]:
        return [
            row
            for row in self._swoogo[kind].values()
            if row["event_id"] == self._event_id
            and (kind, row["id"]) not in self._exceptions.not_ours
        ]

    def _choice(self, kind: str, row: Record) -> View:
        return {name: row[name] for name in ("name", "capacity")[: 2 - (kind == "tracks")]}

    def _referred(self, kind: str, row_id: int | None) -> View | None:
        return None if row_id is None else self._choice(kind, self._swoogo[kind][row_id])

    def _held(self, name: str, row: Record) -> View:
        held = [one for one in self._rows("sessions") if one[name] == row["id"]]
        return {"sessions": sorted(map(_slot, held))}

    def _session(self, row: Record) -> View:
        plain = ("name", "date", "start_time", "end_time", "capacity")
        linked = [speaker for speaker, session in self._links if session == row["id"]]
        return {name: row[name] for name in plain} | {
            "description": _text(row["description"]),
            "location": self._referred("locations", row["location_id"]),
            "track": self._referred("tracks", row["track_id"]),
            "speakers": sorted(self._swoogo["speakers"][i]["email"] for i in linked),
        }

    def _speaker(self, row: Record) -> View:
        plain = ("email", "first_name", "last_name", "job_title", "company")
        linked = [session for speaker, session in self._links if speaker == row["id"]]
        contact = self._swoogo["contacts"][row["contact_id"]]
        return {name: row[name] for name in plain} | {
            "bio": _text(row["bio"]),
            "sessions": sorted(_slot(self._swoogo["sessions"][i]) for i in linked),
            "image": self._image("contact", contact["id"], contact["profile_picture"]),
        }

    def _sponsor(self, row: Record) -> View:
        levels = {
            one["id"]: one["name"] for one in self._swoogo["events"][self._event_id]["levels"]
        }
        return {name: row[name] for name in ("name", "website")} | {
            "description": _text(row["description"]),
            "level": levels.get(row["level"]),
            "image": self._image("sponsor", row["id"], row.get("logo_id")),
        }

    def _image(self, kind: str, row_id: int, shown: str | None) -> str | None:
        uploads = [
            one
            for one in self._swoogo["uploads"].values()
            if (one["type"], one["record_id"]) == (kind, row_id)
        ]
        if not uploads or not shown:
            return None
        digest: str = max(uploads, key=lambda one: one["id"])["sha256"]
        return digest if digest in self._pictures.digests else FITTED


def _slot(view: Mapping[str, Any]) -> list[str]:
    """What tells a session from others in a view of what refers to it."""
    return [view["date"] or "", view["start_time"] or "", view["name"]]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _line(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None


def _text(text: str | None) -> str | None:
    return unescape(text or "").strip() or None
