"""What the target's unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.settings import SCHEMA, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAIR = {"sessionboard_event_id": 4101, "swoogo_event_id": 77001}


@pytest.fixture
def config() -> dict[str, Any]:
    """A complete configuration, defaults included."""
    defaults = {
        name: schema["default"]
        for name, schema in SCHEMA["properties"].items()
        if "default" in schema
    }
    return defaults | {
        "consumer_key": "key",
        "consumer_secret": "secret",
        "api_url": "https://swoogo.test/api/v1",
        "event_mappings": [PAIR],
    }


@pytest.fixture
def settings(config: dict[str, Any]) -> Callable[..., Settings]:
    """Makes settings; keywords override."""

    def make(**overrides: Any) -> Settings:
        return Settings.from_config(config | overrides)

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a ledger that does not exist yet, in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/down/ledger.db"
    url: str = request.getfixturevalue("organisation")()
    return url
