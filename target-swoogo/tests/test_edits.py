"""Edits of a pair at rest: what is evaluated alone comes out as when all is evaluated."""

from __future__ import annotations

import copy
import json
import logging
import threading
from collections import Counter
from datetime import datetime, timezone
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from target_swoogo import observe
from target_swoogo.actions import Verb
from target_swoogo.edits import evaluate_edits
from target_swoogo.evaluate import Evaluated, evaluate, planned
from target_swoogo.ledger import Ledger
from target_swoogo.model import Choice, Mapped, Ref, State, Uploaded
from target_swoogo.preflight import look_over
from target_swoogo.reconcile import Reconciler
from target_swoogo.records import MOST_EDITS
from target_swoogo.rest import Rests, _next_changes, places
from target_swoogo.settings import Settings

pytestmark = pytest.mark.usefixtures("quiet")

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_swoogo.actions import Action

    Record = dict[str, Any]
    World = dict[str, dict[str, Record]]

EVENTS = (4101, 77001)
NOW = datetime(2027, 3, 9, 10, tzinfo=timezone.utc)
STAMPS = dict.fromkeys(("created_at", "updated_at"), "2027-01-01T00:00:00.000000+00:00")
TIMES = [f"2027-05-0{day}T{hour:02}:00:00.000000+00:00" for day in (1, 2) for hour in (9, 10, 11)]
LATER = [
    NOW,
    NOW,
    *(
        datetime(2027, 5, day, hour, 45, tzinfo=timezone.utc)
        for day, hour in ((1, 9), (1, 10), (2, 9))
    ),
]
HOW = [(True, False), (True, True), (False, True)]
"""Whether records were edited, and whether sessions ended."""

LEAST_ALONE = 3
"""Of the examples in which that is evaluated alone; else nothing would be compared."""

PEOPLE, SESSIONS, SPONSORS, UNLISTED = 5, 6, 2, "p4"
PENDING, NOBODY = "s6", "p6"
"""A session that is not accepted, and a person who is on none."""

ROOMS = [None, *({"id": f"r{n}", "name": f"Hall {n}", "capacity": 20, **STAMPS} for n in (0, 1))]
TRACKS = [None, *({"id": f"t{n}", "name": f"Topic {n}", **STAMPS} for n in (0, 1))]


def person(number: int) -> Record:
    return {
        "id": f"p{number}",
        "first_name": f"Ada {number}",
        "last_name": "Lovelace",
        "email": f"ada{number}@example.org",
        "about": "Writes programs.",
        "photo_url": f"https://example.org/{number}.jpg" if number % 2 else None,
        **STAMPS,
    }


def session(number: int) -> Record:
    return {
        "id": f"s{number}",
        "title": f"Session {number}",
        "description": "<p>Words</p>",
        "status": "accepted",
        "starts_at": TIMES[number % len(TIMES)],
        "ends_at": TIMES[number % len(TIMES)].replace(":00:00.", ":30:00."),
        "room": ROOMS[number % 2 + 1],
        "track": TRACKS[number % 3],
        "participants": [person(number % PEOPLE), person((number + 1) % PEOPLE)],
        **STAMPS,
    }


def sponsor(number: int) -> Record:
    return {
        "id": f"b{number}",
        "name": f"Sponsor {number}",
        "website_url": "https://example.org",
        "custom_fields": [{"name": "Tier", "value": "Gold"}],
        **STAMPS,
    }


def a_world() -> World:
    lists = {
        "events": [{"id": EVENTS[0], "name": "Event", "timezone": "America/New_York"}],
        "rooms": ROOMS[1:],
        "tracks": TRACKS[1:],
        "sessions": [session(number) for number in range(SESSIONS)],
        "session_statuses": [{"id": f"s{n}", "status": "accepted"} for n in range(SESSIONS)],
        "speakers": [person(n) for n in range(PEOPLE) if f"p{n}" != UNLISTED],
        "sponsors": [sponsor(number) for number in range(SPONSORS)],
    }
    lists["sessions"].append({**session(int(PENDING[1:])), "status": "pending"})
    lists["speakers"].append(person(int(NOBODY[1:])))
    return {
        stream: {str(one["id"]): copy.deepcopy(one) for one in records if one}
        for stream, records in lists.items()
    }


