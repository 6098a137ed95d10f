"""Sessionboard's side: paging, searches, shapes, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.server import Sandbox

EVENT = 4101
BASE = f"/v1/event/{EVENT}"


def test_credentials(board: Any) -> None:
    for headers, status in (
        ({"x-access-token": "wrong"}, 401),
        ({"x-access-token": "sandbox-eu-token"}, 401),
        ({"x-access-token": None}, 401),
        ({"x-access-token": None, "Authorization": "Bearer sandbox-token"}, 200),
        ({"x-access-token": None, "Authorization": "Basic sandbox-token"}, 401),
        ({"x-access-token": "sandbox-noscope-token"}, 200),
    ):
        response = board("GET", "/v1/events", headers=headers)
        assert response.status_code == status, headers
        if status != 200:
            assert set(response.json()) == {"error", "message"}
    no_scope = {"x-access-token": "sandbox-noscope-token"}
    assert board("POST", f"{BASE}/sessions", headers=no_scope).status_code == 403


def test_events(board: Any) -> None:
    answer = board.get("/v1/events", pageSize=1, page=2)
    assert answer["results"][0]["id"] == 4102
    assert answer["pagination"] == {
        "currentPage": 2,
        "pageSize": 1,
        "totalPages": 2,
        "totalResults": 2,
    }


@pytest.mark.parametrize(
    "params",
    [
        {"page": 0},
        {"page": 1000},
        {"page": "x"},
        {"page": -1},
        {"pageSize": 0},
        {"pageSize": 101},
        {"page_size": 10},
        {"limit": 10},
    ],
)
def test_query_is_checked(board: Any, params: Any) -> None:
    assert board("POST", f"{BASE}/sessions", params=params).status_code == 400
    assert board("GET", "/v1/events", params=params).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"page": 1},
        {"filters": []},
        {"filters": {"updated": {}}},
        {"filters": {"updatedAt": "2026-01-01T00:00:00Z"}},
        {"filters": {"updatedAt": {"since": "2026-01-01T00:00:00Z"}}},
        {"filters": {"updatedAt": {"after": "2026-01-01"}}},
        {"filters": {"updatedAt": {"after": "2026-01-01T00:00:00"}}},
        {"filters": {"updatedAt": {"after": None}}},
        {"filters": {"deletedAt": {"after": "2026-01-01T00:00:00Z"}}},
        {"filters": {"status": "approved"}},
        {"filters": {"status": ["accepted"]}},
        {"filters": {"isAbstract": "false"}},
        {"sort": {"order": "created_at"}},
        {"sort": {"sort": "down"}},
        {"sort": {"field": "createdAt"}},
        {"sort": {"order": "deletedAt"}},
        {"expand": "composition"},
        {"expand": ["speakers"]},
    ],
)
def test_body_is_checked(board: Any, body: Any) -> None:
    response = board("POST", f"{BASE}/sessions", json=body)
    assert response.status_code == 400
    assert response.json()["message"]


def test_body_must_be_declared_as_json(board: Any) -> None:
    assert board("POST", f"{BASE}/sessions", data={"filters": "{}"}).status_code == 400
    headers = {"Content-Type": "application/json"}
    assert board("POST", f"{BASE}/sessions", data="{", headers=headers).status_code == 400
    assert board("POST", f"{BASE}/sessions").status_code == 200


def test_is_abstract_filters_sessions_only(board: Any) -> None:
    body = {"filters": {"isAbstract": True}}
    assert [row["is_abstract"] for row in board.search("sessions", body)["results"]] == [True]
    assert board("POST", f"{BASE}/speakers", json=body).status_code == 400
    assert board("POST", f"{BASE}/sessions/status", json=body).status_code == 400


def test_unknown_event_session_and_path(board: Any) -> None:
    assert board("POST", "/v1/event/9/sessions").status_code == 404
    assert board("POST", "/v1/event/nine/sessions").status_code == 400
    assert board("GET", f"{BASE}/sessions/none").status_code == 404
    assert board("GET", f"{BASE}/nothing").status_code == 404
    assert board("DELETE", f"{BASE}/sessions").status_code == 405
    assert board("PUT", "/v1/events").status_code == 405


def test_paths_with_and_without_json(board: Any) -> None:
    assert board.get("/v1/events.json") == board.get("/v1/events")


def test_pages_hold_every_record_once(board: Any) -> None:
    pages = [board.search("sessions", page=n, pageSize=7)["results"] for n in (1, 2, 3)]
    ids = [row["id"] for page in pages for row in page]
    assert len(ids) == len(set(ids)) == 20
    past = board.search("sessions", page=9, pageSize=7)
    assert past["results"] == []
    assert past["pagination"]["currentPage"] == 9


def test_sorting(board: Any) -> None:
    for order, field in (("createdAt", "created_at"), ("updatedAt", "updated_at")):
        for direction in ("asc", "desc"):
            body = {"sort": {"order": order, "sort": direction}}
            stamps = [row[field] for row in board.search("sessions", body)["results"]]
            assert stamps == sorted(stamps, reverse=direction == "desc")


@pytest.mark.parametrize(("inclusive", "found"), [(True, 1), (False, 0)])
def test_after(sandbox: Sandbox, board: Any, found: int, *, inclusive: bool) -> None:
    sandbox.faults(after_inclusive=inclusive)
    sandbox.advance(60)
    one = board.search("sessions")["results"][3]
    edit = {"op": "update", "kind": "sessions", "id": one["id"], "fields": {"title": "New"}}
    sandbox.edit(edit)
    stamp = board.search("sessions")["results"][3]["updated_at"]
    body = {"filters": {"updatedAt": {"after": stamp}}}
    assert board.search("sessions", body)["pagination"]["totalResults"] == found
    body = {"filters": {"updatedAt": {"before": stamp}}}
    assert board.search("sessions", body)["pagination"]["totalResults"] == 19


def test_status_filter(board: Any) -> None:
    for status, count in (("accepted", 17), ("pending", 1), ("decline_queue", 0)):
        rows = board.search("sessions", {"filters": {"status": status}})["results"]
        assert [row["status"] for row in rows] == [status] * count


def test_status_on_people_is_a_switch(sandbox: Sandbox, board: Any) -> None:
    body = {"filters": {"status": "pending"}}
    everyone = board.search("speakers")["pagination"]["totalResults"]
    assert board.search("speakers", body)["pagination"]["totalResults"] == everyone
    sandbox.faults(status_filters_people=True)
    assert board.search("speakers", body)["pagination"]["totalResults"] < everyone / 4


def test_unassigned_metadata(board: Any) -> None:
    title = "Opening words & coffee"
    searched = board.search("sessions")["results"]
    row = next(row for row in searched if row["title"] == title)
    assert row["track"] == row["level"] == {}
    listed = board.get(f"{BASE}/sessions")["data"]
    row = next(row for row in listed if row["title"] == title)
    assert row["track"] is row["level"] is None


def test_online_session_has_no_room(board: Any) -> None:
    rows = board.search("sessions")["results"]
    assert ["room" in row for row in rows if row["external_url"]] == [False]


def test_list_of_sessions(board: Any) -> None:
    answer = board.get(f"{BASE}/sessions", page_size=3, status="accepted")
    assert len(answer["data"]) == 3
    assert answer["pagination"]["total_results"] == 17
    track = answer["data"][0]["track"]["id"]
    assert board.get(f"{BASE}/sessions", track_id=track)["pagination"]["total_results"] < 10
    tag = answer["data"][0]["tags"][0]["id"]
    assert board.get(f"{BASE}/sessions", tag_id=tag)["data"]
    assert board.get(f"{BASE}/sessions", search="COFFEE")["pagination"]["total_results"] == 1
    abstracts = board.get(f"{BASE}/sessions", is_abstract="true")
    assert abstracts["pagination"]["total_results"] == 1
    for wrong in ({"pageSize": 3}, {"status": "x"}, {"is_abstract": "1"}, {"expand": "x"}):
        assert board("GET", f"{BASE}/sessions", params=wrong).status_code == 400


def test_rooms_and_tracks(board: Any) -> None:
    for kind, count in (("rooms", 9), ("tracks", 6)):
        listed = board.get(f"{BASE}/{kind}")
        assert len(listed) == board.search(kind)["pagination"]["totalResults"] == count
        assert "event_id" not in listed[0]
    assert None in [room["capacity"] for room in board.get(f"{BASE}/rooms")]
    assert board("GET", f"{BASE}/rooms", params={"page": 1}).status_code == 400


def test_subsessions(board: Any) -> None:
    def parent(body: Any = None) -> Any:
        rows = board.search("sessions", body)["results"]
        return next(row for row in rows if row["subsessions"])

    brief = parent()["subsessions"]
    assert len(brief) == 3
    assert "status" not in brief[0]
    assert "room" not in brief[0]
    assert brief[0]["participants"]
    detailed = parent({"expand": ["subsession_details"]})
    assert [sub["status"] for sub in detailed["subsessions"]] == ["accepted", None, "pending"]
    assert detailed["subsessions"][0]["room"] == detailed["room"]
    assert brief[0]["parent_session_friendly_id"] == detailed["friendly_id"]
    single = board.get(f"{BASE}/sessions/{brief[1]['id']}")
    assert single["status"] is None
    assert "subsessions" not in single


def test_composition_and_translations(sandbox: Sandbox, board: Any) -> None:
    one = board.search("sessions")["results"][0]
    assert "composition" not in one
    assert "translated_fields" not in one
    expand = ["composition", "translated_fields"]
    one = board.search("sessions", {"expand": expand})["results"][0]
    assert one["composition"] == {"target": None, "sources": []}
    assert one["translated_fields"] == []
    fields = {"composition_status": {"role": "source"}}
    sandbox.edit({"op": "update", "kind": "sessions", "id": one["id"], "fields": fields})
    assert board.search("sessions")["pagination"]["totalResults"] == 19
    body = {"expand": ["linked_sources"]}
    assert board.search("sessions", body)["pagination"]["totalResults"] == 20


def test_people(board: Any) -> None:
    rows = board.search("sessions", {"expand": ["subsession_details"]})["results"]
    chaired = next(row for row in rows if row["chairpersons"])
    roles = [entry["participant_role"]["core_role"] for entry in chaired["participants"]]
    assert roles[-2:] == ["chairperson", "moderator"]
    legacy = [*chaired["speakers"], *chaired["chairpersons"], *chaired["moderators"]]
    assert [one["id"] for one in legacy] == [one["id"] for one in chaired["participants"]]
    assert "session_participant_id" in chaired["participants"][0]
    assert "session_participant_id" not in legacy[0]
    person = board.get(f"{BASE}/speakers/{legacy[0]['id']}")
    assert person["email"] == legacy[0]["email"]


def test_speakers_may_omit_moderators(sandbox: Sandbox, board: Any) -> None:
    before = board.search("speakers")["pagination"]["totalResults"]
    sandbox.faults(speakers_include_moderators=True)
    assert board.search("speakers")["pagination"]["totalResults"] == before + 1
    assert board.search("contacts")["pagination"]["totalResults"] == before + 1


def test_legacy_lists_only(sandbox: Sandbox, board: Any) -> None:
    sandbox.faults(participants_listed=False)
    one = board.search("sessions")["results"][0]
    assert "participants" not in one
    assert one["speakers"]


def test_masking(board: Any) -> None:
    board.headers = {"x-access-token": "sandbox-masked-token"}
    emails = {row["email"] for row in board.search("speakers", pageSize=100)["results"]}
    emails |= {
        entry["email"]
        for row in board.search("sessions")["results"]
        for entry in row["participants"]
    }
    assert all("***@e***.org" in email for email in emails)


def test_deleted_sessions_show_among_the_statuses(sandbox: Sandbox, board: Any) -> None:
    one = board.search("sessions")["results"][0]
    sandbox.advance(60)
    sandbox.edit({"op": "delete", "kind": "sessions", "id": one["id"]})
    assert one["id"] not in {row["id"] for row in board.search("sessions")["results"]}
    assert board("GET", f"{BASE}/sessions/{one['id']}").status_code == 404
    body = {
        "filters": {"deletedAt": {"after": "2020-01-01T00:00:00Z"}},
        "sort": {"order": "deletedAt", "sort": "desc"},
    }
    rows = board.search("sessions/status", body)["results"]
    assert [row["id"] for row in rows] == [one["id"]]
    assert rows[0]["deleted_at"] == rows[0]["updated_at"]


def test_statuses_list_subsessions_too(board: Any) -> None:
    rows = board.search("sessions/status", pageSize=100)["results"]
    parent = next(row for row in rows if row["subsessions"])
    subs = [row for row in rows if row["id"] in {sub["id"] for sub in parent["subsessions"]}]
    assert [row["status"] for row in subs] == ["accepted", None, "pending"]
    assert all(row["subsessions"] == [] for row in subs)


@pytest.mark.parametrize("envelope", ["results", "data", "array"])
def test_envelopes(sandbox: Sandbox, board: Any, envelope: str) -> None:
    sandbox.faults(envelope=envelope)
    answer = board.search("sponsors")
    rows = answer if envelope == "array" else answer[envelope]
    assert len(rows) == 5


def test_stamps_come_in_both_spellings(board: Any) -> None:
    one = board.search("sessions")["results"][0]
    assert one["starts_at"].endswith("Z")
    assert one["updated_at"].endswith("+00:00")


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_rate_limit(sandbox: Sandbox, board: Any, form: str) -> None:
    sandbox.faults(rate_limit_requests=2, retry_after=form)
    left = [board("GET", f"{BASE}/rooms").headers["RateLimit-Remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    refused = board("GET", f"{BASE}/rooms")
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Reset"] == "900"
    wanted = "900" if form == "seconds" else "Thu, 15 Jan 2026 12:15:00 GMT"
    assert refused.headers["Retry-After"] == wanted
    assert board("POST", f"{BASE}/rooms").status_code == 200
    assert board("GET", "/v1/events").status_code == 200
    sandbox.advance(900)
    assert board("GET", f"{BASE}/rooms").status_code == 200


def test_stale_searches(sandbox: Sandbox, board: Any) -> None:
    sandbox.faults(stale_seconds=180)
    sandbox.advance(1000)
    one = board.search("sessions")["results"][0]
    edit = {"op": "update", "kind": "sessions", "id": one["id"], "fields": {"title": "New"}}
    sandbox.edit(edit)
    sandbox.edit({"op": "create", "kind": "sponsors", "fields": {"name": "New"}})
    assert board.search("sessions")["results"][0]["title"] == one["title"]
    assert board.search("sponsors")["pagination"]["totalResults"] == 5
    assert board.get(f"{BASE}/sessions/{one['id']}")["title"] == "New"
    sandbox.advance(180)
    assert board.search("sessions")["results"][0]["title"] == "New"
    assert board.search("sponsors")["pagination"]["totalResults"] == 6


@pytest.mark.parametrize("bumps", [True, False])
def test_what_bumps_a_session(sandbox: Sandbox, board: Any, *, bumps: bool) -> None:
    sandbox.faults(speaker_edit_bumps_session=bumps, participant_edit_bumps_session=not bumps)
    one = board.search("sessions")["results"][0]
    person = one["participants"][0]["id"]
    sandbox.advance(60)
    sandbox.edit({"op": "update", "kind": "people", "id": person, "fields": {"title": "Boss"}})
    assert (board.search("sessions")["results"][0]["updated_at"] != one["updated_at"]) is bumps
    two = board.search("sessions")["results"][1]
    edit = {"op": "add_participant", "session_id": two["id"], "person_id": person}
    sandbox.edit(edit)
    now = board.search("sessions")["results"][1]
    assert person in {entry["id"] for entry in now["participants"]}
    assert (now["updated_at"] != two["updated_at"]) is not bumps
