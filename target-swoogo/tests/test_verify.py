"""What Swoogo has, compared with what it was told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from target_swoogo.actions import Action, Applied, Change, HeldBack, Plan, Verb
from target_swoogo.evaluate import Evaluated
from target_swoogo.match import found
from target_swoogo.model import (
    Held,
    Kind,
    Mapped,
    Note,
    Picture,
    Programme,
    Row,
    State,
    Uploaded,
)
from target_swoogo.repair import refusal, to_forget
from target_swoogo.source import Event
from target_swoogo.verify import Comparison, compare, unseen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_swoogo.model import Found, Key

OPENING = {"name": "Opening", "date": "2027-03-09", "start_time": "09:00:00", "capacity": 20}
ADA = {"email": "ada@example.org", "first_name": "Ada", "last_name": "Abel", "bio": "Weaves."}
PICTURE = Picture("https://pictures.test/ada.png", "1")
SENT = Uploaded(PICTURE.url, "1", sha256="digest")


class World:
    """A session and a speaker on it, as the ledger and as Swoogo have them."""

    def __init__(self) -> None:
        self.rows = [
            Row(Kind.SESSION, "s1", "Opening", dict(OPENING)),
            Row(Kind.SPEAKER, "p1", "Ada Abel", dict(ADA), picture=PICTURE, sessions=("s1",)),
        ]
        self.mapped: dict[Key, Mapped] = {}
        self.add(Mapped(Kind.SESSION, "s1", "Opening", 51, dict(OPENING), State.SYNCED))
        self.add(Mapped(Kind.SPEAKER, "p1", "Ada Abel", 31, dict(ADA), State.SYNCED))
        self.links = {("p1", "s1"): True}
        self.images: dict[Key, Uploaded] = {(Kind.SPEAKER, "p1"): SENT}
        self.there: dict[Kind, list[dict[str, Any]]] = {
            Kind.SESSION: [{"id": 51, **OPENING, "capacity": "20"}],
            Kind.SPEAKER: [
                {"id": 31, **ADA, "profile_picture": "https://x.test", "sessions": [{"id": 51}]}
            ],
        }
        self.plan = Plan()
        self.held: list[Held] = []
        self.create_only: set[str] = set()

    def add(self, entry: Mapped) -> None:
        self.mapped[entry.key] = entry

    @property
    def session(self) -> dict[str, Any]:
        return self.there[Kind.SESSION][0]

    @property
    def speaker(self) -> dict[str, Any]:
        return self.there[Kind.SPEAKER][0]

    @property
    def seen(self) -> Evaluated:
        event = Event(id=4101, name="Small", timezone="America/New_York")
        applied = Applied(self.mapped, self.links, self.images, {})
        return Evaluated(event, ZoneInfo("America/New_York"), applied, Programme(self.rows), {})

    @property
    def records(self) -> Mapping[Kind, list[Found]]:
        return {kind: [found(raw) for raw in raws] for kind, raws in self.there.items()}

    def compare(self) -> Comparison:
        return compare(
            self.seen, self.plan, self.records, held=self.held, create_only=self.create_only
        )

    def drift(self) -> list[str]:
        return [drift.code for drift in self.compare().drift]


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_as_it_was_told_is_in_sync(world: World) -> None:
    result = world.compare()
    assert result.in_sync
    assert (result.drift, result.open, result.information) == ([], [], [])
    compared = {what: count for what, count in result.compared.items() if count}
    assert compared == {"sessions": 1, "speakers": 1, "links": 1, "images": 1}


def test_an_edit_by_hand_is_told_with_both_values(world: World) -> None:
    world.session["name"] = "By hand"
    (drift,) = world.compare().drift
    assert (drift.code, drift.key, drift.swoogo_id) == (
        "edited_in_swoogo",
        (Kind.SESSION, "s1"),
        51,
    )
    assert (drift.field, drift.applied, drift.there) == ("name", "Opening", "By hand")
    assert drift.message == (
        'Session "Opening" was edited in Swoogo: name is "By hand", and was sent as "Opening".'
    )


def test_an_emptied_field_is_called_empty(world: World) -> None:
    world.speaker["bio"] = ""
    (drift,) = world.compare().drift
    assert 'bio is empty, and was sent as "Weaves.".' in drift.message


def test_addresses_are_masked(world: World) -> None:
    world.speaker["email"] = "mallory@elsewhere.example"
    (drift,) = world.compare().drift
    shown = repr(drift)
    assert "mallory@" not in shown
    assert "ada@" not in shown
    assert drift.there == "m***@e***.example"


def test_long_texts_are_cut_to_where_they_differ(world: World) -> None:
    told = "word " * 100
    world.rows[1].fields["bio"] = world.mapped[Kind.SPEAKER, "p1"].applied["bio"] = f"{told}end"
    world.speaker["bio"] = f"{told}\x1b[31mEND"
    (drift,) = world.compare().drift
    assert str(drift.applied).endswith("word end")
    assert str(drift.there).endswith("END")
    assert max(len(str(drift.applied)), len(str(drift.there))) < 70
    assert "\x1b" not in drift.message


@pytest.mark.parametrize(
    ("told", "there"),
    [("one\ntwo", "one\r\ntwo"), ("one", "one "), (None, ""), ("Ada@Example.org", None)],
)
def test_what_only_looks_different_is_no_drift(
    world: World, told: str | None, there: str | None
) -> None:
    name = "email" if there is None else "bio"
    world.mapped[Kind.SPEAKER, "p1"].applied[name] = told
    world.speaker[name] = "ada@example.org" if there is None else there
    assert world.drift() == []


def test_create_only_fields_are_peoples_to_change(world: World) -> None:
    world.session["name"] = "By hand"
    world.create_only = {"session.name"}
    assert world.drift() == []


def test_what_stood_there_before_an_adoption_is_left_alone(world: World) -> None:
    entry = world.mapped[Kind.SPEAKER, "p1"]
    entry.applied["bio"], world.speaker["bio"] = None, "Written by hand."
    assert world.drift() == ["edited_in_swoogo"]
    entry.adopted = True
    assert world.drift() == []


def test_a_field_that_is_no_longer_known_is_not_compared(world: World) -> None:
    del world.mapped[Kind.SESSION, "s1"].applied["name"]
    world.session["name"] = "By hand"
    assert world.drift() == []


def test_a_reference_is_told_by_name(world: World) -> None:
    world.rows[0].fields["location_id"] = world.mapped[Kind.SESSION, "s1"].applied[
        "location_id"
    ] = 11
    world.add(Mapped(Kind.LOCATION, "hall", "Great Hall", 11, {"name": "Great Hall"}))
    world.there[Kind.LOCATION] = [{"id": 12, "name": "Attic"}]
    world.session["location_id"] = {"id": 12, "value": "Attic"}
    (drift,) = world.compare().drift
    assert (drift.applied, drift.there) == ("Great Hall", "Attic")


def test_a_missing_record_is_missing_and_nothing_else(world: World) -> None:
    world.there[Kind.SESSION] = []
    world.speaker["sessions"] = []
    assert world.drift() == ["missing_in_swoogo"]
    assert [entry.key for entry in unseen(world.seen, world.records)] == [(Kind.SESSION, "s1")]


def test_what_nobody_wants_any_more_may_be_missing(world: World) -> None:
    del world.rows[0]
    world.there[Kind.SESSION] = []
    assert unseen(world.seen, world.records) == []
    assert world.compare().in_sync


def test_a_tombstone_is_information(world: World) -> None:
    world.mapped[Kind.SESSION, "s1"].state = State.TOMBSTONE
    world.there[Kind.SESSION] = []
    world.speaker["sessions"] = []
    result = world.compare()
    assert result.in_sync
    assert [note.code for note in result.information] == ["deleted_in_swoogo"]
    assert "target-swoogo:restore session s1" in result.information[0].message


def test_a_second_copy_is_a_duplicate(world: World) -> None:
    world.there[Kind.SESSION].append({"id": 52, **OPENING, "name": " opening"})
    (drift,) = world.compare().drift
    assert drift.code == "duplicate_in_swoogo"
    assert "2 times (ids 51, 52); the sync keeps 51: delete the others" in drift.message


def test_two_of_ours_with_one_name_are_none(world: World) -> None:
    for number in (11, 12):
        entry = Mapped(Kind.LOCATION, f"hall-{number}", "Hall", number, {"name": "Hall"})
        world.add(entry)
        world.rows.append(Row(Kind.LOCATION, entry.source_id, "Hall", {"name": "Hall"}))
    world.there[Kind.LOCATION] = [{"id": 11, "name": "Hall"}, {"id": 12, "name": "Hall"}]
    assert world.compare().in_sync


@pytest.mark.parametrize("times", [1, 2])
def test_what_somebody_made_by_hand_is_information(world: World, times: int) -> None:
    for number in range(times):
        world.there[Kind.SESSION].append({"id": 60 + number, **OPENING, "name": "Yoga"})
    result = world.compare()
    assert result.in_sync
    assert [note.code for note in result.information] == ["not_synced"] * times
    assert ("2 times" in result.information[0].message) is (times > 1)


def test_a_speaker_made_by_hand_is_told_without_the_address(world: World) -> None:
    world.there[Kind.SPEAKER].append({"id": 32, "email": "eve@example.org"})
    (note,) = world.compare().information
    assert "e***@e***.org" in note.message
    assert "eve@" not in repr(note)


def test_a_removed_link_is_missing(world: World) -> None:
    world.speaker["sessions"] = []
    (drift,) = world.compare().drift
    assert (drift.code, drift.session_id) == ("link_missing", "s1")


def test_a_link_that_was_not_made_yet_is_not_missing(world: World) -> None:
    world.links = {("p1", "s1"): False}
    world.speaker["sessions"] = []
    assert world.drift() == []


def test_an_added_link_is_told_until_it_is_known(world: World) -> None:
    world.add(Mapped(Kind.SESSION, "s2", "Closing", 52, {"name": "Closing"}))
    world.there[Kind.SESSION].append({"id": 52, "name": "Closing"})
    world.speaker["sessions"] = [{"id": 51}, {"id": 52}, {"id": 99}]
    (drift,) = world.compare().drift
    assert (drift.code, drift.session_id) == ("link_added", "s2")
    world.links["p1", "s2"] = True
    assert world.drift() == []


def test_links_that_are_not_shown_are_not_judged(world: World) -> None:
    del world.speaker["sessions"]
    assert world.drift() == []
    assert world.compare().compared["links"] == 0


def test_a_removed_image_is_missing(world: World) -> None:
    world.speaker["profile_picture"] = ""
    assert world.drift() == ["image_missing"]


@pytest.mark.parametrize(
    "known", [None, Uploaded(PICTURE.url, "1"), Uploaded(PICTURE.url, "1", sha256="x", begun=True)]
)
def test_an_image_that_was_not_sent_is_not_missing(world: World, known: Uploaded | None) -> None:
    world.images = {} if known is None else {(Kind.SPEAKER, "p1"): known}
    world.speaker["profile_picture"] = ""
    assert world.drift() == []


# What the ledger knows to be open


def test_what_a_run_would_do_is_open(world: World) -> None:
    world.plan.actions = [
        Action(Verb.UPDATE, world.rows[0]),
        Action(Verb.LINK, world.rows[1], sessions=("s1",)),
        Action(Verb.IMAGE, world.rows[1]),
    ]
    result = world.compare()
    assert not result.in_sync
    assert [(note.source_id, note.code) for note in result.open] == [
        ("s1", "sync_due"),
        ("p1", "sync_due"),
    ]


def test_a_failure_is_open_with_its_own_reason(world: World) -> None:
    entry = world.mapped[Kind.SESSION, "s1"]
    entry.state, entry.code, entry.message = State.FAILED, "swoogo_refused", "Refused."
    world.plan.actions = [Action(Verb.UPDATE, world.rows[0])]
    (note,) = world.compare().open
    assert (note.code, note.message) == ("swoogo_refused", "Refused.")
    world.plan = Plan(settled=[(Verb.UPDATE, entry.key)])
    assert world.compare().in_sync


def test_a_failed_image_is_open(world: World) -> None:
    key = (Kind.SPEAKER, "p1")
    world.images = {key: Uploaded("u", "1", code="image_corrupt", message="Damaged.")}
    (note,) = world.compare().open
    assert (note.label, note.code) == ("Ada Abel", "image_corrupt")
    world.plan = Plan(settled=[(Verb.IMAGE, key)])
    assert world.compare().in_sync


def test_what_waits_or_is_held_back_is_open(world: World) -> None:
    action = Action(Verb.UPDATE, world.rows[0])
    world.plan = Plan(
        actions=[action],
        waiting=[Note("speaker", "p1", "Ada Abel", "outcome_unknown", "It waits.")],
        held=[HeldBack(action, "guard", "Held.")],
    )
    held = Held(Kind.SESSION, "s1", "update", "guard_changed", "d", "Opening", "Held back.")
    world.held = [held]
    assert sorted(note.code for note in world.compare().open) == [
        "guard_changed",
        "outcome_unknown",
    ]


# What is forgotten for a repair


def test_only_what_drifted_is_forgotten(world: World) -> None:
    world.add(Mapped(Kind.SESSION, "s2", "Closing", 52, {"name": "Closing"}))
    world.there[Kind.SESSION].append({"id": 52, "name": "Closing"})
    world.session.update(capacity="21", start_time="10:00:00")
    world.speaker.update(sessions=[{"id": 52}], profile_picture="")
    forget = to_forget(world.compare().drift)
    assert forget.fields == {(Kind.SESSION, "s1"): {"capacity", "start_time"}}
    assert (forget.links, forget.added) == ([("p1", "s1")], [("p1", "s2")])
    assert forget.images == [(Kind.SPEAKER, "p1")]
    assert forget.keys == {(Kind.SESSION, "s1"), (Kind.SPEAKER, "p1")}


def test_of_what_is_missing_one_harmless_field_is_forgotten(world: World) -> None:
    world.there = {}
    assert to_forget(world.compare().drift).fields == {
        (Kind.SESSION, "s1"): {"name"},
        (Kind.SPEAKER, "p1"): {"first_name"},
    }


def test_nothing_is_forgotten_for_a_duplicate(world: World) -> None:
    world.there[Kind.SESSION].append({"id": 52, **OPENING})
    assert to_forget(world.compare().drift).keys == set()


@pytest.mark.parametrize(
    ("edited", "known", "limit", "refused"),
    [(6, 10, 50, True), (5, 10, 50, False), (9, 9, 50, False), (10, 10, 0, False)],
)
def test_a_repair_of_many_is_refused(
    world: World, edited: int, known: int, limit: int, *, refused: bool
) -> None:
    world.session.update(name="By hand", capacity=7)
    one = world.compare().drift[0]
    drift = [replace(one, key=(Kind.SESSION, str(number))) for number in range(edited)]
    said = refusal({"sessions": known}, drift * 2, limit)
    assert (said is not None) == refused


# What waits for approval


@pytest.mark.parametrize(
    ("held", "edited", "waits"),
    [
        ("name", "name", True),
        ("name", "date", False),
        ("start_time", "date", True),
        ("date", "capacity", False),
    ],
)
def test_an_edit_of_what_is_held_waits(
    world: World, held: str, edited: str, *, waits: bool
) -> None:
    action = Action(Verb.UPDATE, world.rows[0], {held: Change("old", "new")})
    world.plan.held = [HeldBack(action, "guard_changed", "Held.")]
    world.session[edited] = "7"
    (drift,) = world.compare().drift
    assert (drift.waits, "waits for approval" in drift.message) == (waits, waits)


def test_only_a_held_change_of_the_record_itself_waits(world: World) -> None:
    action = Action(Verb.UNLINK, world.rows[1], sessions=("s2",))
    world.plan.held = [HeldBack(action, "guard_missing", "Held.")]
    world.there[Kind.SPEAKER] = []
    (drift,) = world.compare().drift
    assert (drift.code, drift.waits) == ("missing_in_swoogo", False)