def of(stream: str, count: int, **pools: list[Any]) -> st.SearchStrategy[Any]:
    """Edits of one stream's records: which one, which field, and its new value."""
    prefix = {"sponsors": "b", "speakers": "p"}.get(stream, "s")
    return st.tuples(
        st.just(stream),
        st.sampled_from([f"{prefix}{number}" for number in range(count)]),
        st.sampled_from([(name, value) for name, pool in pools.items() for value in pool]),
    )


def a_new(stream: str, record_id: str) -> Record:
    """A record that nobody has heard of; a session is not accepted, a person on none."""
    number = int(record_id[1:])
    if stream == "session_statuses":
        return {"id": record_id, "status": "pending"}
    if stream == "sessions":
        return {**session(number), "status": "pending"}
    return person(number) if stream == "speakers" else sponsor(number)


TEXTS = ["Alpha", "Session 1", "Ada 1 Lovelace", "TBA", "<b>Bold</b> words", None]
OF_TEXTS = st.one_of(
    of("sessions", SESSIONS, title=TEXTS, description=TEXTS, capacity=[None, 7], novel=TEXTS),
    of("session_statuses", SESSIONS, updated_at=TIMES),
    of("speakers", PEOPLE, about=TEXTS, first_name=TEXTS, company_name=TEXTS, title=TEXTS),
    of("speakers", PEOPLE, photo_url=[None, "https://example.org/new.jpg"], updated_at=TIMES),
    of("sponsors", SPONSORS, name=TEXTS, description=TEXTS, website_url=["https://b.org", "x:y"]),
)
SLOTS = [slot.replace(":00:00.", f":{minute}:00.") for slot in TIMES[:4] for minute in ("35", "45")]
OF_PLACES = of(
    "sessions",
    SESSIONS,
    ends_at=[*SLOTS, TIMES[5]],
    room=ROOMS[1:],
    track=TRACKS,
    participants=[[person(n) for n in cast] for cast in ((0, 1, 2), (1, 2), (2, 3), (3, 0))],
)
OF_NOTHING = st.one_of(
    st.tuples(
        st.just("sessions"),
        st.sampled_from([PENDING, "s7", "s8"]),
        st.sampled_from(
            [("title", "Alpha"), ("status", "declined"), ("status", None), ("participants", [])]
        ),
    ),
    st.tuples(
        st.just("speakers"),
        st.sampled_from([NOBODY, "p7"]),
        st.sampled_from([("last_name", "King"), ("email", None), ("email", "ada1@example.org")]),
    ),
    st.just(("session_statuses", "s7", ("status", "pending"))),
)
"""Of records that have nothing to do with Swoogo, some of them new."""

OF_ALL = st.one_of(
    OF_TEXTS,
    OF_PLACES,
    OF_NOTHING,
    of("speakers", PEOPLE + 3, about=TEXTS, email=["new@example.org"]),
    of("sponsors", SPONSORS + 1, name=TEXTS),
    of("sessions", SESSIONS + 3, status=["accepted"]),
    of(
        "sessions",
        SESSIONS,
        status=["accepted", "declined", None],
        starts_at=TIMES,
        ends_at=[*TIMES, "2026-01-01T00:00:00Z"],
        room=ROOMS,
        track=TRACKS,
        capacity=[-1],
        is_abstract=[True, False],
        participants=[[], [person(0)], [person(3), person(2)], [person(4)]],
        subsessions=[[], [{"id": "sub", "title": "Part", "status": "accepted"}]],
    ),
    of("session_statuses", SESSIONS, deleted_at=[None, TIMES[0]]),
    of("speakers", PEOPLE, email=["ada1@example.org", "ADA2@example.org", "new@example.org", None]),
    of("sponsors", SPONSORS, custom_fields=[[], [{"name": "Tier", "value": "Iron"}]]),
)


