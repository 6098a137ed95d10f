"""The pages say what the code does, and what they point at exists."""

from __future__ import annotations

import ast
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from target_swoogo import endpoints
from target_swoogo.endpoints import Endpoint
from target_swoogo.settings import SCHEMA
from target_swoogo.source import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "target-swoogo/target_swoogo"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / f"{package}/README.md" for package in ("tap-sessionboard", "target-swoogo")),
    ROOT / "plugins/sandbox/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGET = (ROOT / "target-swoogo/README.md").read_text(encoding="utf-8")
MELTANO = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))

CODE = r"[a-z]+(?:_[a-z]+)*"
INTERNAL = {"swoogo_error", "swoogo_outcome_unknown"}
"""Codes of errors that are always turned into others before anybody sees them."""


def section(page: str, heading: str) -> str:
    """The part of a page under a heading, with the headings below it."""
    level = heading.split(maxsplit=1)[0]
    (found,) = re.findall(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.MULTILINE | re.DOTALL
    )
    return str(found)


def rows(text: str) -> list[list[str]]:
    """The cells of every table in a text, without heads."""
    tables = re.findall(r"^\|.*\n\| --- .*\n((?:\|.*\n)*)", text, re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in tables
        for line in table.splitlines()
    ]


def named(cells: Iterable[str]) -> set[str]:
    """What stands in backticks and has the form of a code."""
    return {name for cell in cells for name in re.findall(rf"`({CODE})`", cell)}


# The settings, streams and calls


def setting_row(name: str, schema: dict[str, Any]) -> list[str]:
    default = schema.get("default")
    shown = f"`{default if isinstance(default, str) else json.dumps(default)}`"
    return [
        f"`{name}`",
        f"`TARGET_SWOOGO_{name.upper()}`",
        "required" if name in SCHEMA["required"] else shown,
        schema["description"],
    ]


def test_the_settings_are_those_of_the_code() -> None:
    # `load_method` only silences the SDK's.
    own = {name: s for name, s in SCHEMA["properties"].items() if name != "load_method"}
    assert rows(section(TARGET, "## Settings")) == [setting_row(*item) for item in own.items()]


def test_the_streams_are_those_of_the_code() -> None:
    assert [row[0] for row in rows(section(TARGET, "## Streams"))] == [f"`{s}`" for s in STREAMS]


def all_endpoints() -> Iterator[Endpoint]:
    for value in vars(endpoints).values():
        if isinstance(value, Endpoint):
            yield value
        elif isinstance(value, dict):
            yield from (item for item in value.values() if isinstance(item, Endpoint))


def test_the_assumed_calls_are_those_of_the_code() -> None:
    listed = re.findall(r"`([A-Z]+ \S+\.json)`", section(TARGET, "## Assumptions about Swoogo"))
    assumed = [f"{e.method} {e.path}" for e in all_endpoints() if e.known == "A"]
    assert sorted(listed) == sorted(assumed)


# The codes


def codes_of_the_source() -> set[str]:
    """Every stable code.

    A code is a name that is followed, among arguments or in a tuple, by its message; or stands in
    brackets within one; or is what is assigned to something called `code`.
    """
    found: set[str] = set()
    for file in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call | ast.Tuple):
                parts = node.args if isinstance(node, ast.Call) else node.elts
                found.update(*(code(a) for a, b in pairwise(parts) if is_message(b, node)))
            elif isinstance(node, ast.Assign) and "code" in ast.unparse(node.targets[0]).split("."):
                choices = isinstance(node.value, ast.IfExp) and [node.value.body, node.value.orelse]
                found.update(*(code(choice) for choice in choices or [node.value]))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(rf"\. \[({CODE})\]", node.value))
    return found


def code(node: ast.AST) -> set[str]:
    """The node's value, where it has the form of a code."""
    value = node.value if isinstance(node, ast.Constant) else None
    return {value} if isinstance(value, str) and re.fullmatch(CODE, value) else set()


def is_message(node: ast.AST, within: ast.Call | ast.Tuple) -> bool:
    match node:
        case ast.JoinedStr():
            return True
        case ast.Constant(value=str(text)):
            return " " in text and isinstance(within, ast.Call)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="wording"))):
            return True
        # A sentence that was put together before; and of a speaker who lacks something, the name.
        case ast.Name(id=name):
            return name in {"message", "note", "gone", "lost", "missing", "label"} or name.isupper()
    return False


def test_every_code_is_explained_and_no_other() -> None:
    explained = named(row[0] for row in rows(section(TARGET, "## Codes")))
    assert explained == codes_of_the_source() - INTERNAL


def test_no_code_is_internal_that_is_not_there() -> None:
    assert codes_of_the_source() >= INTERNAL


def test_the_first_page_names_codes_that_exist() -> None:
    tables = section(README, "## Read a report") + section(README, "## When it goes wrong")
    codes = named(row[0] for row in rows(tables))
    assert len(codes) > 10
    assert codes <= codes_of_the_source()


# What the pages point at


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    broken = []
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, fragment = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    names = re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|md|yml|json))`", page.read_text("utf-8"))
    places = [place for top in (ROOT, page.parent) for place in (top, *top.glob("*/"))]
    assert [name for name in names if not any((place / name).exists() for place in places)] == []


@pytest.mark.parametrize(
    "command", ["pip install meltano && meltano run demo", "pip install uv && uv run pytest"]
)
def test_a_fresh_machine_command_stands_on_a_line_of_its_own(command: str) -> None:
    assert command in README.splitlines()


def test_every_meltano_command_is_one_of_the_project() -> None:
    plugins = {p["name"]: p for kind in MELTANO["plugins"].values() for p in kind}
    jobs = {job["name"] for job in MELTANO["jobs"]}
    schedules = {schedule["name"] for schedule in MELTANO["schedules"]}
    known = {
        f"{name}:{command}"
        for name, p in plugins.items()
        for command in (p | plugins.get(p.get("inherit_from"), {})).get("commands", {})
    }
    text = README + TARGET
    invoked = set(re.findall(r"meltano invoke ([\w-]+:[\w-]+)", text))
    assert invoked
    assert invoked <= known
    run = re.findall(r"meltano run ((?:--[\w-]+ )*)([\w-]+(?: [\w-]+)*)", text)
    names = {name for _, words in run for name in words.split()}
    assert names
    assert names <= plugins.keys() | jobs
    assert set(re.findall(r"meltano schedule run ([\w-]+)", text)) == schedules


def test_every_environment_variable_is_one_of_a_setting() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    variables = set(re.findall(r"\b(?:TAP_SESSIONBOARD|TARGET_SWOOGO)_[A-Z_]+", README))
    assert variables
    assert variables <= set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
