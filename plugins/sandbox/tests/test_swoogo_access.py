"""Swoogo's tokens, credits and error forms."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.server import Sandbox

TOKEN = "/oauth2/token.json"  # noqa: S105 - a path
GRANT = {"grant_type": "client_credentials"}
CREDENTIALS = ("sandbox-key", "sandbox-secret")
EVENT = {"event_id": 77001}


def test_token(sandbox: Sandbox, swoogo: Any) -> None:
    answer = swoogo("POST", TOKEN, data=GRANT, auth=CREDENTIALS, headers={"Authorization": None})
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "expires_at", "type"}
    assert answer.json()["type"] == "bearer"
    form = "%Y-%m-%d %H:%M:%S"
    expires = datetime.strptime(answer.json()["expires_at"], form).replace(tzinfo=timezone.utc)
    assert expires - sandbox.world.clock.now() == timedelta(minutes=30)


def test_token_takes_url_encoded_credentials(swoogo: Any) -> None:
    swoogo.headers = {}
    pair = base64.b64encode(b"sandbox%2Dkey:sandbox%2Dsecret").decode()
    headers = {"Authorization": f"Basic {pair}"}
    assert swoogo("POST", TOKEN, data=GRANT, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"data": GRANT, "auth": ("sandbox-key", "wrong")}, 401),
        ({"data": GRANT}, 401),
        ({"data": GRANT, "headers": {"Authorization": "Basic !!"}}, 401),
        ({"data": {**GRANT, "scope": "x"}, "auth": CREDENTIALS}, 400),
        ({"data": {"grant_type": "password"}, "auth": CREDENTIALS}, 400),
        ({"json": GRANT, "auth": CREDENTIALS}, 415),
    ],
)
def test_token_refused(swoogo: Any, request_: Any, status: int) -> None:
    swoogo.headers = {}
    answer = swoogo("POST", TOKEN, **request_)
    assert answer.status_code == status
    assert set(answer.json()) == {"name", "message", "code", "status"}
    assert answer.json()["status"] == status


def test_token_expires_by_the_sandboxs_clock(sandbox: Sandbox, swoogo: Any, renew: Any) -> None:
    sandbox.advance(30 * 60 - 1)
    assert swoogo("GET", "/events").status_code == 200
    sandbox.advance(1)
    assert swoogo("GET", "/events").status_code == 401
    renew(swoogo)
    assert swoogo("GET", "/events").status_code == 200


def test_token_lifetime_is_a_switch(sandbox: Sandbox, swoogo: Any, renew: Any) -> None:
    sandbox.faults(token_seconds=60)
    renew(swoogo)
    sandbox.advance(60)
    assert swoogo("GET", "/events").status_code == 401


def test_a_made_up_token_is_refused(swoogo: Any) -> None:
    for value in ("Bearer x", "Bearer ", "Basic x", ""):
        assert swoogo("GET", "/events", headers={"Authorization": value}).status_code == 401


def test_credits(sandbox: Sandbox, swoogo: Any) -> None:
    location = swoogo.create("locations", name="Hall")["id"]
    sandbox.state.set_meta("quotas", {})
    left = [
        swoogo(method, path, params=params).headers["X-Rate-Limit-Remaining"]
        for method, path, params in (
            ("GET", "/events.json", {}),
            ("GET", "/events/77001.json", {}),
            ("GET", "/speakers.json", {**EVENT, "search": "email=a@example.org"}),
            ("GET", "/sponsors/fields.json", EVENT),
            ("GET", "/locations", EVENT),
            ("PUT", f"/locations/update/{location}", {}),
            ("GET", "/nowhere", {}),
        )
    ]
    assert left == ["1990", "1989", "1979", "1969", "1959", "1958", "1948"]


def test_quota(sandbox: Sandbox, swoogo: Any) -> None:
    sandbox.faults(quota_credits=25)
    sandbox.state.set_meta("quotas", {})
    answers = [swoogo("GET", "/events") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    assert refused.json()["status"] == 429
    assert refused.headers["X-Rate-Limit-Remaining"] == "5"
    assert refused.headers["X-Rate-Limit-Limit"] == "25"
    assert refused.headers["X-Rate-Limit-Reset"] == "600"
    assert swoogo("GET", "/events/77001").status_code == 200
    sandbox.advance(599)
    assert swoogo("GET", "/events").headers["X-Rate-Limit-Reset"] == "1"
    sandbox.advance(1)
    assert swoogo("GET", "/events").status_code == 200


def test_quota_can_be_off(sandbox: Sandbox, swoogo: Any) -> None:
    sandbox.faults(quota_credits=5, quota_enabled=False)
    assert swoogo("GET", "/events").status_code == 200


def test_headers_stand_on_every_answer(swoogo: Any) -> None:
    for method, path in (("GET", "/events/1"), ("PUT", "/events"), ("POST", "/tracks/create")):
        headers = swoogo(method, path).headers
        for name in ("Limit", "Remaining", "Reset"):
            assert f"X-Rate-Limit-{name}" in headers
    assert "X-Rate-Limit-Limit" in swoogo("GET", "/events", headers={"Authorization": ""}).headers


def test_wrong_method_and_unknown_path(swoogo: Any) -> None:
    for method, path, status in (
        ("POST", "/events", 405),
        ("GET", "/sessions/create", 405),
        ("POST", "/sessions/update/1", 405),
        ("PUT", "/sessions/create", 405),
        ("GET", "/sessions/delete/1", 405),
        ("DELETE", "/sponsors/delete/1", 404),
        ("POST", "/contacts/create", 404),
        ("GET", "/nothing", 404),
        ("GET", "/sessions/one", 404),
        ("GET", "/sessions/1", 404),
        ("PUT", "/tracks/update/1", 415),
    ):
        answer = swoogo(method, path)
        assert answer.status_code == status, path
        assert answer.json()["status"] == status


def test_paths_with_and_without_json(swoogo: Any) -> None:
    assert swoogo.get("/events/77001.json") == swoogo.get("/events/77001")


def test_log(sandbox: Sandbox, swoogo: Any) -> None:
    swoogo.create("tracks", name="Tools & Data")
    swoogo("GET", "/tracks.json", params=EVENT)
    token, create, listing = sandbox.log
    assert (token["path"], token["write"], token["status"]) == ("/oauth2/token", False, 200)
    assert "fields" not in token
    assert create["fields"] == {"event_id": "77001", "name": "Tools & Data"}
    assert (create["write"], create["status"], create["credits"]) == (True, 201, 1)
    assert (listing["side"], listing["query"]) == ("swoogo", "event_id=77001")
    assert (listing["write"], listing["credits"], listing["n"]) == (False, 10, 3)
    text = str(sandbox.log)
    assert "sandbox-secret" not in text
    assert swoogo.headers["Authorization"].partition(" ")[2] not in text