class Desk:
    """A ledger as runs leave it, without a Swoogo: what should be there is noted as being there."""

    def __init__(self, folder: str, **config: Any) -> None:
        self.url = f"sqlite:///{folder}/ledger.db"
        mapping = dict(zip(("sessionboard_event_id", "swoogo_event_id"), EVENTS, strict=True))
        self.settings = Settings.from_config(
            {
                "consumer_key": "key",
                "consumer_secret": "secret",
                "api_url": "http://127.0.0.1:9",  # nobody listens: a call would fail
                "ledger_url": self.url,
                "event_mappings": [mapping],
                "report_path": "",
                **config,
            }
        )
        self.world = a_world()

    def edit(self, edits: list[tuple[str, str, tuple[str, Any]]]) -> None:
        for stream, record_id, (name, value) in edits:
            if stream not in {"events", "rooms"} and record_id != UNLISTED:
                self.world[stream].setdefault(record_id, a_new(stream, record_id))
            if record_id in self.world[stream]:
                self.world[stream][record_id][name] = copy.deepcopy(value)

    def put(self, ledger: Ledger) -> None:
        with ledger.commit():
            for stream, records in self.world.items():
                rows = [(EVENTS[0], key, json.dumps(one).encode()) for key, one in records.items()]
                ledger.put(stream, rows)

    def settle(self) -> None:
        """Bring everything to Swoogo."""
        with Ledger.open(self.url) as ledger:
            (pair,) = ledger.hold([EVENTS])
            self.put(ledger)
            pair.observed |= {"timezone": "US/Eastern", "levels": [[1, "Gold"]]}
            pair.observed["levels_read_at"] = NOW.timestamp()
            seen = evaluate(ledger, pair, self.settings, NOW)
            known = {entry.key: entry.swoogo_id for entry in ledger.mapped(pair).values()}
            for row in seen.programme.rows:
                known.setdefault(row.key, len(known) + 1)

            def resolved(value: Any) -> Any:
                if isinstance(value, Ref):
                    return known[value.kind, value.source_id]
                return (1 if value.name == "Gold" else None) if isinstance(value, Choice) else value

            with ledger.commit():
                ledger.remember(pair)
                for row in seen.programme.rows:
                    applied = {name: resolved(value) for name, value in row.fields.items()}
                    entry = Mapped(*row.key, row.label, known[row.key], applied, State.SYNCED)
                    ledger.save(pair, entry)
                    ledger.save_links(pair, row.source_id, row.sessions, made=True)
                    if row.picture:
                        sent = Uploaded(row.picture.url, row.picture.version, sha256="0")
                        ledger.save_image(pair, row.key, sent)

    def run(self, now: datetime = NOW) -> None:
        with Ledger.open(self.url) as ledger:
            Reconciler(ledger, self.settings, threading.Event(), "version", now).run()


def told(action: Action) -> tuple[Any, ...]:
    return (action.verb, action.row, sorted(action.changes.items()), action.sessions)


def both_ways(desk: Desk, now: datetime = NOW) -> tuple[Evaluated | None, Counter[Verb]]:
    """Evaluate what happened, and everything, and see that it comes to the same."""
    with Ledger.open(desk.url) as ledger:
        (pair,) = ledger.pairs()
        desk.put(ledger)
        since = Rests(ledger, desk.settings, "version", now).since(pair)
        result = evaluate_edits(ledger, pair, since, desk.settings, now) if since else None
        if result is None:
            return None, Counter()
        few, rest = result
        everything = evaluate(ledger, pair, desk.settings, now)
        observed = observe.observed(pair, {})
        part, whole = (planned(s, observed, desk.settings, now, ()) for s in (few, everything))
        warnings = whole.warnings + look_over(everything.programme, everything.applied.images)
        assert [told(a) for a in part.actions] == [told(a) for a in whole.actions]
        assert Counter(whole.skips) == Counter(rest.skips)
        assert Counter(warnings) == Counter(rest.warnings)
        assert not [*whole.held, *whole.waiting, *whole.dead, *whole.settled]
        assert _next_changes(everything, desk.settings, now) == (rest.until, rest.ends)
        used = {(kind, record_id): count for kind, record_id, count in rest.used}
        assert used == places(everything.programme.rows)
        untouched = Counter(rest.counts) - Counter(r.kind.value for r in few.programme.rows)
        unchanged = untouched + Counter(row.kind.value for row in part.unchanged)
        assert unchanged == Counter(row.kind.value for row in whole.unchanged)
        return few, Counter(action.verb for action in part.actions)


