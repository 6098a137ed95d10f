"""A day of changes: what organisers do to a programme between two syncs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox import edits
from sandbox.clock import from_stamp, to_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.store import Record
    from sandbox.world import World

_CORRECTIONS = ("{} (extended)", "{}, revisited", "{}: a second look", "{}, with live demo")
_NEWCOMERS = (("Ione", "Castlereagh"), ("Marek", "Dovzhenko"), ("Priya", "Larkin"), ("Tal", "Rho"))
_NEW_SPONSORS = ("Copperfield Cartography", "Beacon Batteries", "Saltbox Surveying")
_EDITED_SESSIONS = 7
_TIMES = ("starts_at", "ends_at")


def play_day(world: World) -> list[Record]:
    """Plays the next day of changes.

    Every day touches other records, as long as the programme has some left.

    Returns:
        The changes, each with a ``line`` that tells it.
    """
    day = world.store.meta.get("day", 0)
    world.store.set_meta("day", day + 1)
    return list(_Day(world, day).changes())


class _Day:
    """One day's pick of records."""

    def __init__(self, world: World, day: int) -> None:
        self._world = world
        self._day = day
        self._event = next(iter(world.store.programme["events"]))
        first = day * _EDITED_SESSIONS
        self._sessions = self._coming("accepted")[first : first + _EDITED_SESSIONS]

    def _coming(self, status: str) -> list[Record]:
        """Sessions of that status that are still to come and have somebody on them."""
        now = self._world.clock.stamp()
        return [
            row
            for row in self._rows("sessions")
            if row["status"] == status
            and not row.get("is_abstract")
            and not row["deleted_at"]
            and (row.get("starts_at") or "") > now
            and row.get("ends_at")
            and row["people"]
            and not row["subsessions"]
        ]

    def _rows(self, kind: str) -> list[Record]:
        rows = self._world.store.programme[kind].values()
        return [row for row in rows if row["event_id"] == self._event]

    def changes(self) -> Iterator[Record]:
        """Makes the changes one by one."""
        makers = (
            self._title,
            self._move,
            self._unaccept,
            self._newcomer,
            self._leaver,
            self._biography,
            self._delete,
        )
        for make, session in zip(makers, self._sessions, strict=False):
            yield from make(session)
        yield from self._accept()
        yield from self._rename_room()
        yield from self._tier()
        yield from self._sponsor()

    def _title(self, session: Record) -> Iterator[Record]:
        title = _CORRECTIONS[self._day % len(_CORRECTIONS)].format(session["title"])
        line = f"Title corrected: “{session['title']}” is now “{title}”"
        yield self._change("sessions", session, {"title": title}, line)

    def _move(self, session: Record) -> Iterator[Record]:
        rooms = [room for room in self._rows("rooms") if room["id"] != session["room_id"]]
        if not rooms:
            return
        room = rooms[self._day % len(rooms)]
        later = timedelta(minutes=30)
        fields = {name: to_stamp(from_stamp(session[name]) + later) for name in _TIMES}
        line = f"“{session['title']}” moves to {room['name']}, half an hour later"
        yield self._change("sessions", session, {**fields, "room_id": room["id"]}, line)

    def _unaccept(self, session: Record) -> Iterator[Record]:
        line = f"“{session['title']}” is no longer accepted"
        yield self._change("sessions", session, {"status": "declined"}, line)

    def _newcomer(self, session: Record) -> Iterator[Record]:
        first, last = _NEWCOMERS[self._day % len(_NEWCOMERS)]
        fields: Record = {
            "event_id": self._event,
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}.{self._day + 1}@example.org".lower(),
            "title": "Independent Researcher",
            "about": f"<p>{first} joined the programme at short notice.</p>",
        }
        if self._world.draws_images:
            fields["photo_url"] = f"{{media}}/{self._event}/people/{first}-{last}.jpg".lower()
        person = edits.add(self._world, "people", fields)
        row = edits.cast(self._world, session["id"], person["id"])
        line = f"{person['full_name']} is a new speaker on “{session['title']}”"
        yield {"side": "programme", "kind": "people", "id": person["id"], "line": line}
        yield _told("sessions", row, f"“{session['title']}” has {len(row['people'])} people now")

    def _leaver(self, session: Record) -> Iterator[Record]:
        person = self._person(session["people"][-1])
        row = edits.uncast(self._world, session["id"], person["id"])
        yield _told("sessions", row, f"{person['full_name']} leaves “{session['title']}”")

    def _biography(self, session: Record) -> Iterator[Record]:
        person = self._person(session["people"][0])
        about = f"{person.get('about') or ''}<p>Winner of this year's Lantern Prize.</p>"
        line = f"{person['full_name']} has a longer biography"
        fields = {"about": about}
        if self._world.draws_images:
            number = self._day + 2
            slug = f"{person['full_name']}-{number}".lower().replace(" ", "-")
            fields["photo_url"] = f"{{media}}/{self._event}/people/{slug}.jpg"
            line += " and a new headshot"
        yield self._change("people", person, fields, line)

    def _delete(self, session: Record) -> Iterator[Record]:
        edits.remove(self._world, "sessions", session["id"])
        yield _told("sessions", session, f"“{session['title']}” is deleted")

    def _accept(self) -> Iterator[Record]:
        for session in self._coming("pending")[:1]:
            names = " and ".join(
                str(self._person(entry)["full_name"]) for entry in session["people"]
            )
            line = f"“{session['title']}” by {names} is accepted"
            yield self._change("sessions", session, {"status": "accepted"}, line)

    def _rename_room(self) -> Iterator[Record]:
        rooms = self._rows("rooms")
        if rooms:
            room = rooms[self._day % len(rooms)]
            name = f"{room['name']} (Floor {self._day + 1})"
            line = f"Room “{room['name']}” is called “{name}” now"
            yield self._change("rooms", room, {"name": name}, line)

    def _tier(self) -> Iterator[Record]:
        sponsors = [row for row in self._rows("sponsors") if _tier_of(row)]
        tiers = sorted({_tier_of(row) for row in sponsors})
        if len(tiers) > 1:
            sponsor = sponsors[(-1 - 2 * self._day) % len(sponsors)]
            old = _tier_of(sponsor)
            new = tiers[(tiers.index(old) + 1) % len(tiers)]
            custom = [
                {**one, "value": new} if one["name"] == "Tier" else one
                for one in sponsor["custom_fields"]
            ]
            line = f"{sponsor['name']} changes from {old} to {new}"
            yield self._change("sponsors", sponsor, {"custom_fields": custom}, line)

    def _sponsor(self) -> Iterator[Record]:
        name = _NEW_SPONSORS[self._day % len(_NEW_SPONSORS)]
        slug = name.partition(" ")[0].lower()
        tiered = [row for row in self._rows("sponsors") if _tier_of(row)]
        fields: Record = {
            "event_id": self._event,
            "name": name,
            "description": f"{name} supports the programme for the first time.",
            "website_url": f"https://{slug}.example.org",
            "custom_fields": tiered[-1]["custom_fields"] if tiered else [],
        }
        if self._world.draws_images:
            fields["logo_image_url"] = f"{{media}}/{self._event}/logos/{slug}.png"
        sponsor = edits.add(self._world, "sponsors", fields)
        yield _told("sponsors", sponsor, f"{name} is a new sponsor")

    def _person(self, entry: Record) -> Record:
        return edits.find(self._world, "people", entry["id"])

    def _change(self, kind: str, row: Record, fields: Record, line: str) -> Record:
        return _told(kind, edits.change(self._world, kind, row["id"], fields), line)


def _told(kind: str, row: Record, line: str) -> Record:
    return {"side": "programme", "kind": kind, "id": row["id"], "line": line}


def _tier_of(sponsor: Record) -> str:
    for custom in sponsor.get("custom_fields") or []:
        if custom["name"] == "Tier":
            return str(custom.get("value") or "")
    return ""
