"""The SDK's standard tests, against a Sessionboard whose records have every declared field."""

from __future__ import annotations

import typing as t

import pytest
import requests_mock
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_sessionboard.tap import TapSessionboard

if t.TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES: dict[str, t.Any] = {
    "string": "text",
    "integer": 7,
    "number": 1.5,
    "boolean": True,
}


def sample(schema: dict[str, t.Any]) -> t.Any:
    """Make a value with every field that the schema declares."""
    if schema.get("format") == "date-time":
        return "2025-03-14T23:02:51.562Z"
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "object":
        return {name: sample(field) for name, field in schema["properties"].items()}
    if kind == "array":
        return [sample(schema["items"])]
    return SAMPLES[kind]


def answer(stream: str) -> dict[str, t.Any]:
    record = sample(TapSessionboard(validate_config=False).streams[stream].schema)
    return {"results": [record], "pagination": {"totalPages": 1, "totalResults": 1}}


class TestTap(
    get_tap_test_class(  # type: ignore[misc]  # a class made at run time
        TapSessionboard,
        config={"access_token": "token"},
        suite_config=SuiteConfig(),
    ),
):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def api(cls) -> Iterator[None]:
        base = "https://public-api.sessionboard.com/v1"
        with requests_mock.Mocker() as mocker:
            mocker.get(f"{base}/events", json=answer("events"))
            for path in ("sessions", "speakers", "sponsors", "rooms", "tracks"):
                mocker.post(f"{base}/event/7/{path}", json=answer(path))
            mocker.post(f"{base}/event/7/sessions/status", json=answer("session_statuses"))
            yield