@pytest.mark.parametrize("config", [{}, {"speakers": "all"}], ids=["usual", "all speakers"])
def test_edits_come_out_as_when_everything_is_evaluated(config: dict[str, Any]) -> None:
    alone: Counter[tuple[bool, bool, bool]] = Counter()

    @settings(
        deadline=None,
        max_examples=160,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        st.lists(OF_ALL, max_size=3),
        st.lists(OF_ALL, max_size=2),
        st.one_of(
            st.just([]),
            st.lists(OF_TEXTS, min_size=1, max_size=2),
            st.lists(OF_PLACES, min_size=1, max_size=2),
            st.lists(OF_NOTHING, min_size=1, max_size=2),
            st.lists(OF_ALL, min_size=1, max_size=3),
        ),
        st.lists(st.sampled_from(LATER), min_size=2, max_size=2).map(sorted),
    )
    def check(first: list[Any], then: list[Any], edits: list[Any], later: list[datetime]) -> None:
        with TemporaryDirectory() as folder:
            desk = Desk(folder, **config)
            for stage in (first, then):
                desk.edit(stage)
                desk.settle()
            desk.run()
            with Ledger.open(desk.url) as ledger:
                if not ledger.resting():
                    return
            desk.run()
            desk.run(later[0])
            desk.edit(edits)
            few, _ = both_ways(desk, later[1])
            alone[few is not None, bool(edits), later[0] < later[1]] += 1

    check()
    assert min(alone[True, edited, ended] for edited, ended in HOW) >= LEAST_ALONE, alone


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """That a ledger is new is not worth telling here."""
    caplog.set_level(logging.ERROR)


@pytest.fixture
def desk(tmp_path: Any) -> Callable[..., Desk]:
    """Makes a desk at rest."""

    def make(*stages: list[Any], **config: Any) -> Desk:
        desk = Desk(str(tmp_path), **config)
        for edits in ([], *stages):
            desk.edit(edits)
            desk.settle()
        desk.run()
        desk.run()
        return desk

    return make


@pytest.mark.parametrize(
    ("edit", "verbs"),
    [
        (("sessions", "s1", ("title", "Another")), {Verb.UPDATE: 1}),
        (("sessions", "s1", ("description", "Other words")), {Verb.UPDATE: 1}),
        (("sessions", "s1", ("custom", "of no use here")), {}),
        (("session_statuses", "s1", ("updated_at", TIMES[0])), {}),
        (("speakers", "p1", ("about", "Another life")), {Verb.UPDATE: 1}),
        (("speakers", "p1", ("updated_at", TIMES[0])), {Verb.IMAGE: 1}),
        (("speakers", "p2", ("last_name", "King")), {Verb.UPDATE: 1}),
        (("sponsors", "b1", ("description", "Makes things")), {Verb.UPDATE: 1}),
        (("sessions", "s1", ("ends_at", "2027-05-01T10:45:00Z")), {Verb.UPDATE: 1}),
        (("sessions", "s1", ("room", ROOMS[1])), {Verb.UPDATE: 1}),
        (("sessions", "s1", ("track", ROOMS[0])), {Verb.UPDATE: 1}),
        (("sessions", "s1", ("participants", [person(n) for n in (0, 1, 2)])), {Verb.LINK: 1}),
        (("sessions", "s1", ("subsessions", [{"id": "sub", "title": "Part"}])), {}),
        (("sessions", PENDING, ("title", "Another")), {}),
        (("sessions", PENDING, ("status", "declined")), {}),
        (("sessions", "s7", ("title", "A new submission")), {}),
        (("speakers", NOBODY, ("last_name", "King")), {}),
        (("speakers", "p7", ("last_name", "Whoever applied")), {}),
    ],
)
def test_an_edit_is_evaluated_alone(
    desk: Callable[..., Desk], edit: Any, verbs: dict[Verb, int]
) -> None:
    one = desk()
    one.edit([edit])
    few, done = both_ways(one)
    assert few is not None
    assert done == verbs


