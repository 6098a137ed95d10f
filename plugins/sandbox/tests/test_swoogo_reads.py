"""Swoogo's lists and single records: projections, search, sort, pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.server import Sandbox

EVENT = {"event_id": 77001}


def test_events(swoogo: Any) -> None:
    assert [event["id"] for event in swoogo.get("/events")["items"]] == [77001, 77002, 77099]
    event = swoogo.get("/events/77001")
    assert event["timezone"] == "US/Eastern"
    assert (event["start_date"], event["end_date"]) == ("2026-02-14", "2026-02-15")
    assert swoogo.get("/events/77002")["timezone"] == "Europe/London"
    assert swoogo.get("/events/77099")["timezone"] == "Australia/Sydney"


def test_sponsor_levels(swoogo: Any) -> None:
    fields = {row["attribute"]: row for row in swoogo.get("/sponsors/fields", **EVENT)["items"]}
    assert [choice["name"] for choice in fields["level"]["choices"]] == [
        "Platinum",
        "Gold",
        "Silver",
        "Bronze",
    ]
    assert set(fields["level"]["choices"][0]) == {"id", "name", "sort"}
    assert fields["name"]["choices"] == []
    only = swoogo.get("/sponsors/fields", **EVENT, fields="attribute", search="attribute=level")
    assert only["items"] == [{"attribute": "level"}]


@pytest.mark.parametrize("kind", ["sessions", "speakers", "sponsors", "locations", "tracks"])
def test_lists_demand_an_event(swoogo: Any, kind: str) -> None:
    assert swoogo("GET", f"/{kind}").status_code == 400
    assert swoogo("GET", f"/{kind}", params={"event_id": "x"}).status_code == 400
    assert swoogo("GET", f"/{kind}", params={"event_id": 1}).status_code == 404
    assert swoogo.get(f"/{kind}", **EVENT)["items"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"page": "0"},
        {"page": "one"},
        {"per-page": "0"},
        {"per_page": "10"},
        {"limit": "10"},
        {"fields": "id,nme"},
        {"expand": "session"},
        {"sort": "nme"},
        {"search": "name"},
        {"search": "nme=x"},
        {"search": "name=a, b"},
        {"ids": "1,x"},
        {"ids": ",".join(map(str, range(101)))},
    ],
)
def test_parameters_are_checked(swoogo: Any, params: Any) -> None:
    assert swoogo("GET", "/speakers", params={**EVENT, **params}).status_code == 400


def test_single_records_take_fields_and_expand_only(swoogo: Any) -> None:
    track = swoogo.create("tracks", name="A")["id"]
    assert swoogo.get(f"/tracks/{track}", fields="name") == {"name": "A"}
    assert swoogo("GET", f"/tracks/{track}", params={"event_id": 77001}).status_code == 400


def test_defaults_are_sparse(swoogo: Any) -> None:
    names = {"first_name": "Ada", "last_name": "Strand", "email": "ada@example.org"}
    swoogo.create("speakers", **names)
    swoogo.create("sessions", name="One")
    assert set(swoogo.get("/speakers", **EVENT)["items"][0]) == {"id", "first_name", "last_name"}
    assert set(swoogo.get("/sessions", **EVENT)["items"][0]) == {"id", "name"}
    fields = swoogo.get("/speakers", **EVENT, fields="email,contact_id")["items"]
    assert set(fields[0]) == {"email", "contact_id"}


def test_pages(swoogo: Any) -> None:
    for number in range(45):
        swoogo.create("tracks", name=f"Track {number:02}")
    first = swoogo.get("/tracks", **EVENT)
    assert len(first["items"]) == 20
    assert first["_meta"] == {"totalCount": 45, "pageCount": 3, "currentPage": 1, "perPage": 20}
    assert first["_links"]["self"]["href"] == "tracks.json?event_id=77001&page=1"
    assert first["_links"]["next"]["href"] == "tracks.json?event_id=77001&page=2"
    last = swoogo.get("/tracks", **EVENT, page=3)
    assert len(last["items"]) == 5
    past = swoogo.get("/tracks", **EVENT, page=9)
    assert past["items"] == last["items"]
    assert past["_meta"]["currentPage"] == 3
    clamped = swoogo.get("/tracks", **EVENT, **{"per-page": 500})
    assert clamped["_meta"]["perPage"] == 200
    ids = [row["id"] for row in last["items"][:2]]
    picked = swoogo.get("/tracks", **EVENT, ids=",".join(map(str, ids)))["items"]
    assert [row["id"] for row in picked] == ids


def test_an_empty_list(swoogo: Any) -> None:
    answer = swoogo.get("/tracks", **EVENT, page=4)
    assert answer["items"] == []
    assert answer["_meta"] == {"totalCount": 0, "pageCount": 0, "currentPage": 1, "perPage": 20}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("name=Energy", ["Energy"]),
        ("name=energy", ["Energy"]),
        ("name=Ener", []),
        ("name!=Energy", ["Homes", "Water"]),
        ("name>Energy", ["Homes", "Water"]),
        ("name>=Homes", ["Homes", "Water"]),
        ("name<Homes", ["Energy"]),
        ("name<=Homes", ["Energy", "Homes"]),
        ("name%contains%er", ["Energy", "Water"]),
        ("name*contains*er", ["Energy", "Water"]),
        ("name%beginswith%ho", ["Homes"]),
        ("name%endswith%er", ["Water"]),
        ("name%contains%er,name!=Energy", ["Water"]),
        ("id>110001,event_id=77001", ["Homes", "Water"]),
    ],
)
def test_search(swoogo: Any, search: str, found: list[str]) -> None:
    for name in ("Energy", "Homes", "Water"):
        swoogo.create("tracks", name=name)
    rows = swoogo.get("/tracks", **EVENT, search=search)["items"]
    assert [row["name"] for row in rows] == found


def test_sort(swoogo: Any) -> None:
    for name, capacity in (("B", 5), ("A", 100), ("C", "")):
        swoogo.create("locations", name=name, capacity=capacity)
    for sort, names in (
        ("name", ["A", "B", "C"]),
        ("-name", ["C", "B", "A"]),
        ("-id", ["C", "A", "B"]),
        ("capacity", ["B", "A", "C"]),
        ("event_id,-name", ["C", "B", "A"]),
    ):
        rows = swoogo.get("/locations", **EVENT, sort=sort)["items"]
        assert [row["name"] for row in rows] == names, sort


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("event-questions", {"id", "name"}),
        ("packages", {"id", "name"}),
        ("pages", {"id", "name"}),
        ("reg-types", {"id", "name"}),
        ("registrants", {"id", "first_name", "last_name"}),
        ("contacts", {"id", "first_name", "last_name"}),
        ("webhooks", {"id", "name", "url"}),
    ],
)
def test_what_else_the_reference_documents(swoogo: Any, kind: str, default: set[str]) -> None:
    params = {} if kind in {"contacts", "webhooks"} else EVENT
    rows = swoogo.get(f"/{kind}", **params)["items"]
    assert rows
    assert all(set(row) == default for row in rows)
    single = swoogo.get(f"/{kind}/{rows[0]['id']}")
    assert default < set(single)
    assert single["created_at"] == "2026-01-15 12:00:00"
    assert swoogo("POST", f"/{kind}").status_code == 405
    assert swoogo("GET", f"/{kind}/999999999").status_code == 404


def test_expansions(swoogo: Any) -> None:
    question = swoogo.get("/event-questions", **EVENT, expand="choices,page")["items"][-1]
    assert [choice["name"] for choice in question["choices"]] == ["A friend", "The newsletter"]
    assert question["page"]["slug"] == "personal_info"
    page = swoogo.get("/pages", **EVENT, expand="eventQuestions")["items"][1]
    assert len(page["eventQuestions"]) == 4
    contact = swoogo.get("/contacts", expand="registrants,workAddress")["items"][0]
    assert contact["registrants"][0]["email"] == "wren.halloran@example.org"
    assert contact["workAddress"] is None
    registrant = swoogo.get("/registrants", **EVENT, expand="sessions")["items"][0]
    assert registrant["sessions"] == []


def test_lists_may_lag(sandbox: Sandbox, swoogo: Any) -> None:
    sandbox.faults(list_lag_seconds=30)
    swoogo.create("tracks", name="A")
    assert swoogo.get("/tracks", **EVENT, search="name=A")["items"] == []
    sandbox.advance(30)
    assert len(swoogo.get("/tracks", **EVENT)["items"]) == 1
    sandbox.faults(list_lag_calls=2)
    swoogo.create("tracks", name="B")
    counts = [len(swoogo.get("/tracks", **EVENT)["items"]) for _ in range(3)]
    assert counts == [1, 1, 2]


def test_contact_id_may_be_null(sandbox: Sandbox, swoogo: Any) -> None:
    sandbox.faults(null_contact_id=True)
    names = {"first_name": "Ada", "last_name": "Strand", "email": "ada@example.org"}
    assert swoogo.create("speakers", **names)["contact_id"] is None
