"""Adversarial Singer input: sound records, and every way to spoil one of their fields."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from msgspec import inspect
from target_swoogo.source import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EVENT, SWOOGO_EVENT = 4101, 77001
MAPPINGS = [{"sessionboard_event_id": EVENT, "swoogo_event_id": SWOOGO_EVENT}]
STAMPS = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z"}
DEEPEST = 10_000
MEGABYTES = 10_000_000

Record = dict[str, Any]
Path = tuple[str | int, ...]

HTML = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1) ",
    "<p onclick=alert(1)>text</p>",
    "<a href=' java\tscript:alert(1)'>text</a>",
    "<a href='&#106;avascript:alert(1)'>text</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>text</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=x><button formaction=javascript:x>go</button></form>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><p title='--&gt;&lt;img onerror=x&gt;'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<base href=//evil.example><meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//evil.example><style>@import 'x'</style>",
    "<\0script>alert(1)</script>",
    "<x onmouseover=alert(1) style=position:fixed>text</x>",
    "<plaintext><xmp>",
    "\x1b[2J\x9b2Jcleared\r\nERROR forged line",
]
"""What a text field must never carry on."""

WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "fraction": 1.5,
    "whole float": 50.0,
    "32 bits": 2**31,
    "64 bits": 2**63,
    "huge": 10**30,
    "endless": 10**400,
    "infinite": float("inf"),
    "not a number": float("nan"),
    "empty": "",
    "blank": " \t\n",
    "long": "x" * 70_000,
    "nul": "a\0b",
    "surrogate": "half \ud83e fox",
    "bidi": "a\u202eb\u2028c",
    "control": HTML[-1],
    "html": HTML[0],
    "path": "../../../etc/passwd",
    "address": "javascript:1/alert(1)",
    "number": "12",
    "list": [],
    "list of nothing": [None],
    "list of lists": [[["x"]]],
    "object": {},
    "other object": {"x": {"y": [1]}},
}
"""Values that are wrong somewhere, by name."""

DATES = [
    *("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"),
    *("9999-12-31T23:59:59.999999Z", "9998-12-31T12:00:00Z", "1969-12-31T23:59:59Z"),
    *("2099-03-09T09:00:00+14:00", "2099-03-09T09:00:00-14:00", "2099-03-09T09:00:00+23:59"),
    *("2099-03-09T09:00:00+24:00", "2099-03-09T09:00:00+99:99", "2099-03-09T23:59:60Z"),
    *("2099-03-09T09:00:00", "2099-03-09 09:00:00Z", "2099-03-09", "09:00", "20990309T090000Z"),
    *("2099-02-30T00:00:00Z", "2099-03-09T24:00:00Z", "2099-W10-1", "2099-068", "now", "1e9"),
    *("2099-03-09T09:00:00.123456789123Z", "2099-03-09t09:00:00z", "２０99-03-09T09:00:00Z"),
    *("-2099-03-09T09:00:00Z", "12099-03-09T09:00:00Z", "2099-03-09T09:00:00Z\0", "0", "-1"),
]


def nested(levels: int) -> str:
    """JSON of lists within lists."""
    return "[" * levels + "]" * levels


def person(person_id: str, **fields: Any) -> Record:
    """A sound speaker."""
    return {
        "id": person_id,
        "event_id": EVENT,
        "friendly_id": "CON-1",
        "first_name": "Ada",
        "last_name": "Abel",
        "email": f"{person_id}@example.org",
        "title": "Weaver",
        "company_name": "Loomery",
        "about": "<p>Weaves.</p>",
        "photo_url": None,
        **STAMPS,
        **fields,
    }


def participant(person_id: str, **fields: Any) -> Record:
    """A sound person on a session."""
    return person(person_id, participant_role={"core_role": "speaker"}) | fields


def session(session_id: str, **fields: Any) -> Record:
    """A sound session that lies far ahead."""
    return {
        "id": session_id,
        "event_id": EVENT,
        "friendly_id": "SESS-1",
        "title": f"Session {session_id}",
        "description": "<p>All about it.</p>",
        "status": "accepted",
        "is_abstract": False,
        "starts_at": "2099-03-09T14:00:00Z",
        "ends_at": "2099-03-09T15:00:00Z",
        "capacity": 50,
        "room": {"id": "hall", "name": "Hall", "capacity": 200, **STAMPS},
        "track": {"id": "craft", "name": "Craft", **STAMPS},
        "participants": [],
        "speakers": [],
        "chairpersons": [],
        "moderators": [],
        "subsessions": [],
        **STAMPS,
        **fields,
    }


def sponsor(sponsor_id: str, **fields: Any) -> Record:
    """A sound sponsor."""
    return {
        "id": sponsor_id,
        "event_id": EVENT,
        "friendly_id": "SPON-1",
        "name": f"Sponsor {sponsor_id}",
        "description": "<p>Helps.</p>",
        "website_url": "https://loom.example.org",
        "logo_image_url": None,
        "custom_fields": [{"name": "Tier", "internal_name": "tier", "value": "Gold"}],
        **STAMPS,
        **fields,
    }


def whole(stream: str, record_id: str) -> Record:
    """A sound record of a stream in which every field that the target reads is filled."""
    if stream == "events":
        return {"id": EVENT, "name": "Conference", "timezone": "America/New_York"}
    if stream == "sessions":
        lists = ("participants", "speakers", "chairpersons", "moderators")
        people = {name: [participant(f"one-of-the-{name}")] for name in lists}
        inner = session(f"sub-{record_id}", **people)
        return session(record_id, **people, subsessions=[inner])
    if stream == "speakers":
        return person(record_id)
    if stream == "sponsors":
        return sponsor(record_id)
    extra: dict[str, Record] = {
        "session_statuses": {"status": "accepted", "deleted_at": None},
        "rooms": {"name": f"Room {record_id}", "capacity": 20},
        "tracks": {"name": f"Track {record_id}"},
    }
    return {"id": record_id, "event_id": EVENT, **extra[stream], **STAMPS}


def fields_of(stream: str) -> list[Path]:
    """The path of every field that the target reads in a record of a stream, from its type."""
    return list(_fields(inspect.type_info(STREAMS[stream]), (), 1))


def _fields(kind: inspect.Type, path: Path, nestings: int) -> Iterator[Path]:
    for member in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(member, inspect.StructType):
            for field in member.fields:
                if field.name != "subsessions" or nestings:
                    inside = nestings - (field.name == "subsessions")
                    yield (*path, field.name)
                    yield from _fields(field.type, (*path, field.name), inside)
        elif isinstance(member, inspect.ListType):
            yield from _fields(member.item_type, (*path, 0), nestings)


def spoilt(record: Record, path: Path, value: Any) -> Record:
    """The record with another value at one place."""
    record = copy.deepcopy(record)
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return record


def messages(records: Iterable[tuple[str, Record | str]], *, event: bool = True) -> str:
    """Singer messages: a schema for each stream, the event, the records, a state.

    Args:
        records: Stream and record; one that is text stands for itself.
        event: Whether the event comes first.
    """
    lines = [
        json.dumps({"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}})
        for stream in STREAMS
    ]
    known: list[tuple[str, Record | str]] = [("events", whole("events", ""))] if event else []
    for stream, record in (*known, *records):
        text = record if isinstance(record, str) else json.dumps(record)
        lines.append(f'{{"type": "RECORD", "stream": "{stream}", "record": {text}}}')
    return "\n".join([*lines, json.dumps({"type": "STATE", "value": {"n": 1}}), ""])


class _Markup(HTMLParser):
    """Collects what a browser would do with a text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            safe = name in {"title", "rel", "colspan", "rowspan"} or (
                name == "href" and (value or "").startswith(("https://", "http://", "mailto:"))
            )
            if not safe:
                self.active.append(f"{tag} {name}")

    def handle_comment(self, data: str) -> None:
        self.active.append(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        self.active.append(f"a declaration: {decl}")

    def unknown_decl(self, data: str) -> None:
        self.active.append(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        self.active.append(f"an instruction: {data}")


_FORMATTING = {
    *("p", "div", "section", "article", "br", "hr", "blockquote", "pre", "a", "b", "strong", "i"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "em", "u", "s"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("sub", "sup", "small", "code", "span"),
}


def unsafe(text: str, *, html: bool) -> list[str]:
    """What in a text could act on whoever is shown it.

    Args:
        text: The text.
        html: Whether it may hold formatting; else it must not hold a tag at all.
    """
    found = [
        f"the character {letter!r}"
        for letter in text
        if (ord(letter) < 32 and not (html and letter in "\t\n")) or 126 < ord(letter) < 160
    ]
    markup = _Markup()
    markup.feed(text)
    markup.close()
    return found + markup.active + sorted(markup.tags - (_FORMATTING if html else set()))