@pytest.mark.parametrize(
    "edit",
    [
        ("sessions", "s1", ("starts_at", TIMES[5])),
        ("sessions", "s1", ("ends_at", TIMES[3])),
        ("sessions", "s1", ("room", {"id": "r9", "name": "A new hall"})),
        ("sessions", "s1", ("subsessions", [{"id": "s2", "title": "Another session"}])),
        ("sessions", "s1", ("status", "declined")),
        ("sessions", PENDING, ("status", "accepted")),
        ("sessions", "s1", ("participants", [])),
        ("sessions", "s3", ("title", "With somebody who has no record of their own")),
        ("session_statuses", "s1", ("deleted_at", TIMES[0])),
        ("speakers", "p1", ("email", "new@example.org")),
        ("speakers", "p1", ("last_name", None)),
        ("sponsors", "b1", ("custom_fields", [{"name": "Tier", "value": "Unheard of"}])),
        ("sponsors", "b1", ("name", "TBA")),
        ("sponsors", "b1", ("website_url", "x:y")),
        ("sessions", "s1", ("capacity", "many")),
        ("rooms", "r1", ("name", "Another hall")),
        ("events", str(EVENTS[0]), ("timezone", "Europe/Berlin")),
    ],
)
def test_whatever_may_touch_others_is_not_evaluated_alone(
    desk: Callable[..., Desk], edit: Any
) -> None:
    one = desk()
    one.edit([edit])
    assert both_ways(one)[0] is None


AFTER_S0 = datetime(2027, 5, 1, 9, 45, tzinfo=timezone.utc)
"""Session 0 has just ended; another one is in its room, and one in each track."""


@pytest.mark.parametrize("first", [NOW, AFTER_S0], ids=["as it ends", "after it was found over"])
def test_a_session_that_ended_is_evaluated_alone(
    desk: Callable[..., Desk], first: datetime
) -> None:
    one = desk()
    one.run(first)
    one.edit([("sessions", "s2", ("description", "Other words"))])
    few, done = both_ways(one, AFTER_S0)
    assert few is not None
    assert done == {Verb.UPDATE: 1}


@pytest.mark.parametrize("rooms", [ROOMS[1:], [ROOMS[1], None]], ids=["usual", "last in its room"])
def test_the_end_of_a_session_is_nothing_to_do(
    desk: Callable[..., Desk], rooms: list[Record | None]
) -> None:
    few, done = both_ways(
        desk([("sessions", s, ("room", rooms[1])) for s in ("s2", "s4")]), AFTER_S0
    )
    assert few is not None
    assert (few.programme.rows, done) == ([], {})


def test_a_room_that_is_told_of_does_not_go_alone(desk: Callable[..., Desk]) -> None:
    unused = [("sessions", one, ("room", None)) for one in ("s2", "s4")]
    one = desk([*unused, ("rooms", "r0", ("name", "TBA"))])
    assert both_ways(one, AFTER_S0)[0] is None


