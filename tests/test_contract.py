"""What the target reads is what the tap's schemas declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec import inspect
from tap_sessionboard.tap import TapSessionboard
from target_swoogo.source import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMAS = {
    name: stream.schema for name, stream in TapSessionboard(validate_config=False).streams.items()
}
JSON_TYPES: dict[type[inspect.Type], set[str]] = {
    inspect.StrType: {"string"},
    inspect.IntType: {"integer"},
    inspect.BoolType: {"boolean"},
    inspect.NoneType: {"null"},
    inspect.AnyType: {"string", "integer", "number", "boolean", "array", "object", "null"},
    inspect.ListType: {"array"},
    inspect.StructType: {"object"},
}


def members(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def declared_types(schema: dict[str, Any]) -> set[str]:
    declared = schema["type"]
    return {declared} if isinstance(declared, str) else set(declared)


def breaches(kind: inspect.Type, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Where a type can't read what a schema allows.

    The schemas, written for whatever the vendor sends, let the id of a nested record and the items
    of a list be null. A record without an id can't be told from others: it is refused with a
    reason, not read. A type that holds a list of its own kind is followed as deep as the schema is.
    """
    accepted = set().union(*(JSON_TYPES[type(member)] for member in members(kind)))
    allowed = declared_types(schema)
    if path.endswith((".id", "[]")):
        allowed -= {"null"}
    if allowed - accepted:
        yield f"{path}: the tap allows {sorted(allowed - accepted)}, the target does not"
    for member in members(kind):
        if isinstance(member, inspect.ListType):
            yield from breaches(member.item_type, schema.get("items", {"type": []}), f"{path}[]")
        elif isinstance(member, inspect.StructType):
            for field in member.fields:
                name = field.encode_name
                inner = schema.get("properties", {}).get(name)
                if inner is not None:
                    yield from breaches(field.type, inner, f"{path}.{name}")
                elif not path.endswith(f".{name}[]"):
                    yield f"{path}.{name}: the tap does not declare it"


@pytest.mark.parametrize("stream", STREAMS)
def test_every_field_that_the_target_reads_is_in_the_taps_schema(stream: str) -> None:
    found = breaches(inspect.type_info(STREAMS[stream]), SCHEMAS[stream], stream)
    assert sorted(found) == []


def test_the_target_reads_every_stream_of_the_tap() -> None:
    assert STREAMS.keys() == SCHEMAS.keys()


@pytest.mark.parametrize("stream", STREAMS)
def test_the_tap_identifies_records_as_the_ledger_does(stream: str) -> None:
    assert {"id"} <= set(SCHEMAS[stream]["properties"])
    assert stream == "events" or declared_types(SCHEMAS[stream]["properties"]["event_id"]) == {
        "integer"
    }


class Part(msgspec.Struct):
    id: str
    name: str | None = None
    parts: list[Part] | None = None


class Whole(msgspec.Struct):
    size: int | None = None
    gone: str | None = None
    parts: list[Part] | None = None


def test_the_check_itself_sees_a_breach_at_any_depth() -> None:
    loose_id = {"id": {"type": ["string", "null"]}}
    part = {"type": ["object", "null"], "properties": loose_id}
    parts = {"type": ["array", "null"], "items": part}
    size = {"type": ["number", "null"]}
    schema = {"type": "object", "properties": {"size": size, "parts": parts}}
    assert sorted(breaches(inspect.type_info(Whole), schema, "whole")) == [
        "whole.gone: the tap does not declare it",
        "whole.parts[].name: the tap does not declare it",
        "whole.size: the tap allows ['number'], the target does not",
    ]
