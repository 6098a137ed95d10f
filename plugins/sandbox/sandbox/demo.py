"""The demo programme: a fictional conference, always the same, with every trap a sync meets."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sandbox import demo_words as words
from sandbox.clock import to_stamp
from sandbox.loader import ROLES, derived_id
from sandbox.programme import Programme

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.store import Record

MAIN_EVENT, SMALL_EVENT = 4101, 4102
FIRST_DAY = date(2027, 3, 9)
SESSIONS = 150
_DAYS = 3
# The last people are a moderator, a chairperson, and those who are on pending sessions only.
_RESERVED = 5
_SLOTS = (time(9), time(10, 15), time(11, 30), time(14), time(15, 15), time(16, 30))
_LENGTH = timedelta(minutes=45)
_STAMP = "2027-01-01T00:00:00.000Z"


class _Demo:
    """Makes one event's records; the same arguments make the same records."""

    def __init__(
        self, event_id: int, zone: str, *, people: int, reserved: int, sponsors: int, rooms: int
    ) -> None:
        self.event_id = event_id
        self.zone = ZoneInfo(zone)
        self.random = random.Random(event_id)  # noqa: S311 - the same choices every time
        self.rooms = [
            self._row("room", number, name=name, order=number, capacity=capacity)
            for number, (name, capacity) in enumerate(words.ROOMS[:rooms])
        ]
        self.tracks = [
            self._row("track", number, name=name, order=number, color=color)
            for number, (name, color) in enumerate(words.TRACKS)
        ]
        self.people = [self._person(number) for number in range(people)]
        self._regulars = self.people[: people - reserved]
        self.sponsors = [self._sponsor(number, sponsors) for number in range(sponsors)]
        self.sessions: list[Record] = []
        self._turn = 0

    def _row(self, kind: str, number: int, **fields: object) -> Record:
        row_id = derived_id(self.event_id, kind, number)
        stamps = {"created_at": _STAMP, "updated_at": _STAMP}
        return {"id": row_id, "event_id": self.event_id, **fields, **stamps}

    def _person(self, number: int) -> Record:
        # Two steps without a common divisor reach every pair of names before one comes twice.
        first = words.FIRST_NAMES[number % len(words.FIRST_NAMES)]
        last = words.LAST_NAMES[(number * 7 + number // 60) % len(words.LAST_NAMES)]
        company = self.random.choice(words.COMPANIES)
        subjects = self.random.choice(words.SUBJECTS)
        a, b = self.random.sample(subjects, 2)
        facts = {"name": first, "a": a, "b": b, "company": company}
        about = self.random.choice(words.BIOS).format(**facts)
        slug = f"{first}-{last}".lower()
        return self._row(
            "person",
            number,
            friendly_id=f"CON-{number + 1}",
            full_name=f"{first} {last}",
            first_name=first,
            last_name=last,
            email=f"{slug.replace('-', '.')}@example.org",
            title=self.random.choice(words.TITLES),
            company_name=company,
            about=f"<p>{about} {self.random.choice(words.HOBBIES)}</p>",
            photo_url=f"{{media}}/{self.event_id}/people/{slug}.jpg",
            custom_fields=[],
            translated_fields=[],
        )

    def _sponsor(self, number: int, total: int) -> Record:
        name = words.SPONSORS[number % len(words.SPONSORS)]
        kind = words.SPONSOR_KINDS[number % len(words.SPONSOR_KINDS)]
        # Few on top, many at the bottom: a tenth, a quarter, half, and the rest.
        tier = words.TIERS[sum(number >= total * share for share in (0.1, 0.3, 0.6))]
        ending = ("svg", "png", "webp", "svg")[number % 4]
        custom = {"id": derived_id(self.event_id, "tier"), "name": "Tier", "type": "select"}
        custom |= {"internal_name": "tier", "value": tier, "created_at": _STAMP}
        return self._row(
            "sponsor",
            number,
            friendly_id=f"SPON-{number + 1}",
            friendly_id_raw=number + 1,
            name=f"{name} {kind}",
            description=f"{name} makes {kind.lower()} that towns can rely on.",
            logo_image_url=f"{{media}}/{self.event_id}/logos/{name.lower()}.{ending}",
            banner_image_url=None,
            website_url=f"https://{name.lower()}.example.org",
            custom_fields=[custom],
            translated_fields=[],
            contacts=[],
        )

    def _next_people(self, count: int) -> list[Record]:
        chosen = [self._regulars[(self._turn + i) % len(self._regulars)] for i in range(count)]
        self._turn += count
        return chosen

    def participant(self, person: Record, session_id: str, order: int, role: str) -> Record:
        """A person as a session's participant."""
        core = {"id": derived_id(self.event_id, "role", role), "slug": role, "core_role": role}
        core |= {"name": role.capitalize(), "name_plural": f"{role.capitalize()}s"}
        own = {"session_participant_id": derived_id(session_id, person["id"])}
        return {**person, **own, "order": order, "is_public": True, "participant_role": core}

    def cast(self, session: Record, people: list[Record], role: str = ROLES[0]) -> None:
        """Puts people on a session."""
        first = len(session["participants"])
        session["participants"] += [
            self.participant(person, session["id"], first + number, role)
            for number, person in enumerate(people)
        ]

    def at(self, day: int, start: time, length: timedelta = _LENGTH) -> Record:
        """Start and end on a day of the programme (0 is the first), in the event's zone."""
        begin = datetime.combine(FIRST_DAY + timedelta(days=day), start, self.zone)
        end = (begin.replace(tzinfo=None) + length).replace(tzinfo=self.zone)
        return {"starts_at": to_stamp(begin), "ends_at": to_stamp(end)}

    def session(self, people: list[Record] | None = None, **fields: Any) -> Record:
        """Adds an accepted session in the next free slot, with the next one or two speakers."""
        number = len(self.sessions)
        topic = number % len(self.tracks)
        room, slot = number % len(self.rooms), number // len(self.rooms)
        day, slot = slot // len(_SLOTS) % _DAYS, slot % len(_SLOTS)
        subjects = words.SUBJECTS[topic]
        # Coprime counts: forms and subjects pair up anew for 300 sessions.
        a = subjects[number // 6 % 5]
        b = subjects[(number // 6 + 1 + number // 30) % 5]
        facts = {"a": a, "b": b if b != a else "the weather", "A": a[0].upper() + a[1:]}
        form = words.TITLE_FORMS[(number // 30 + number // 6 * 3) % len(words.TITLE_FORMS)]
        description = self.random.choice(words.DESCRIPTIONS).format(**facts)
        row = self._row(
            "session",
            number,
            friendly_id=f"SESS-{number + 1}",
            friendly_id_raw=number + 1,
            client_session_id=None,
            title=form.format(**facts),
            description=f"<p>{description}</p><p>{self.random.choice(words.CLOSINGS)}</p>",
            status="accepted",
            custom_status_id=None,
            custom_status=None,
            is_public=True,
            is_abstract=False,
            composition_status={
                "role": "standalone",
                "is_linked": False,
                "is_read_only": False,
                "source_count": 0,
                "target": None,
            },
            capacity=60 if number % 10 == 0 else None,
            ceu_credits=None,
            external_url=None,
            track=self.tracks[topic],
            level={},
            language={},
            format={},
            room=self.rooms[room],
            tags=[{"id": derived_id("tag", a), "name": a}],
            participants=[],
            sponsors=[],
            exhibitors=[],
            subsessions=[],
            content=[],
            custom_fields=[],
            translated_fields=[],
            **self.at(day, _SLOTS[slot]),
        )
        row |= fields
        self.sessions.append(row)
        self.cast(row, people or self._next_people(1 + number % 2))
        return row


def make_demo(sessions: int = SESSIONS) -> Programme:
    """The demo programme, with about as many sessions as asked for and people in proportion."""
    main = _Demo(
        MAIN_EVENT,
        "America/New_York",
        people=max(20, sessions * 4 // 3),
        reserved=_RESERVED,
        sponsors=max(5, sessions // 5),
        rooms=len(words.ROOMS),
    )
    rounds = max(1, min(len(words.SPECIAL_TITLES["online"]), sessions // 50))
    specials = [make for turn in range(rounds) for make in _specials(main, turn)]
    for _ in range(max(0, sessions - len(specials))):
        main.session()
    for make in specials:
        make()
    hidden = _odd_people(main)
    small = _Demo(SMALL_EVENT, "Europe/London", people=5, reserved=0, sponsors=2, rooms=2)
    for _ in range(4):
        small.session()
    return Programme(
        events=[
            _event(MAIN_EVENT, "Northlight Summit", "America/New_York"),
            _event(SMALL_EVENT, "Northlight Masterclass", "Europe/London"),
        ],
        sessions=main.sessions + small.sessions,
        speakers=[person for person in main.people if person["id"] not in hidden] + small.people,
        sponsors=main.sponsors + small.sponsors,
        rooms=main.rooms + small.rooms,
        tracks=main.tracks + small.tracks,
        first_day=FIRST_DAY,
    )


def _event(event_id: int, name: str, zone: str) -> Record:
    return {
        "id": event_id,
        "name": name,
        "timezone": zone,
        "features": {"translated_fields": False},
    }


def _specials(demo: _Demo, turn: int) -> list[Callable[[], Record]]:
    """The sessions that a sync must not take as they are, or must take with care."""
    titles = {kind: choices[turn] for kind, choices in words.SPECIAL_TITLES.items()}
    nothing: Record = {"starts_at": None, "ends_at": None}

    def online() -> Record:
        address = "https://stream.example.org/northlight"
        row = demo.session(title=titles["online"], external_url=address)
        del row["room"]
        return row

    def parent() -> Record:
        times = demo.at(turn, time(14), timedelta(minutes=60))
        row = demo.session(title=titles["parent"], **times)
        row["subsessions"] = [_subsession(demo, row, turn, number) for number in range(3)]
        return row

    def chaired() -> Record:
        row = demo.session(title=titles["chaired"])
        demo.cast(row, demo.people[-2:-1], "chairperson")
        demo.cast(row, demo.people[-1:], "moderator")
        return row

    return [
        lambda: demo.session([demo.people[-3 - turn]], status="pending"),
        lambda: demo.session(status="declined"),
        lambda: demo.session(status="accept_queue", **nothing),
        lambda: demo.session(title=titles["undated"], **nothing),
        lambda: demo.session(title=titles["past"], **demo.at(-45 + turn, time(18))),
        lambda: demo.session(
            title=titles["midnight"], **demo.at(turn, time(22, 30), timedelta(hours=3))
        ),
        online,
        lambda: demo.session(title=titles["abstract"], is_abstract=True),
        parent,
        chaired,
        lambda: demo.session(title=titles["untracked"], track={}, accessibility_notes="Ramp"),
    ]


def _subsession(demo: _Demo, parent: Record, day: int, number: int) -> Record:
    start = datetime.combine(date.min, time(14)) + timedelta(minutes=20 * number)
    person = demo.people[day * 3 + number]
    sub_id = derived_id(parent["id"], "sub", number)
    return {
        "id": sub_id,
        "friendly_id": f"{parent['friendly_id']}-{number + 1}",
        "friendly_id_raw": number + 1,
        "title": f"Lightning talk: {person['first_name']} in seven minutes",
        "description": "<p>Seven minutes, then a bell.</p>",
        # A subsession's own status is not inherited, and may be null.
        "status": ("accepted", None, "pending")[number],
        "created_at": parent["created_at"],
        "updated_at": parent["updated_at"],
        "room": parent["room"],
        "track": parent["track"],
        "participants": [demo.participant(person, sub_id, 0, ROLES[0])],
        **demo.at(day, start.time(), timedelta(minutes=15)),
    }


def _odd_people(demo: _Demo) -> set[str]:
    """Gives some people what a sync must notice; returns who is missing among the speakers.

    The people are shared with the sessions' participants, which are copies: both are changed.
    """
    changes: dict[int, Record] = {
        3: {"last_name": None, "full_name": demo.people[3]["first_name"]},
        4: {"email": "m***@e***.org"},
        6: {"email": demo.people[5]["email"]},
        7: {"photo_url": None, "about": None},
        8: {"photo_url": _photo(demo, "big-1.jpg")},
        9: {"photo_url": _photo(demo, "big-2.jpg")},
        10: {"photo_url": _photo(demo, "big-rotated.jpg")},
        11: {"photo_url": _photo(demo, "alpha.png")},
        12: {"photo_url": _photo(demo, "corrupt.jpg")},
        13: {"photo_url": _photo(demo, "big-3.jpg")},
    }
    by_id = {demo.people[number]["id"]: change for number, change in changes.items()}
    for row in demo.people:
        row.update(by_id.get(row["id"], {}))
    for session in demo.sessions:
        for holder in (session, *session["subsessions"]):
            for entry in holder["participants"]:
                entry.update(by_id.get(entry["id"], {}))
    # One moderator is known only from the sessions: the speakers search may leave such people out.
    return {demo.people[-1]["id"]}


def _photo(demo: _Demo, name: str) -> str:
    return f"{{media}}/{demo.event_id}/people/{name}"