@pytest.mark.parametrize(
    ("stages", "edit"),
    [
        ([("sessions", "s0", ("title", "TBA"))], None),
        ([("sessions", "s0", (f, session(1)[f])) for f in ("starts_at", "ends_at")], None),
        ([("sessions", "s0", ("ends_at", "2027-05-02T09:00:00Z"))], None),
        ([], ("sessions", "s0", ("ends_at", "2027-05-01T11:00:00Z"))),
        ([], ("sessions", "s0", ("participants", [person(1)]))),
        ([], ("sessions", "s0", ("status", "declined"))),
    ],
    ids=[
        "told of",
        "at once with another",
        "on another day",
        "goes on",
        "without somebody",
        "declined",
    ],
)
def test_a_session_that_is_not_merely_over_is_not_evaluated_alone(
    desk: Callable[..., Desk], stages: list[Any], edit: Any
) -> None:
    one = desk(stages)
    one.edit([edit] if edit else [])
    now = (
        AFTER_S0
        if "ends_at" not in str(stages)
        else datetime(2027, 5, 2, 9, 10, tzinfo=timezone.utc)
    )
    assert both_ways(one, now)[0] is None


def test_a_session_that_ends_later_on_another_day_is_over_later(
    desk: Callable[..., Desk],
) -> None:
    """Swoogo shows midnight both times, but when it is over has changed."""
    one = desk([("sessions", "s5", ("ends_at", "2027-05-04T09:00:00Z"))])
    one.edit([("sessions", "s5", ("ends_at", "2027-05-05T09:00:00Z"))])
    assert both_ways(one)[0] is not None


@pytest.fixture
def unlisted(desk: Callable[..., Desk]) -> Desk:
    """A desk at rest whose rooms are known from sessions only."""
    one = desk()
    with Ledger.open(one.url) as ledger, ledger.commit():
        ledger._db.exec_driver_sql("DELETE FROM swoogo_source WHERE stream = 'rooms'")
    del one.world["rooms"]
    one.settle()
    one.run()
    one.run()
    return one


def test_a_room_that_is_in_no_list_is_not_renamed_by_one_session(unlisted: Desk) -> None:
    """Which session says what it is called is decided by all of them."""
    room = {**session(1)["room"], "name": "Another hall"}
    unlisted.edit([("sessions", "s1", ("room", room))])
    assert both_ways(unlisted)[0] is None


def test_a_room_that_is_in_no_list_may_be_told_by_a_session_that_ends(unlisted: Desk) -> None:
    assert both_ways(unlisted, AFTER_S0)[0] is None


def test_a_session_by_whose_title_another_is_told_of_is_not_renamed_alone(
    desk: Callable[..., Desk],
) -> None:
    at_once = [("sessions", "s0", (name, session(1)[name])) for name in ("starts_at", "ends_at")]
    one = desk(at_once)
    one.edit([("sessions", "s0", ("title", "Another"))])
    assert both_ways(one)[0] is None
    other = desk(at_once)
    other.edit([("sessions", "s0", ("description", "Other words"))])
    assert both_ways(other)[0] is not None


def test_a_person_whose_address_is_by_now_somebody_elses_is_not_updated(
    desk: Callable[..., Desk],
) -> None:
    """They are in Swoogo from the time when it was not."""
    older = ("created_at", "2020-01-01T00:00:00.000000+00:00")
    one = desk([("speakers", "p0", ("email", "ada2@example.org")), ("speakers", "p0", older)])
    one.edit([("speakers", "p2", ("about", "Another life"))])
    assert both_ways(one)[0] is None


def test_whose_address_it_is_may_depend_on_an_edit(desk: Callable[..., Desk]) -> None:
    """Of the older contact; nothing else tells that it is older."""
    one = desk([("speakers", "p0", ("email", "ada2@example.org"))])
    one.edit([("speakers", "p2", ("created_at", "2020-01-01T00:00:00.000000+00:00"))])
    assert both_ways(one)[0] is None


def test_a_session_that_somebody_left_is_not_evaluated_alone(desk: Callable[..., Desk]) -> None:
    """Though that person is not synced any more, and no row changes."""
    one = desk([("speakers", "p2", ("email", None))])
    one.edit([("sessions", "s1", ("participants", [person(1)]))])
    assert both_ways(one)[0] is None


