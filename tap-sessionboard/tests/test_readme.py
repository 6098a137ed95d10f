"""The README says what the code does."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from tap_sessionboard.tap import TapSessionboard

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BUILT_IN: dict[str, t.Any] = {}
TapSessionboard.append_builtin_config(BUILT_IN)


def table(heading: str) -> list[list[str]]:
    """Give the cells of the table under a heading, without its head."""
    section = re.split(r"^## ", README, flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"{heading}\n")]
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def setting_row(name: str, schema: dict[str, t.Any]) -> list[str]:
    required = TapSessionboard.config_jsonschema["required"]
    default = f"`{schema['default']}`" if "default" in schema else ""
    return [
        f"`{name}`",
        f"`TAP_SESSIONBOARD_{name.upper()}`",
        "required" if name in required else default,
        schema["description"],
    ]


def test_the_settings_are_those_of_the_code() -> None:
    assert table("Settings") == [
        setting_row(name, schema)
        for name, schema in TapSessionboard.config_jsonschema["properties"].items()
        if name not in BUILT_IN["properties"]
    ]


def test_the_streams_are_those_of_the_code() -> None:
    streams = TapSessionboard(validate_config=False).streams
    assert {row[0]: row[1:4] for row in table("Streams")} == {
        f"`{name}`": [
            ", ".join(f"`{key}`" for key in stream.primary_keys),
            "changes" if stream.replication_key else "whole",
            f"`{stream.scope}`",  # type: ignore[attr-defined]  # every stream of ours has one
        ]
        for name, stream in streams.items()
    }
