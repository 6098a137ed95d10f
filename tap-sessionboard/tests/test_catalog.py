"""The catalogue, stream by stream, is what was reviewed last.

Refresh the files after a change that is meant, and review the difference::

    uv run pytest tap-sessionboard/tests/test_catalog.py --refresh-catalog
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from tap_sessionboard.tap import TapSessionboard

FOLDER = Path(__file__).parent / "catalog"
ENTRIES = {
    entry["tap_stream_id"]: entry
    for entry in json.loads(TapSessionboard(validate_config=False).catalog_json_text)["streams"]
}


@pytest.mark.parametrize("name", ENTRIES)
def test_the_catalogue_is_the_reviewed_one(name: str, request: pytest.FixtureRequest) -> None:
    # The metadata only repeats the schema's fields.
    entry = {key: value for key, value in ENTRIES[name].items() if key != "metadata"}
    path = FOLDER / f"{name}.json"
    if request.config.getoption("--refresh-catalog"):
        path.write_text(json.dumps(entry, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == entry


def test_no_stream_left_the_catalogue() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(ENTRIES)


def walk(schema: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    yield schema
    for field in schema.get("properties", {}).values():
        yield from walk(field)
    if "items" in schema:
        yield from walk(schema["items"])


@pytest.mark.parametrize("name", ENTRIES)
def test_every_schema_is_described_open_and_nullable(name: str) -> None:
    entry = ENTRIES[name]
    for schema in walk(entry["schema"]):
        assert schema["description"]
        if "properties" in schema:
            assert schema["additionalProperties"] is True
    for field, schema in entry["schema"]["properties"].items():
        assert ("null" in schema["type"]) == (field not in entry["key_properties"])
