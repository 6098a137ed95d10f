"""State: it survives, it can be reset, edited and looked at; images and the page."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.server import Sandbox
from sandbox.world import World

if TYPE_CHECKING:
    from pathlib import Path

    import requests

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=timezone.utc)
SWOOGO_EVENT = 77001


def everything(sandbox: Sandbox) -> str:
    store = sandbox.state
    everything = [store.programme, store.swoogo, store.meta, store.log]
    return json.dumps(everything, sort_keys=True)


def test_state_survives_the_server_and_a_kill(tmp_path: Path) -> None:
    with Sandbox(tmp_path, now=NOW, sessions=20) as sandbox:
        sandbox.edit()
        fields = {"event_id": SWOOGO_EVENT, "name": "Hall"}
        sandbox.edit({"op": "create", "side": "swoogo", "kind": "locations", "fields": fields})
        sandbox.advance(100)
        sandbox.faults({"do": {"drop": True}}, quota_credits=7)
        before = everything(sandbox)
        # A second reader sees what a killed server would have left behind.
        killed = World(tmp_path, now=NOW)
        assert killed.settings.quota_credits == 7
        assert killed.clock.now() == sandbox.world.clock.now()
        assert [rule.do for rule in killed.rules] == [{"drop": True}]
        killed.close()
    with Sandbox(tmp_path, now=NOW) as sandbox:
        assert everything(sandbox) == before


def test_another_programme_needs_a_fresh_start(tmp_path: Path) -> None:
    World(tmp_path / "state", now=NOW, sessions=20).close()
    with pytest.raises(ValueError, match="holds another programme"):
        World(tmp_path / "state", program=tmp_path)


def test_reset(sandbox: Sandbox, board: Any, session: requests.Session) -> None:
    ledger = sandbox.world.state_dir / "ledger"
    ledger.mkdir()
    before = board.search("sessions")
    sandbox.edit()
    sandbox.faults(latency_ms=1)
    sandbox.advance(5)
    session.post(f"{sandbox.url}/_sandbox/reset", timeout=9)
    assert board.search("sessions") == before
    assert not ledger.exists()
    assert len(sandbox.log) == 1
    assert sandbox.world.settings.latency_ms == 0
    assert sandbox.world.clock.now() == NOW


def test_control_interface(sandbox: Sandbox, board: Any, session: requests.Session) -> None:
    def call(method: str, path: str, **more: Any) -> Any:
        return session.request(method, f"{sandbox.url}/_sandbox{path}", timeout=9, **more)

    health = call("GET", "/health").json()
    assert health["sandbox"] is True
    assert health["state_dir"] == str(sandbox.world.state_dir)
    board.search("rooms")
    board.search("tracks")
    assert [entry["path"] for entry in call("GET", "/log").json()] == [
        "/v1/event/4101/rooms",
        "/v1/event/4101/tracks",
    ]
    assert [entry["n"] for entry in call("GET", "/log?since=1").json()] == [2]
    assert call("DELETE", "/log").json() == call("GET", "/log").json() == []
    assert call("POST", "/clock", json={"advance_seconds": 90}).json() == {
        "clock": "2026-01-15T12:01:30.000Z"
    }
    for data in ({}, {"advance_seconds": "90"}, {"seconds": 90}, [1]):
        assert call("POST", "/clock", json=data).status_code == 400
    assert call("GET", "/log?since=x").status_code == 400
    state = call("GET", "/state").json()
    assert len(state["programme"]["sessions"]) == 24
    assert len(state["swoogo"]["events"]) == 3
    assert state["clock"] == "2026-01-15T12:01:30.000Z"
    assert "{media}" not in json.dumps(state)


def test_days_of_changes(sandbox: Sandbox, session: requests.Session) -> None:
    before = {key: dict(row) for key, row in sandbox.state.programme["sessions"].items()}
    touched: list[set[str]] = []
    for _ in range(2):
        sandbox.advance(60)
        answer = session.post(f"{sandbox.url}/_sandbox/edit", timeout=9).json()
        touched.append({change["id"] for change in answer["changes"]})
        assert all(change["line"] for change in answer["changes"])
    lines = [change["line"] for change in answer["changes"]]
    assert len(touched[0]) == 12
    assert not touched[0] & touched[1], lines
    sessions = sandbox.state.programme["sessions"]
    changed = {key for key, row in sessions.items() if row != before[key]}
    assert changed <= touched[0] | touched[1]
    for key in changed:
        assert sessions[key]["updated_at"] > before[key]["updated_at"]
    first = [sessions[key] for key in changed & touched[0]]
    assert sum(row["deleted_at"] is not None for row in first) == 1
    assert sum(row["status"] == "declined" for row in first) == 1
    assert sum(row["room_id"] != before[row["id"]]["room_id"] for row in first) == 1
    accepted = [row for row in first if before[row["id"]]["status"] == "pending"]
    assert [row["status"] for row in accepted] == ["accepted"]


def test_single_edits(sandbox: Sandbox, board: Any) -> None:
    (made,) = sandbox.edit(
        {"op": "create", "kind": "people", "fields": {"first_name": "Io", "last_name": "Rho"}}
    )
    assert made["line"] == "Created person “Io Rho”"
    (talk,) = sandbox.edit(
        {"op": "create", "kind": "sessions", "fields": {"title": "New", "event_id": 4102}}
    )
    cast = {"session_id": talk["id"], "person_id": made["id"]}
    sandbox.edit({"op": "add_participant", **cast, "role": "moderator"})
    row = board.get(f"/v1/event/4102/sessions/{talk['id']}")
    assert [entry["full_name"] for entry in row["moderators"]] == ["Io Rho"]
    assert (row["status"], row["room"]) == ("pending", None)
    sandbox.edit({"op": "remove_participant", **cast})
    assert not board.get(f"/v1/event/4102/sessions/{talk['id']}")["participants"]
    room = board.search("rooms")["results"][0]
    sandbox.edit({"op": "update", "kind": "rooms", "id": room["id"], "fields": {"name": "Attic"}})
    assert board.search("sessions")["results"][0]["room"]["name"] == "Attic"
    sandbox.edit({"op": "delete", "kind": "rooms", "id": room["id"]})
    assert board.search("sessions")["results"][0]["room"] == {}
    sandbox.advance(9)
    stamp = board.get(f"/v1/event/4102/sessions/{talk['id']}")["updated_at"]
    edit = {"op": "update", "kind": "sessions", "id": talk["id"], "fields": {"title": "B"}}
    sandbox.edit({**edit, "bump": False})
    row = board.get(f"/v1/event/4102/sessions/{talk['id']}")
    assert (row["title"], row["updated_at"]) == ("B", stamp)


@pytest.mark.parametrize(
    "edit",
    [
        {"op": "explode"},
        {"op": "update", "kind": "sessions", "id": "x", "fields": {}},
        {"op": "update", "kind": "sessions"},
        {"op": "create", "kind": "sessions"},
        {"op": "create", "kind": "events", "fields": {}},
        {"op": "create", "kind": "rooms", "fields": {"event_id": 1}},
        {"op": "add_participant", "session_id": "x", "person_id": "y"},
        {"op": "add_participant", "session_id": "x", "person_id": "y", "role": "guest"},
        {"op": "delete", "kind": "tables", "id": "x"},
        {"op": "delete", "side": "swoogo", "kind": "sessions", "id": 1},
        {"op": "create", "side": "swoogo", "kind": "tracks", "fields": {"event_id": 1}},
        {"op": "create", "side": "moon", "kind": "tracks", "fields": {}},
        {"op": "update", "kind": "sessions", "id": ["x"], "fields": {}},
    ],
)
def test_malformed_edits(sandbox: Sandbox, session: requests.Session, edit: Any) -> None:
    answer = session.post(f"{sandbox.url}/_sandbox/edit", json=edit, timeout=9)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_edits_by_hand_in_swoogo(sandbox: Sandbox, swoogo: Any) -> None:
    location = swoogo.create("locations", name="Hall")["id"]
    made = swoogo.create("sessions", name="One", location_id=location)["id"]
    by_hand: dict[str, Any] = {"side": "swoogo", "kind": "sessions", "id": made}
    sandbox.edit({"op": "update", **by_hand, "fields": {"name": "Mine"}})
    assert swoogo.get(f"/sessions/{made}")["name"] == "Mine"
    sandbox.edit({"op": "delete", **by_hand, "kind": "locations", "id": location})
    assert swoogo.get(f"/sessions/{made}")["location"] is None
    sandbox.edit({"op": "delete", **by_hand})
    assert swoogo("GET", f"/sessions/{made}").status_code == 404
    assert sandbox.log[-1]["path"] == f"/sessions/{made}"
    assert len([entry for entry in sandbox.log if entry["write"]]) == 2


def test_media(sandbox: Sandbox, board: Any, session: requests.Session) -> None:
    url = board.search("speakers")["results"][0]["photo_url"]
    first = session.get(url, timeout=9)
    assert first.headers["Content-Type"] == "image/jpeg"
    assert first.headers["Last-Modified"] == "Thu, 15 Jan 2026 12:00:00 GMT"
    etag = first.headers["ETag"]
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f'"x", W/{etag}'}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": first.headers["Last-Modified"]}, 304),
        ({"If-Modified-Since": "Thu, 15 Jan 2025 12:00:00 GMT"}, 200),
    ):
        answer = session.get(url, headers=headers, timeout=9)
        assert answer.status_code == status, headers
        assert answer.headers["ETag"] == etag
    sandbox.advance(60)
    path = url.partition("/media/")[2]
    sandbox.edit({"op": "replace_image", "path": path})
    answer = session.get(url, headers={"If-None-Match": etag}, timeout=9)
    assert answer.status_code == 200
    assert answer.content != first.content
    assert answer.headers["Last-Modified"] == "Thu, 15 Jan 2026 12:01:00 GMT"
    for missing in ("x.txt", "../state.sqlite", "uploads/x.png", "%2e%2e/state.sqlite"):
        assert session.get(f"{sandbox.url}/media/{missing}", timeout=9).status_code == 404
    assert sandbox.log[0]["side"] == "sessionboard"
    assert sandbox.log[1]["side"] == "media"


def test_page(sandbox: Sandbox, swoogo: Any, session: requests.Session) -> None:
    sandbox.faults({"match": {"path": "nowhere"}, "do": {"drop": True}})
    nasty = "<script>alert('x')</script>"
    location = swoogo.create("locations", name="Attic")["id"]
    swoogo.create("sessions", name=nasty, date="2026-02-14", location_id=location)
    names = {"first_name": "Ada", "last_name": nasty, "email": "ada@example.org"}
    swoogo.create("speakers", **names)
    session.get(f"{sandbox.url}/media/x.jpg", timeout=9)
    page = session.get(sandbox.url, timeout=9).text
    assert "GET /x.jpg" not in page
    assert nasty not in page
    assert "&lt;script&gt;" in page
    for text in (
        "Northlight Summit",
        "Opening words &amp; coffee",
        "Saturday, 14 February 2026",
        "Without a date",
        "accept queue",
        "Sponsors: Platinum",
        "Attic",
        "1996 of 2000 Swoogo credits left",
        "1 fault set",
        "POST /sessions/create",
        f'src="{sandbox.url}/media/4101/people/',
    ):
        assert text in page, text
    other = session.get(f"{sandbox.url}/?event=4102", timeout=9).text
    assert "Europe/London" in other
    assert nasty not in other