@pytest.mark.parametrize(("day", "alone"), [("2027-05-01", True), ("2027-05-02", False)])
def test_the_day_changes_alone_only_where_nothing_is_missing(
    desk: Callable[..., Desk], day: str, *, alone: bool
) -> None:
    """How much is missing is counted for the days to come."""
    one = desk([("sessions", "s4", ("status", "declined"))])
    one.edit(at("s2", day, "12:40", "12:50"))
    assert (both_ways(one)[0] is not None) is alone


def at(session_id: str, day: str, starts: str, ends: str) -> list[tuple[str, str, tuple[str, str]]]:
    """Edits that move a session."""
    times = {"starts_at": f"{day}T{starts}:00Z", "ends_at": f"{day}T{ends}:00Z"}
    return [("sessions", session_id, time) for time in times.items()]


def test_a_session_may_move_to_another_day(desk: Callable[..., Desk]) -> None:
    one = desk()
    one.edit(at("s1", "2027-05-02", "12:40", "12:50"))
    few, done = both_ways(one)
    assert few is not None
    assert done == {Verb.UPDATE: 1}


def test_many_that_move_are_not_evaluated_alone(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk()
    one.edit(at("s1", "2027-05-02", "12:40", "12:50"))
    monkeypatch.setattr("target_swoogo.edits._MOST_MOVED", 0)
    assert both_ways(one)[0] is None


@pytest.mark.parametrize("clash", [("09:05", "09:20"), ("08:00", "10:00")])
def test_a_room_is_booked_twice_by_a_session_far_from_it(
    desk: Callable[..., Desk], clash: tuple[str, str]
) -> None:
    """Sessions 1 and 3 share nothing but their room."""
    there, away = at("s1", "2027-05-02", *clash), at("s1", "2027-05-02", "12:40", "12:50")
    for before, after in ((away, there), (there, away)):
        one = desk(before)
        one.edit(after)
        assert both_ways(one)[0] is None


def test_somebody_who_was_never_synced_is_told_of_by_all_sessions(
    desk: Callable[..., Desk],
) -> None:
    """Nothing links them to the session they are on, and it says why they are not synced."""
    cast = [person(1), person(2), person(int(NOBODY[1:]))]
    one = desk([("speakers", NOBODY, ("email", None)), ("sessions", "s1", ("participants", cast))])
    one.edit([("speakers", NOBODY, ("last_name", "King"))])
    assert both_ways(one)[0] is None


@pytest.mark.parametrize("config", [{"freeze_hours": 24}, {"subsessions": "as_sessions"}])
def test_some_settings_need_all_records(desk: Callable[..., Desk], config: dict[str, Any]) -> None:
    one = desk(**config)
    one.edit([("sessions", "s1", ("title", "Another"))])
    assert both_ways(one)[0] is None


def test_a_new_record_is_no_edit(desk: Callable[..., Desk]) -> None:
    one = desk()
    one.world["sponsors"]["b9"] = sponsor(9)
    assert both_ways(one)[0] is None


def test_many_edits_are_an_import(tmp_path: Any) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for text in ("a", "b"):
            with ledger.commit():
                rows = [(1, f"p{n}", text.encode()) for n in range(MOST_EDITS + 1)]
                ledger.put("speakers", rows)
            few = [(2, f"p{n}", text.encode()) for n in range(MOST_EDITS)]
            ledger.arrived.clear()
            with ledger.commit():
                ledger.put("speakers", few)
        assert ledger.arrived[2] == {("speakers", f"p{n}"): "a" for n in range(MOST_EDITS)}
        with ledger.commit():
            ledger.put("speakers", [(1, f"p{n}", b"c") for n in range(MOST_EDITS + 1)])
        assert ledger.arrived[1] is None


def test_what_was_there_before_the_run_counts(tmp_path: Any) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for text in (b"a", b"b", b"c"):
            if text == b"b":
                ledger.arrived.clear()
            with ledger.commit():
                ledger.put("speakers", [(1, "p", text)])
        assert ledger.arrived == {1: {("speakers", "p"): "a"}}
