"""Every answer of the Sessionboard side against the vendor's OpenAPI file, where that is here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.server import Sandbox

BASE = "/v1/event/{eventId}"
SEARCHES = ["sessions", "sessions/status", "speakers", "contacts", "sponsors", "rooms", "tracks"]


def nullable(node: Any) -> Any:
    """Says null wherever a type stands: the vendor's fields may be null, marked so or not."""
    if isinstance(node, list):
        return [nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: nullable(value) for key, value in node.items()}
    if isinstance(node.get("type"), str):
        made["type"] = [node["type"], "null"]
        if isinstance(node.get("enum"), list):
            made["enum"] = [*node["enum"], None]
    return made


def one_of_to_any_of(node: Any) -> Any:
    """A detailed subsession satisfies the brief shape too, so `oneOf` cannot hold as written."""
    text = json.dumps(node, default=str)
    return json.loads(text.replace('"oneOf"', '"anyOf"'))


@pytest.fixture(scope="module")
def document(openapi_file: Path) -> Any:
    document = yaml.safe_load(openapi_file.read_text(encoding="utf-8"))
    document["components"] = one_of_to_any_of(nullable(document["components"]))
    return document


def errors_of(document: Any, path: str, method: str, answer: Any) -> list[str]:
    registry: Any = Registry().with_resource(
        "urn:api", Resource(contents=document, specification=DRAFT202012)
    )
    escaped = path.replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    where = f"urn:api#/paths/{escaped}/{method}/responses/200/content/application~1json/schema"
    validator = Draft202012Validator(
        {"$ref": where}, registry=registry, format_checker=FormatChecker()
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]


def undocumented(document: Any, schema: str, row: dict[str, Any]) -> set[str]:
    return set(row) - set(document["components"]["schemas"][schema]["properties"])


def test_the_check_can_fail(document: Any) -> None:
    assert errors_of(document, "/v1/events", "get", {"results": [{"id": "4101"}]})


def test_searches_conform(document: Any, sandbox: Sandbox, board: Any) -> None:
    sandbox.edit()
    expands: list[list[str]] = [[], ["subsession_details", "composition", "translated_fields"]]
    for path in SEARCHES:
        for expand in expands:
            answer = board.search(path, {"expand": expand}, pageSize=100)
            assert answer["results"]
            assert errors_of(document, f"{BASE}/{path}", "post", answer) == []


def test_lists_conform(document: Any, board: Any) -> None:
    assert errors_of(document, "/v1/events", "get", board.get("/v1/events")) == []
    for path in ("sessions", "rooms", "tracks"):
        answer = board.get(f"/v1/event/4101/{path}")
        assert answer
        assert errors_of(document, f"{BASE}/{path}", "get", answer) == []


def test_single_records_conform(document: Any, board: Any) -> None:
    for path, name in (
        ("sessions", "sessionId"),
        ("speakers", "contactId"),
        ("contacts", "contactId"),
        ("sponsors", "sponsorId"),
    ):
        for row in board.search(path, pageSize=5)["results"]:
            answer = board.get(f"/v1/event/4101/{path}/{row['id']}")
            assert answer["id"] == row["id"]
            assert errors_of(document, f"{BASE}/{path}/{{{name}}}", "get", answer) == []


def test_fields_are_documented_ones(document: Any, board: Any) -> None:
    on_purpose = {"accessibility_notes"}
    for row in board.search("sessions", pageSize=100)["results"]:
        assert undocumented(document, "Session", row) <= on_purpose
        for entry in row["speakers"]:
            assert undocumented(document, "SessionSpeaker", entry) == {"order"}
    for row in board.search("speakers")["results"]:
        assert not undocumented(document, "Contact", row)
    for row in board.search("sponsors")["results"]:
        assert not undocumented(document, "Sponsor", row)
