"""Organisers edit in Sessionboard while the tap reads: after the next run nothing is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_sessionboard.tap import TapSessionboard

from .conftest import written_by
from .hostile import EVENT, MAPPINGS, participant, person, session, sponsor, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Pair

    Record = dict[str, Any]
    Kept = dict[tuple[str, str], Record]

EACH = 5
PAGE_SIZE = 2
PAGES = 3
LISTS = {
    "sessions": "sessions$",
    "session_statuses": "sessions/status$",
    "speakers": "speakers$",
    "sponsors": "sponsors$",
}
SWITCHES: dict[str, dict[str, Any]] = {
    "after is inclusive": {},
    "after is exclusive": {"after_inclusive": False},
    "two minutes stale": {"stale_seconds": 120},
    "casting bumps nothing": {"participant_edit_bumps_session": False},
    "stale, exclusive and silent": {
        "stale_seconds": 120,
        "after_inclusive": False,
        "participant_edit_bumps_session": False,
    },
}


def created(number: int) -> dict[str, str]:
    """Stamps of long ago, in the order in which lists are read."""
    return dict.fromkeys(("created_at", "updated_at"), f"2026-01-0{number + 1}T00:00:00.000Z")


def write_programme(folder: Path) -> Path:
    """Five sessions, five people and five sponsors: three pages of each."""
    folder.mkdir()
    people = [person(f"p{n}") | created(n) for n in range(EACH)]
    sessions = []
    for n in range(EACH):
        row = session(f"s{n}", participants=[participant("p0")]) | created(n)
        sessions.append({k: v for k, v in row.items() if k not in {"room", "track"}})
    files = {
        "events": [whole("events", "")],
        "sessions": sessions,
        "speakers": people,
        "sponsors": [sponsor(f"o{n}") | created(n) for n in range(EACH)],
    }
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def edits_of(stream: str) -> Iterator[tuple[str, Record]]:
    """What an organiser may do to a list while it is read."""
    kind = {"speakers": "people", "sponsors": "sponsors"}.get(stream, "sessions")
    prefix = {"people": "p", "sponsors": "o", "sessions": "s"}[kind]
    field = {"people": "last_name", "sponsors": "name", "sessions": "title"}[kind]
    for place in (0, 2, EACH - 1):
        row_id = f"{prefix}{place}"
        yield f"update {place}", _edit("update", kind, id=row_id, fields={field: "Edited"})
        yield f"delete {place}", _edit("delete", kind, id=row_id)
    new = {field: "New", "event_id": EVENT}
    yield "insert", _edit("create", kind, fields=new)
    # A record that is moved here from another event keeps the date of its creation.
    yield "enter", _edit("create", kind, fields=new | {"created_at": "2026-01-01T12:00:00Z"})
    if kind == "sessions":
        yield "status", _edit("update", kind, id="s0", fields={"status": "declined"})
        yield "leave", _edit("update", kind, id="s0", fields={"is_abstract": True})
        yield "cast", {"op": "add_participant", "session_id": "s0", "person_id": "p1"}
        yield "uncast", {"op": "remove_participant", "session_id": "s0", "person_id": "p0"}


def _edit(op: str, kind: str, **rest: Any) -> Record:
    return {"op": op, "kind": kind, **rest}


@pytest.fixture
def pair(make_pair: Callable[..., Pair], tmp_path: Path) -> Pair:
    return make_pair(MAPPINGS, program=write_programme(tmp_path / "programme"), as_is=True)


def read(pair: Pair, kept: Kept, only: str = "", **settings: Any) -> None:
    """A run of the tap; what it said lies over what is kept, as in the ledger."""
    config = pair.tap_config(page_size=PAGE_SIZE, **settings)
    tap = TapSessionboard(config=config, state=json.loads(json.dumps(pair.state)))
    for stream in tap.streams.values():
        stream.selected = stream.name in {"events", only} or not only
    for text in written_by(tap).splitlines():
        message = json.loads(text)
        if message["type"] == "RECORD":
            kept[message["stream"], str(message["record"]["id"])] = message["record"]
        elif message["type"] == "STATE":
            pair.state = message["value"]


def missing(pair: Pair, kept: Kept, stream: str) -> list[str]:
    """What Sessionboard has and what was kept does not say, of one stream."""
    programme = pair.sandbox.state.programme
    lost = []
    rows = programme[{"speakers": "people", "sponsors": "sponsors"}.get(stream, "sessions")]
    for row in rows.values():
        have = kept.get((stream, str(row["id"])), {})
        if stream == "session_statuses":
            same = (have.get("status"), bool(have.get("deleted_at"))) == (
                row["status"],
                bool(row["deleted_at"]),
            )
        elif stream == "sessions":
            listed = not row["deleted_at"] and not row["is_abstract"]
            people = {one["id"] for one in have.get("participants") or ()}
            wanted = {one["id"] for one in row["people"] if one["id"] in programme["people"]}
            told = (have.get("title"), have.get("status"), people)
            same = not listed or told == (row["title"], row["status"], wanted)
        else:
            name = "last_name" if stream == "speakers" else "name"
            same = have.get(name) == row[name]
        if not same:
            lost.append(str(row["id"]))
    return lost


def let_staleness_pass(pair: Pair, switches: Record) -> None:
    pair.sandbox.faults(**switches)
    pair.sandbox.advance(switches.get("stale_seconds", 0) + 1)


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
@pytest.mark.parametrize("stream", LISTS)
def test_an_edit_before_any_page_is_known_after_the_next_run(
    pair: Pair, stream: str, switches: Record
) -> None:
    tried = hit = 0
    # What changes without a trace is found by the next full read.
    silent = "participant_edit_bumps_session" in switches
    for name, edit in edits_of(stream):
        for number in range(1, PAGES + 1):
            for before in ("first read", "later read"):
                pair.sandbox.reset()
                pair.state = {}
                kept: Kept = {}
                pair.sandbox.faults(**switches)
                if before == "later read":
                    read(pair, kept, stream)
                    # Everything is changed, so that the later read has as many pages.
                    for row in list(pair.sandbox.state.programme[_kind(stream)].values()):
                        pair.sandbox.edit(_edit("update", _kind(stream), id=row["id"], fields={}))
                    let_staleness_pass(pair, switches)
                match = {"side": "sessionboard", "path": LISTS[stream], "nth": number}
                rule = {"match": match, "do": {"edit": edit}}
                pair.sandbox.faults(rule, **switches)
                read(pair, kept, stream)
                hit += pair.sandbox.world.rules[0].fired
                let_staleness_pass(pair, switches)
                read(pair, kept, stream, full_read_hours=0 if silent else 1)
                assert missing(pair, kept, stream) == [], (name, number, before)
                tried += 1
    assert hit == tried, "every edit was made while the list was read"
    print(f"{stream}: {tried} edits between pages")  # noqa: T201


def _kind(stream: str) -> str:
    return {"speakers": "people", "sponsors": "sponsors"}.get(stream, "sessions")


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
def test_a_record_that_leaves_while_another_enters_hides_none(pair: Pair, switches: Record) -> None:
    """The count stays the same, so only the fresh record gives the move away."""
    pair.sandbox.faults(**switches)
    for number in range(1, PAGES):
        pair.sandbox.reset()
        kept: Kept = {}
        pair.state = {}
        rules = [
            _at(number, _edit("delete", "sessions", id="s0")),
            _at(number + 1, _edit("create", "sessions", fields={"title": "N", "event_id": EVENT})),
        ]
        pair.sandbox.faults(*rules, **switches)
        read(pair, kept, "sessions")
        let_staleness_pass(pair, switches)
        read(pair, kept, "sessions")
        assert missing(pair, kept, "sessions") == []


def _at(number: int, edit: Record) -> Record:
    match = {"side": "sessionboard", "path": "sessions$", "nth": number}
    return {"match": match, "do": {"edit": edit}}


def test_edits_at_every_request_are_known_once_they_end(pair: Pair) -> None:
    """Organisers who never rest while a run reads, in every list at once."""
    kept: Kept = {}
    rules = [
        {
            "match": {"side": "sessionboard", "path": path, "nth": number},
            "do": {"edit": edit},
        }
        for stream, path in LISTS.items()
        for number, (_, edit) in enumerate(edits_of(stream), start=1)
    ]
    pair.sandbox.faults(*rules)
    read(pair, kept)
    pair.sandbox.faults()
    # A person who is deleted leaves their sessions without a trace.
    read(pair, kept, full_read_hours=0)
    for stream in LISTS:
        assert missing(pair, kept, stream) == []


def test_days_of_changes_in_mid_read_end_in_the_same_agenda(make_pair: Callable[..., Pair]) -> None:
    """The whole pair: what was edited while it was read is in Swoogo after the next run."""
    tried = 0
    for stream, path in LISTS.items():
        for number in range(1, PAGES + 1):
            pair = make_pair(MAPPINGS, sessions=12)
            match = {"side": "sessionboard", "path": path, "nth": number}
            pair.sandbox.faults({"match": match, "do": {"edit": "day"}})
            pair.load(pair.read(page_size=PAGE_SIZE))
            assert pair.sandbox.world.rules[0].fired, (stream, number)
            pair.sandbox.faults()
            pair.load(pair.read(page_size=PAGE_SIZE), unlink_removed_speakers=True)
            assert expected(pair) <= agenda(pair), (stream, number)
            tried += 1
    print(f"{tried} days of changes in mid-read")  # noqa: T201


def agenda(pair: Pair) -> set[tuple[str, frozenset[str]]]:
    """Swoogo's sessions by name and the e-mail addresses of their speakers."""
    swoogo = pair.sandbox.state.swoogo
    return {
        (
            row["name"],
            frozenset(
                speaker["email"]
                for speaker in swoogo["speakers"].values()
                if row["id"] in speaker["session_ids"]
            ),
        )
        for row in swoogo["sessions"].values()
    }


def expected(pair: Pair) -> set[tuple[str, frozenset[str]]]:
    """What Swoogo must have at least: it also keeps what was there before."""
    programme = pair.sandbox.state.programme
    people = programme["people"]
    now = pair.sandbox.world.clock.stamp()
    return {
        (row["title"], frozenset(people[one["id"]]["email"] for one in row["people"]))
        for row in programme["sessions"].values()
        if row["event_id"] == EVENT
        and row["status"] == "accepted"
        and not row["deleted_at"]
        and not row["is_abstract"]
        and (row["starts_at"] or "") > now
    }
