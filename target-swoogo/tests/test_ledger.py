"""The ledger: what was kept is what comes back, together or not at all."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from target_swoogo import schema
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger, Pair
from target_swoogo.model import Intent, Kind, Mapped, State, Uploaded

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEAKER = (Kind.SPEAKER, "p1")
FULL = Mapped(
    Kind.SPEAKER,
    "p1",
    "Ada Łovelace",
    300001,
    {"email": "ada@example.org", "bio": None, "level": 3, "first_name": "Ada 🦊"},
    State.FAILED,
    "swoogo_refused",
    "Ada Łovelace was not updated.",
    adopted=True,
    contact_id=9001,
    direct_link="https://swoogo.example.org/s/1",
)
BARE = Mapped(Kind.TRACK, "t1", "Rivers")
IMAGE = Uploaded("https://x.example/a.png", "2027", '"tag"', "ab12", "image_corrupt", "It is.")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as ledger:
        yield ledger


@pytest.fixture
def pair(ledger: Ledger) -> Pair:
    (pair,) = ledger.hold([(4101, 77001)])
    return pair


def put(ledger: Ledger, *records: tuple[int, str, bytes], stream: str = "sessions") -> int:
    with ledger.commit():
        return ledger.put(stream, records)


def kept(ledger: Ledger, event_id: int = 4101, stream: str = "sessions") -> dict[str, str]:
    return dict(ledger.sources(stream, event_id))


# Source records


def test_records_come_back_as_received_by_event_and_stream(ledger: Ledger) -> None:
    payload = '{"title":"Łąka 🦊","big":123456789012345678901234567890}'
    put(ledger, (4101, "b", payload.encode()), (4101, "a", b"{}"), (4102, "b", b"[]"))
    put(ledger, (4101, "a", b'"a room"'), stream="rooms")
    assert list(ledger.sources("sessions", 4101)) == [("a", "{}"), ("b", payload)]
    assert kept(ledger, 4102) == {"b": "[]"}
    assert kept(ledger, stream="rooms") == {"a": '"a room"'}
    assert kept(ledger, 4103) == {}


def test_only_what_changed_is_counted(ledger: Ledger) -> None:
    assert put(ledger, (4101, "a", b"1"), (4101, "b", b"1")) == 2
    assert put(ledger, (4101, "a", b"1"), (4101, "b", b"2"), (4102, "a", b"1")) == 2
    assert put(ledger, (4101, "a", b"1"), (4101, "b", b"2")) == 0
    assert put(ledger, (4101, "b", b"1")) == 1
    assert kept(ledger) == {"a": "1", "b": "1"}
    assert put(ledger, (4101, "a", b"1"), stream="speakers") == 1


def test_of_duplicates_the_last_counts(ledger: Ledger) -> None:
    assert put(ledger, (4101, "a", b"1"), (4101, "a", b"2"), (4101, "a", b"3")) == 1
    assert kept(ledger) == {"a": "3"}
    assert put(ledger, (4101, "a", b"4"), (4101, "a", b"3")) == 0, "back to what it was"


def test_a_batch_may_be_of_any_size(ledger: Ledger) -> None:
    many = [(4101, f"{number:05}", b"x") for number in range(1201)]
    assert put(ledger, *many) == 1201
    assert put(ledger, *many) == 0
    assert put(ledger) == 0
    assert len(kept(ledger)) == 1201


# Transactions


def fail_half_way(ledger: Ledger, pair: Pair) -> None:
    with ledger.commit():
        ledger.put("sessions", [(4101, "a", b"1")])
        ledger.save(pair, FULL)
        raise KeyError("a bug")


def test_what_is_written_together_is_kept_together_or_not_at_all(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        (pair,) = ledger.hold([(4101, 77001)])
        with pytest.raises(KeyError, match="a bug"):
            fail_half_way(ledger, pair)
        assert kept(ledger) == {}
        assert put(ledger, (4101, "b", b"1")) == 1, "the ledger goes on after it"
    with Ledger.open(ledger_url) as ledger:
        assert kept(ledger) == {"b": "1"}
        assert ledger.mapped(pair) == {}


def test_a_dry_run_sees_what_it_writes_and_keeps_nothing(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        (pair,) = ledger.hold([(4101, 77001)])
        put(ledger, (4101, "a", b"1"))
    with Ledger.open(ledger_url, dry_run=True) as ledger:
        put(ledger, (4101, "a", b"2"), (4101, "b", b"1"))
        _, fresh = ledger.hold([(4101, 77001), (4102, 77002)])
        with ledger.commit():
            ledger.save(fresh, FULL)
        assert kept(ledger) == {"a": "2", "b": "1"}
        assert ledger.mapped(fresh) == {SPEAKER: FULL}
    with Ledger.open(ledger_url) as ledger:
        assert kept(ledger) == {"a": "1"}
        assert ledger.pairs() == [pair]


# Event pairs


def test_pairs_come_back_in_the_order_given(ledger: Ledger) -> None:
    first, second = ledger.hold([(4102, 77002), (4101, 77001)])
    assert (first.sessionboard_event_id, first.swoogo_event_id) == (4102, 77002)
    assert (second.sessionboard_event_id, second.swoogo_event_id) == (4101, 77001)
    assert first.held
    assert ledger.hold([(4101, 77001), (4102, 77002)]) == [second, first]
    assert ledger.pairs() == [first, second]


@pytest.mark.parametrize(
    ("mapping", "side"),
    [((4101, 77002), "Sessionboard event 4101"), ((4102, 77001), "Swoogo event 77001")],
)
def test_a_side_that_is_taken_is_refused_and_nothing_is_recorded(
    ledger: Ledger, pair: Pair, mapping: tuple[int, int], side: str
) -> None:
    with pytest.raises(
        TargetError, match=rf"^{side} belongs to another .*:release 4101$"
    ) as caught:
        ledger.hold([(4109, 77009), mapping])
    assert caught.value.code == "mapping_taken"
    assert ledger.pairs() == [pair]


def test_a_released_pair_frees_both_sides_and_keeps_its_id_map(ledger: Ledger, pair: Pair) -> None:
    with ledger.commit():
        ledger.save(pair, FULL)
    released = ledger.release(4101)
    assert released is not None
    assert released.id == pair.id
    assert ledger.pairs() == [replace(pair, held=False)]
    assert ledger.release(4101) is None
    assert ledger.release(4109) is None
    (elsewhere,) = ledger.hold([(4101, 77002)])
    assert ledger.mapped(elsewhere) == {}
    assert ledger.release(4101) == elsewhere
    assert ledger.hold([(4101, 77001)]) == [pair]
    assert ledger.mapped(pair) == {SPEAKER: FULL}


def test_a_mapping_that_is_left_out_stays_taken(ledger: Ledger, pair: Pair) -> None:
    ledger.hold([(4102, 77002)])
    with pytest.raises(
        TargetError, match=f"Swoogo event {pair.swoogo_event_id} belongs to another"
    ):
        ledger.hold([(4103, 77001)])


def test_what_was_observed_of_an_event_comes_back(ledger: Ledger, pair: Pair) -> None:
    pair.observed |= {"timezone": "Europe/Łódź", "levels": [[1, "Gold"]], "levels_read_at": 1.5}
    with ledger.commit():
        ledger.remember(pair)
    assert ledger.pairs() == [pair]
    assert ledger.hold([(4101, 77001)]) == [pair], "and outlives the next run's start"


# The ID map and what hangs on it


def test_entries_come_back_as_saved_and_replace_older_ones(ledger: Ledger, pair: Pair) -> None:
    with ledger.commit():
        ledger.save(pair, FULL)
        ledger.save(pair, BARE)
    assert ledger.mapped(pair) == {SPEAKER: FULL, (Kind.TRACK, "t1"): BARE}
    settled = replace(FULL, state=State.SYNCED, code=None, message=None, applied={})
    with ledger.commit():
        ledger.save(pair, settled)
    assert ledger.mapped(pair)[SPEAKER] == settled


def test_sessions_are_found_by_place_and_day(ledger: Ledger, pair: Pair) -> None:
    (other,) = ledger.hold([(4102, 77002)])
    there = {"location_id": 7, "date": "2027-03-01"}

    def session(source_id: str, **applied: Any) -> Mapped:
        return Mapped(Kind.SESSION, source_id, source_id, 1, applied)

    with ledger.commit():
        ledger.save(pair, session("here", name="A", **there, track_id=1))
        ledger.save(pair, session("here too", **there))
        ledger.save(pair, session("on another day", location_id=7, date="2027-03-02"))
        ledger.save(pair, session("in another room", location_id=77, date="2027-03-01"))
        ledger.save(pair, session("in no room", location_id=None, date="2027-03-01"))
        quoting = '"location_id":7,"date":"2027-03-01",'
        ledger.save(pair, session("telling of it", description=quoting))
        ledger.save(pair, Mapped(Kind.LOCATION, "no session", "no session", 2, there))
        ledger.save(other, session("of another pair", **there))
    assert ledger.sessions_in(pair, [(7, "2027-03-01")]) == {"here", "here too"}
    assert ledger.sessions_in(pair, [(7, "2027-03-02"), (77, "2027-03-01")]) == {
        "on another day",
        "in another room",
    }
    assert ledger.sessions_in(pair, [(7, "2027-03-0_"), (7, "%")]) == set()
    assert ledger.sessions_in(pair, []) == set()


def test_images_intents_and_links_come_back(ledger: Ledger, pair: Pair) -> None:
    intent = Intent({"email": "ada@example.org", "capacity": 3, "bio": None}, 1_800_000_000.25)
    with ledger.commit():
        ledger.save_image(pair, SPEAKER, IMAGE)
        ledger.open_intent(pair, SPEAKER, intent)
        ledger.save_links(pair, "p1", ["s1", "s2"], made=True)
        ledger.save_links(pair, "p2", ["s1"], made=False)
        ledger.save_links(pair, "p2", [], made=True)
    assert ledger.images(pair) == {SPEAKER: IMAGE}
    assert ledger.intents(pair) == {SPEAKER: intent}
    assert ledger.links(pair) == {("p1", "s1"): True, ("p1", "s2"): True, ("p2", "s1"): False}
    with ledger.commit():
        ledger.save_links(pair, "p2", ["s1"], made=True)
        ledger.drop_links(pair, "p1", ["s2"])
        ledger.close_intent(pair, SPEAKER)
    assert ledger.links(pair) == {("p1", "s1"): True, ("p2", "s1"): True}
    assert ledger.intents(pair) == {}


def test_pairs_do_not_see_each_other(ledger: Ledger, pair: Pair) -> None:
    (other,) = ledger.hold([(4102, 77002)])
    with ledger.commit():
        ledger.save(pair, FULL)
        ledger.save_image(pair, SPEAKER, IMAGE)
        ledger.open_intent(pair, SPEAKER, Intent({}, 1.0))
        ledger.save_links(pair, "p1", ["s1"], made=True)
    assert (ledger.mapped(other), ledger.images(other)) == ({}, {})
    assert (ledger.intents(other), ledger.links(other)) == ({}, {})
    with ledger.commit():
        ledger.forget(other, SPEAKER)
        ledger.close_intent(other, SPEAKER)
        ledger.drop_links(other, "p1", ["s1"])
    assert ledger.mapped(pair) == {SPEAKER: FULL}
    assert ledger.intents(pair)
    assert ledger.links(pair)


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (Kind.SPEAKER, {("s1", "p1"), ("p2", "x1")}),
        (Kind.SESSION, {("x1", "s1"), ("s1", "p1")}),
        (Kind.TRACK, {("x1", "s1"), ("s1", "p1"), ("p2", "x1")}),
    ],
)
def test_to_forget_a_record_takes_all_that_hangs_on_it_and_no_more(
    ledger: Ledger, pair: Pair, kind: Kind, left: set[tuple[str, str]]
) -> None:
    doomed, other = (kind, "x1"), (Kind.SPONSOR, "x1")
    with ledger.commit():
        for key in (doomed, other):
            ledger.save(pair, Mapped(*key, "X"))
            ledger.save_image(pair, key, IMAGE)
            ledger.open_intent(pair, key, Intent({}, 1.0))
        for speaker, session in (("x1", "s1"), ("s1", "p1"), ("p2", "x1")):
            ledger.save_links(pair, speaker, [session], made=True)
        ledger.forget(pair, doomed)
    assert set(ledger.mapped(pair)) == set(ledger.images(pair)) == set(ledger.intents(pair))
    assert set(ledger.mapped(pair)) == {other}
    assert set(ledger.links(pair)) == left


# Runs


def test_a_run_is_recorded_with_its_holder_and_its_figures(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.end_run({"credits": 12})
        ended = ledger.run_id
    with Ledger.open(ledger_url) as ledger:
        assert ledger.run_id != ended
        failed = ledger.run_id
    with Ledger.open(ledger_url, dry_run=True) as ledger:
        dry = ledger.run_id
        ledger.end_run({"credits": 1})
    with Ledger.open(ledger_url) as ledger:
        rows = {row.id: row for row in ledger._db.execute(select(schema.run))}
        assert {run: row.summary for run, row in rows.items()} == {
            ended: '{"credits":12}',
            failed: None,
            dry: None,
            ledger.run_id: None,
        }
        assert {row.holder for row in rows.values()} == {
            f"process {os.getpid()} on {socket.gethostname()}"
        }
        assert [run for run, row in rows.items() if row.ended_at is None] == [ledger.run_id]
