"""Observing: what is asked of Swoogo, and what is made of the answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import pytest
from target_swoogo import observe
from target_swoogo.answers import NotFound
from target_swoogo.ledger import Pair
from target_swoogo.model import Intent, Kind, Row
from target_swoogo.observe import PairError
from target_swoogo.quota import LIST_COST
from target_swoogo.swoogo import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_swoogo.model import Found, Key
    from target_swoogo.swoogo import Swoogo


@dataclass
class FakeSwoogo:
    """Lists records page by page, searches by equality regardless of case, and counts credits."""

    records: list[dict[str, Any]] = field(default_factory=list)
    per_page: int = 200
    choices: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    searches: list[str | None] = field(default_factory=list)
    credits: int = 0
    workers: int = 1
    together: threading.Barrier | None = None

    def event(self, event_id: int) -> dict[str, Any]:
        if event_id != 77001:
            raise NotFound("not found")
        return {"id": event_id, "name": "Conference", "timezone": "US/Eastern"}

    def levels(self, event_id: int) -> list[dict[str, Any]]:
        assert event_id == 77001
        return self.choices

    def page(self, kind: Kind, event_id: int, number: int = 1, search: str | None = None) -> Page:
        assert event_id == 77001
        if self.together is not None:
            self.together.wait(timeout=10)
        self.credits += LIST_COST
        self.kinds.append(kind)
        self.searches.append(search)
        found = self.records
        if search:
            name, _, value = search.partition("=")
            found = [r for r in found if str(r[name]).casefold() == value.casefold()]
        pages = -(-len(found) // self.per_page)
        # A page past the end is the last page again.
        start = (min(number, max(pages, 1)) - 1) * self.per_page
        return Page(found[start : start + self.per_page], pages, len(found))


@pytest.fixture
def pair() -> Pair:
    return Pair(1, 4101, 77001)


def client(fake: FakeSwoogo) -> Swoogo:
    return cast("Swoogo", fake)


def speaker(number: int, email: str | None = None) -> Row:
    fields = {"email": email or f"p{number}@example.org"}
    return Row(Kind.SPEAKER, f"p{number}", f"P{number}", dict(fields))


def theirs(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "email": f"p{number}@example.org"} for number in numbers]


def find(
    fake: FakeSwoogo, pair: Pair, *rows: Row, intents: Mapping[Key, Intent] | None = None
) -> dict[str, list[int]]:
    matches: dict[Key, list[Found]] = observe.find(client(fake), pair, rows, intents or {})
    return {key[1]: [found.swoogo_id for found in found] for key, found in matches.items()}


# The event


def test_the_event_is_remembered(pair: Pair) -> None:
    observe.check_event(client(FakeSwoogo()), pair)
    assert pair.observed == {"name": "Conference", "timezone": "US/Eastern"}


def test_an_unknown_event_says_which_setting_to_correct() -> None:
    with pytest.raises(PairError, match=r"^Swoogo has no event 7 .* swoogo_event_id in") as e:
        observe.check_event(client(FakeSwoogo()), Pair(1, 4101, 7))
    assert e.value.code == "swoogo_event_unknown"


# Time zones


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "\0"])
def test_what_is_no_zone_is_none(name: str | None) -> None:
    assert observe.zone_of(name) is None


def test_a_zone_is_known_by_its_old_name_too() -> None:
    zone = observe.zone_of("US/Eastern")
    assert zone is not None
    assert zone.key == "US/Eastern"


SUMMER = datetime(2027, 7, 1, 9, tzinfo=timezone.utc)
WINTER = datetime(2027, 1, 15, 9, tzinfo=timezone.utc)
SWITCH = datetime(2027, 3, 14, 7, tzinfo=timezone.utc)
"""When clocks go forward in New York."""


@pytest.mark.parametrize(
    ("ours", "other", "instants", "same"),
    [
        ("America/New_York", "US/Eastern", [WINTER, WINTER + timedelta(days=3)], True),
        ("America/New_York", "America/Chicago", [SUMMER], False),
        ("America/New_York", "America/Bogota", [WINTER], True),
        ("America/New_York", "America/Bogota", [SUMMER], False),
        # Alike before and after, and not on the day between.
        ("America/New_York", "America/Bogota", [SWITCH - timedelta(hours=1)], True),
        ("America/New_York", "America/Bogota", [SWITCH - timedelta(hours=1), SWITCH], False),
        ("America/New_York", "America/Havana", [SWITCH - timedelta(hours=5), SWITCH], False),
        ("Europe/London", "UTC", [WINTER], True),
        ("Europe/London", "UTC", [WINTER, SUMMER], True),  # the first 60 days count
        ("Australia/Sydney", "Australia/Brisbane", [SUMMER], True),
    ],
)
def test_two_zones_are_the_same_when_their_offsets_agree_over_the_programme(
    ours: str, other: str, instants: list[datetime], *, same: bool
) -> None:
    zones = ZoneInfo(ours), ZoneInfo(other)
    assert observe.same_zone(*zones, instants) is same
    assert observe.same_zone(*reversed(zones), instants) is same


def test_without_sessions_the_present_counts() -> None:
    assert observe.same_zone(ZoneInfo("UTC"), ZoneInfo("Etc/UTC"), [])
    assert not observe.same_zone(ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo"), [])


# Sponsor levels


def test_levels_are_remembered_with_their_age_and_read_back_by_name(pair: Pair) -> None:
    assert observe.remembered_levels(pair) is None
    odd = [{"id": "x", "name": "Odd"}, {"id": 4}, {"id": 5, "name": None}]
    names = [(1, "Gold"), (2, " GOLD  "), (3, "Silver  Plus")]
    fake = FakeSwoogo(choices=[*({"id": i, "name": n} for i, n in names), *odd])
    observe.read_levels(client(fake), pair, 1234.5)
    assert pair.observed["levels_read_at"] == 1234.5
    assert observe.remembered_levels(pair) == {"gold": [1, 2], "silver plus": [3]}
    assert observe.observed(pair, {}).levels == {"gold": [1, 2], "silver plus": [3]}


def test_an_event_without_levels_was_read_nonetheless(pair: Pair) -> None:
    observe.read_levels(client(FakeSwoogo()), pair, 1.0)
    assert observe.remembered_levels(pair) == {}


# Records by their natural keys


def test_a_record_is_found_by_its_natural_key(pair: Pair) -> None:
    fake = FakeSwoogo([*theirs(1, 2), {"id": 9, "email": "P1@EXAMPLE.ORG "}])
    assert find(fake, pair, speaker(1), speaker(2), speaker(3)) == {
        "p1": [1, 9],
        "p2": [2],
        "p3": [],
    }


def test_a_single_record_is_searched_for(pair: Pair) -> None:
    fake = FakeSwoogo(theirs(*range(1, 1000)))
    assert find(fake, pair, speaker(7)) == {"p7": [7]}
    assert fake.searches == ["email=p7@example.org"]


def test_a_search_of_several_pages_is_read_to_its_end(pair: Pair) -> None:
    rows = [
        {"id": n, "name": "Talk", "date": "2027-03-10", "start_time": "09:00:00"} for n in (1, 2, 3)
    ]
    fields = {name: value for name, value in rows[0].items() if name != "id"}
    fake = FakeSwoogo(rows, per_page=2)
    assert find(fake, pair, Row(Kind.SESSION, "s1", "Talk", fields)) == {"s1": [1, 2, 3]}
    assert fake.searches == ["date=2027-03-10"] * 2


def test_sessions_of_one_day_are_one_search(pair: Pair) -> None:
    fake = FakeSwoogo()
    sessions = [
        Row(Kind.SESSION, f"s{n}", "S", {"name": f"S{n}, & more", "date": "2027-03-10"})
        for n in range(50)
    ]
    find(fake, pair, *sessions)
    assert fake.searches == ["date=2027-03-10"]


@pytest.mark.parametrize(
    ("wanted", "there", "expected_credits"),
    [
        (2, 0, 10),  # an empty list is one page
        (2, 200, 10),
        (2, 400, 20),  # the second page is as dear as a search, and surer
        (2, 600, 30),  # as dear: two more pages, or two searches
        (2, 800, 30),  # one page, then two searches instead of three more pages
        (3, 800, 40),
        (200, 800, 40),
    ],
)
def test_what_is_cheaper_is_done(
    pair: Pair, wanted: int, there: int, expected_credits: int
) -> None:
    fake = FakeSwoogo(theirs(*range(1, there + 1)))
    rows = [speaker(there - 1 - number) for number in range(wanted)]
    found = find(fake, pair, *rows)
    assert fake.credits == expected_credits
    for row in rows:
        number = int(row.source_id[1:])
        assert found[row.source_id] == ([number] if 1 <= number <= there else [])


def test_where_both_cost_the_same_the_list_is_read(pair: Pair) -> None:
    fake = FakeSwoogo(theirs(*range(1, 601)))
    find(fake, pair, speaker(1), speaker(2))
    assert fake.searches == [None] * 3, "it finds what a search may miss"


@pytest.mark.parametrize("mark", list(",&%*=<>!"))
def test_what_means_something_to_a_search_is_never_searched_for(pair: Pair, mark: str) -> None:
    name = f"Salt {mark} Pepper"
    fake = FakeSwoogo(
        [{"id": n, "name": f"S{n}"} for n in range(450)] + [{"id": 999, "name": name}]
    )
    assert find(fake, pair, Row(Kind.SPONSOR, "o1", name, {"name": name})) == {"o1": [999]}
    assert fake.searches == [None] * 3


def test_a_lost_create_is_looked_for_by_what_it_carried_too(pair: Pair) -> None:
    fake = FakeSwoogo(theirs(1, 2, 3))
    intents = {(Kind.SPEAKER, "p1"): Intent({"email": "p2@example.org"}, 1.0)}
    assert find(fake, pair, speaker(1), intents=intents) == {"p1": [1, 2]}
    assert find(fake, pair, speaker(3), intents=intents) == {"p3": [3]}


def test_kinds_are_asked_for_at_once(pair: Pair) -> None:
    fake = FakeSwoogo(workers=2, together=threading.Barrier(2))
    rows = [Row(kind, "1", "N", {"name": "N"}) for kind in (Kind.TRACK, Kind.LOCATION)]
    assert find(fake, pair, *rows) == {"1": []}


def test_each_kind_is_asked_for_by_itself_and_nothing_for_nothing(pair: Pair) -> None:
    fake = FakeSwoogo()
    assert find(fake, pair) == {}
    assert fake.searches == []
    find(fake, pair, speaker(1), Row(Kind.TRACK, "t1", "T", {"name": "T"}))
    assert fake.kinds == [Kind.SPEAKER, Kind.TRACK]
    assert fake.searches == ["email=p1@example.org", None], "names are listed"
