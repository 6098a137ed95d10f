"""The story of single records."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger
from target_swoogo.model import Held, Kind, Mapped, State, Told, Uploaded
from target_swoogo.why import MOST, stories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_swoogo.settings import Settings
    from target_swoogo.why import Story

NOW = datetime(2027, 1, 5, 12, tzinfo=timezone.utc)
TIMES = {"starts_at": "2027-03-09T10:00:00Z", "ends_at": "2027-03-09T11:00:00Z"}
ADA = {
    "id": "ada",
    "first_name": "Ada",
    "last_name": "Abel",
    "email": "Ada.Abel@example.org",
    "photo_url": "https://user:word@media.example:8443/ada.png?X-Signature=secret",
    "about": "<p>Weaves.</p>",
}
OPENING = TIMES | {
    "id": "opening",
    "title": "Opening \x1b[31m",
    "status": "accepted",
    "room": {"id": "hall", "name": "Great Hall"},
    "participants": [ADA],
    "subsessions": [TIMES | {"id": "talk", "title": "Short talk", "status": "accepted"}],
}
APPLIED = {
    "email": "Ada.Abel@example.org",
    "first_name": "Ada",
    "last_name": "Abel",
    "job_title": None,
    "company": None,
    "bio": "<p>Weaves.</p>",
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger with two events, of which the first is paired."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    kept = [
        (4101, "events", {"id": 4101, "name": "Small", "timezone": "Europe/London"}),
        (4101, "sessions", OPENING),
        (4101, "sessions", TIMES | {"id": "closing", "title": "Closing", "status": "declined"}),
        (4101, "sessions", {"id": "broken", "title": 7}),
        (4101, "rooms", {"id": "cellar", "name": "Cellar"}),
        (4102, "events", {"id": 4102, "name": "Other", "timezone": "Europe/London"}),
        (4102, "sessions", TIMES | {"id": "elsewhere", "title": "Elsewhere"}),
    ]
    with Ledger.open(url) as ledger:
        with ledger.commit():
            for event_id, stream, record in kept:
                ledger.put(stream, [(event_id, str(record["id"]), json.dumps(record).encode())])
        (pair,) = ledger.hold([(4101, 77001)])
        with ledger.commit():
            ledger.save(
                pair, Mapped(Kind.SPEAKER, "ada", "Ada Abel", 300001, dict(APPLIED), State.SYNCED)
            )
            ledger.save_links(pair, "ada", ["opening"], made=False)
    return url


def change(url: str, *entries: Mapped, **more: Any) -> None:
    with Ledger.open(url) as ledger:
        (pair,) = ledger.pairs()
        with ledger.commit():
            for entry in entries:
                ledger.save(pair, entry)
            for told in more.get("told", ()):
                ledger.tell(pair, told)
            if "held" in more:
                ledger.hold_back(pair, more["held"])
            for key, image in more.get("images", {}).items():
                ledger.save_image(pair, key, image)


@pytest.fixture
def ask(url: str, settings: Callable[..., Settings]) -> Callable[[str], list[Story]]:
    """Asks for stories."""

    def ask(wanted: str) -> list[Story]:
        with Glance.at(url) as ledger:
            found = stories(ledger, settings(), NOW, wanted)
            assert found.total == len(found.stories)
            return found.stories

    return ask


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("ada", {"ada"}),
        ("300001", {"ada"}),
        ("ADA.ABEL@EXAMPLE.ORG", {"ada"}),
        (" ada  abel ", {"ada"}),
        ("talk", {"talk"}),
        ("Great Hall", {"hall"}),
        ("cellar", {"cellar"}),
        ("elsewhere", {"elsewhere"}),
        ("broken", {"broken"}),
        ("losin", {"closing"}),
        ("example.org", set()),
        ("nobody", set()),
        ("", set()),
        ("%", set()),
    ],
)
def test_records_are_found_by_what_people_call_them(
    ask: Callable[[str], list[Story]], wanted: str, ids: set[str]
) -> None:
    found = {story.source_id for story in ask(wanted)}
    assert found == ids


@pytest.mark.parametrize(
    ("wanted", "state", "code", "todo"),
    [
        ("opening", "pending", None, "sync-only opening"),
        ("closing", "not synced", "session_not_accepted", "accept it in Sessionboard"),
        ("talk", "not synced", "subsession", "as_sessions"),
        ("broken", "not synced", "record_unreadable", "report this with the id"),
        ("cellar", "not synced", "not_used", "room of no session"),
        ("elsewhere", "event not mapped", "event_not_mapped", "add it to event_mappings"),
    ],
)
def test_the_rule_that_decided_is_told(
    ask: Callable[[str], list[Story]], wanted: str, state: str, code: str | None, todo: str
) -> None:
    (story,) = ask(wanted)
    assert (story.verdict.state, story.verdict.code) == (state, code)
    assert todo in story.verdict.todo


def test_what_was_said_is_shown_without_secrets(ask: Callable[[str], list[Story]]) -> None:
    (ada,) = ask("ada")
    assert ada.said == {
        "first_name": "Ada",
        "last_name": "Abel",
        "email": "A***@e***.org",
        "about": "14 characters",
        "photo_url": "https://media.example:8443/ada.png",
    }
    (opening,) = ask("opening")
    assert opening.label == "Opening [31m"
    assert opening.said["participants"] == "Ada Abel"
    assert opening.said["room"] == "Great Hall"
    assert opening.said["subsessions"] == "Short talk"
    assert "\x1b" not in json.dumps(opening.as_json())
    text = json.dumps([ada.as_json(), opening.as_json()])
    for secret in ("secret", "word@", "Abel@", "abel@"):
        assert secret not in text


def test_a_link_says_how_far_it_is(ask: Callable[[str], list[Story]]) -> None:
    for wanted in ("ada", "opening"):
        (link,) = ask(wanted)[0].links
        assert link.state == "begun"


def entry(state: State, **fields: Any) -> Mapped:
    made = Mapped(Kind.SPEAKER, "ada", "Ada Abel", 300001, dict(APPLIED), state, adopted=True)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("state", "word", "todo"),
    [
        (State.TOMBSTONE, "deleted in Swoogo", "target-swoogo:restore speaker ada"),
        (State.FAILED, "failed", "Refused. The next run tries again"),
        (State.AMBIGUOUS, "ambiguous", "Refused."),
    ],
)
def test_how_it_stands_is_told(
    url: str, ask: Callable[[str], list[Story]], state: State, word: str, todo: str
) -> None:
    change(url, entry(state, code="swoogo_refused", message="Refused."))
    (story,) = ask("ada")
    assert story.verdict.state == word
    assert todo in story.verdict.todo
    assert story.as_json()["adopted"] is True


def test_what_is_held_back_is_told(url: str, ask: Callable[[str], list[Story]]) -> None:
    held = Held(Kind.SPEAKER, "ada", "update", "guard", "d" * 32, "Ada Abel", "Too many.")
    change(url, held=[held])
    (story,) = ask("ada")
    assert story.verdict == ("held back", "guard", "Too many.")


def test_what_swoogo_was_told_comes_in_order(url: str, ask: Callable[[str], list[Story]]) -> None:
    told = [
        Told(Kind.SPEAKER, "ada", f"2027-01-0{day}T00:00:00+00:00", what, "done", None, None, {})
        for day, what in ((2, "update"), (1, "create"))
    ]
    change(url, told=told)
    (story,) = ask("ada")
    assert [one.action for one in story.told] == ["create", "update"]


def test_an_image_that_failed_is_told(url: str, ask: Callable[[str], list[Story]]) -> None:
    image = Uploaded("https://x.example", "", code="image_corrupt", message="Damaged.")
    change(url, images={(Kind.SPEAKER, "ada"): image})
    with Ledger.open(url) as ledger:
        (pair,) = ledger.pairs()
        with ledger.commit():
            ledger.save_links(pair, "ada", ["opening"], made=True)
            ledger.save(
                pair,
                Mapped(Kind.SESSION, "opening", "Opening", 500001, state=State.SYNCED),
            )
    (story,) = ask("ada")
    assert story.as_json()["image"] == {"state": "failed", "message": "Damaged."}
    assert (story.verdict.state, story.verdict.code) == ("image failed", "image_corrupt")


def test_what_is_gone_from_sessionboard_is_told(
    url: str, ask: Callable[[str], list[Story]]
) -> None:
    change(url, Mapped(Kind.SPONSOR, "felt", "Felt & Co", 400001, {}, State.SYNCED))
    (story,) = ask("felt & co")
    assert story.said == {}
    assert (story.verdict.state, story.verdict.code) == ("no longer synced", "still_in_swoogo")


def test_of_very_many_only_the_first_are_told(url: str, settings: Callable[..., Settings]) -> None:
    with Ledger.open(url) as ledger, ledger.commit():
        rooms = [(4101, f"r{n}", json.dumps({"id": f"r{n}", "name": "Nook"})) for n in range(60)]
        ledger.put("rooms", [(event, key, text.encode()) for event, key, text in rooms])
    with Glance.at(url) as ledger:
        total, found = stories(ledger, settings(), NOW, "nook")
    assert (total, len(found)) == (60, MOST)
