from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=timezone.utc)
EVENT, SMALL_EVENT = 4101, 4102
SWOOGO_EVENT, OTHER_SWOOGO_EVENT = 77001, 77002


class Api:
    """A client of one vendor: paths and credentials filled in."""

    def __init__(self, base: str, session: requests.Session, headers: dict[str, str]) -> None:
        self.base = base
        self.session = session
        self.headers = headers

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.session.request(method, self.base + path, headers=headers, timeout=10, **more)

    def get(self, path: str, **params: Any) -> Any:
        response = self("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def create(self, kind: str, **fields: Any) -> Any:
        response = self("POST", f"/{kind}/create.json", data={"event_id": SWOOGO_EVENT, **fields})
        assert response.status_code == 201, response.text
        return response.json()

    def search(self, path: str, body: Any = None, **params: Any) -> Any:
        response = self("POST", f"/v1/event/{EVENT}/{path}", json=body, params=params)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("state"), now=NOW, sessions=20) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    return server


@pytest.fixture
def board(sandbox: Sandbox, session: requests.Session) -> Api:
    return Api(sandbox.sessionboard_url, session, {"x-access-token": "sandbox-token"})


@pytest.fixture
def swoogo(sandbox: Sandbox, session: requests.Session) -> Api:
    api = Api(sandbox.swoogo_url, session, {})
    renew_token(api)
    return api


def renew_token(api: Api) -> None:
    form = {"grant_type": "client_credentials"}
    response = api(
        "POST", "/oauth2/token.json", data=form, auth=("sandbox-key", "sandbox-secret"), headers={}
    )
    api.headers = {"Authorization": f"Bearer {response.json()['access_token']}"}


@pytest.fixture
def api() -> type[Api]:
    return Api


@pytest.fixture
def renew() -> Any:
    return renew_token


@pytest.fixture(scope="session")
def openapi_file() -> Path:
    beside = Path(__file__).parents[4] / "shared" / "apis" / "sessionboard-openapi.yaml"
    path = Path(os.environ.get("SESSIONBOARD_OPENAPI", beside))
    if not path.is_file():
        pytest.skip("Sessionboard's OpenAPI file is not here; name it in SESSIONBOARD_OPENAPI")
    return path
