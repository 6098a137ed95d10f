"""Faults: each kind does what it says, to the requests it is meant for, as often as told."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

EVENT = {"event_id": 77001}
CREATE = ("POST", "/tracks/create.json")


def fault(**do: Any) -> dict[str, Any]:
    return {"match": {"side": "swoogo", "method": "POST", "path": "/create"}, "do": do}


def post(swoogo: Any) -> requests.Response:
    response: requests.Response = swoogo(*CREATE, data={**EVENT, "name": "A"})
    return response


def made(sandbox: Sandbox) -> int:
    return len(sandbox.state.swoogo["tracks"])


@pytest.mark.parametrize(
    ("kind", "error", "commits"),
    [
        ("drop", "RemoteDisconnected", 0),
        ("reset", "ConnectionResetError", 0),
        ("commit_then_drop", "RemoteDisconnected", 1),
        ("commit_then_reset", "ConnectionResetError", 1),
        ("truncate", "IncompleteRead", 1),
    ],
)
def test_broken_connections(
    sandbox: Sandbox, swoogo: Any, kind: str, error: str, commits: int
) -> None:
    sandbox.faults(fault(**{kind: True}))
    with pytest.raises(requests.RequestException, match=error):
        post(swoogo)
    assert made(sandbox) == commits
    entry = sandbox.log[-1]
    assert entry["fault"] == [kind]
    assert entry["status"] == (201 if kind == "truncate" else None)
    assert post(swoogo).status_code == 201


@pytest.mark.parametrize("body", ["json", "html", "empty"])
def test_status(sandbox: Sandbox, swoogo: Any, body: str) -> None:
    sandbox.faults(fault(status=503, body=body, retry_after=7))
    answer = post(swoogo)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    if body == "json":
        assert answer.json()["status"] == 503
    else:
        assert answer.text.startswith("<!doctype html>" if body == "html" else "")
    assert made(sandbox) == 0
    sandbox.faults(fault(status=500, after_commit=True))
    assert post(swoogo).status_code == 500
    assert made(sandbox) == 1


def test_spoilt_answers(sandbox: Sandbox, swoogo: Any) -> None:
    sandbox.faults(fault(html=True))
    answer = post(swoogo)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    sandbox.faults(fault(no_id=True))
    answer = post(swoogo)
    assert (answer.status_code, "id" in answer.json(), answer.json()["name"]) == (201, False, "A")
    sandbox.faults(fault(malformed=True))
    answer = post(swoogo)
    assert answer.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert made(sandbox) == 3
    sandbox.faults(fault(errors_in_200=True))
    answer = post(swoogo)
    assert answer.status_code == 200
    assert set(answer.json()[0]) == {"field", "message"}
    assert made(sandbox) == 3


def test_hang(tmp_path: Path, session: requests.Session, renew: Any, api: Any) -> None:
    with Sandbox(tmp_path, sessions=20) as sandbox:
        swoogo = api(sandbox.swoogo_url, session, {})
        renew(swoogo)
        for after, commits in ((False, 0), (True, 1)):
            sandbox.faults(fault(hang=30, after_commit=after))
            with pytest.raises(requests.ReadTimeout):
                session.post(
                    f"{swoogo.base}/tracks/create",
                    data={**EVENT, "name": "A"},
                    headers=swoogo.headers,
                    timeout=0.3,
                )
            assert made(sandbox) == commits


def test_latency(sandbox: Sandbox, swoogo: Any) -> None:
    for rules, settings in (([fault(latency_ms=60)], {}), ([], {"latency_ms": 60})):
        sandbox.faults(*rules, **settings)
        start = time.monotonic()
        assert post(swoogo).status_code == 201
        assert time.monotonic() - start >= 0.06


def test_edit_in_the_middle_of_a_read(sandbox: Sandbox, board: Any) -> None:
    first = board.search("sessions")["results"][0]
    edit = {"op": "update", "kind": "sessions", "id": first["id"], "fields": {"title": "New"}}
    sandbox.faults({"match": {"side": "sessionboard", "nth": 2}, "do": {"edit": edit}})
    titles = [board.search("sessions")["results"][0]["title"] for _ in range(2)]
    assert titles == [first["title"], "New"]


def test_times_and_nth(sandbox: Sandbox, swoogo: Any) -> None:
    sandbox.faults(fault(status=503) | {"times": 2})
    assert [post(swoogo).status_code for _ in range(3)] == [503, 503, 201]
    sandbox.faults(fault(status=503) | {"times": None})
    assert [post(swoogo).status_code for _ in range(3)] == [503] * 3
    rule = fault(status=503)
    rule["match"]["nth"] = 2
    sandbox.faults(rule)
    assert [post(swoogo).status_code for _ in range(3)] == [201, 503, 201]


def test_match(sandbox: Sandbox, swoogo: Any, board: Any) -> None:
    always = {"times": None, "do": {"status": 503}}
    sandbox.faults({"match": {"side": "swoogo", "path": r"^/tracks$"}, **always})
    assert swoogo("GET", "/tracks.json", params=EVENT).status_code == 503
    assert swoogo("GET", "/locations", params=EVENT).status_code == 200
    assert board("GET", "/v1/event/4101/tracks").status_code == 200
    sandbox.faults({"match": {"side": "sessionboard", "method": "POST"}, **always})
    assert board("POST", "/v1/event/4101/tracks").status_code == 503
    assert set(board("POST", "/v1/event/4101/tracks").json()) == {"error", "message"}
    sandbox.faults({"match": {"side": "media"}, **always})
    assert swoogo.session.get(f"{sandbox.url}/media/x.jpg", timeout=9).status_code == 503
    sandbox.faults()
    assert swoogo("GET", "/tracks", params=EVENT).status_code == 200


def test_faults_by_request(sandbox: Sandbox, session: requests.Session) -> None:
    address = f"{sandbox.url}/_sandbox/faults"
    rule = {"match": {"path": "x"}, "do": {"drop": True}}
    data = {"rules": [rule], "settings": {"quota_credits": 50}}
    shown = session.put(address, json=data, timeout=9).json()
    assert shown == session.get(address, timeout=9).json()
    assert shown["rules"] == [{**rule, "times": 1, "seen": 0, "fired": 0}]
    assert shown["settings"]["quota_credits"] == 50
    shown = session.delete(address, timeout=9).json()
    assert (shown["rules"], shown["settings"]["quota_credits"]) == ([], 2000)


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"rule": []},
        {"rules": [{}]},
        {"rules": [{"do": {}}]},
        {"rules": [{"do": {"explode": True}}]},
        {"rules": [{"do": {"status": "503"}}]},
        {"rules": [{"do": {"status": 503, "body": "xml"}}]},
        {"rules": [{"do": {"drop": True}, "time": 1}]},
        {"rules": [{"do": {"drop": True}, "times": "1"}]},
        {"rules": [{"do": {"drop": True}, "match": {"side": "tap"}}]},
        {"rules": [{"do": {"drop": True}, "match": {"verb": "GET"}}]},
        {"rules": [{"do": {"drop": True}, "match": {"path": "("}}]},
        {"settings": {"speed": 1}},
        {"settings": {"latency_ms": "1"}},
        {"settings": {"quota_enabled": 1}},
        {"settings": {"envelope": "rows"}},
    ],
)
def test_malformed_faults_change_nothing(
    sandbox: Sandbox, session: requests.Session, data: Any
) -> None:
    sandbox.faults(latency_ms=1)
    answer = session.put(f"{sandbox.url}/_sandbox/faults", json=data, timeout=9)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.world.settings.latency_ms == 1


def test_a_request_cut_short_does_nothing(sandbox: Sandbox, swoogo: Any) -> None:
    body = b"event_id=77001&name=Half"
    head = (
        "POST /swoogo/api/v1/tracks/create HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {swoogo.headers['Authorization']}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body) + 10}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))) as client:
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1000):
            pass
    assert made(sandbox) == 0
    assert post(swoogo).status_code == 201
    assert len(sandbox.log) == 2
