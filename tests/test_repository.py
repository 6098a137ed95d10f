"""The files around the code say what the code says, and nothing of where they were made."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from packaging.requirements import Requirement
from tap_sessionboard.tap import TapSessionboard
from target_swoogo.settings import SCHEMA

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MELTANO = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
MELTANO_SCHEMA = files("meltano") / "schemas/meltano.schema.json"

DEMO_COMMAND = "pip install meltano && meltano run demo"
TEST_COMMAND = "pip install uv && uv run pytest"

# Each pattern is written so that it does not match itself.
TRACES = {
    "registry": r"pypi\.org/simpl[e]|files\.pythonhosted\.or[g]|(extra-)?index-ur[l]|find-link[s]",
    "machine path": r"/wor[k]/|/roo[t]/|/opt/whee[l]|file:///op[t]",
}


def tap_settings() -> dict[str, dict[str, Any]]:
    """The tap's own settings, without those that the SDK gives every tap."""
    builtin: dict[str, Any] = {}
    TapSessionboard.append_builtin_config(builtin)
    return {
        name: schema
        for name, schema in TapSessionboard.config_jsonschema["properties"].items()
        if name not in builtin["properties"]
    }


def target_settings() -> dict[str, dict[str, Any]]:
    """The target's own settings; `load_method` only silences the SDK's."""
    return {name: s for name, s in SCHEMA["properties"].items() if name != "load_method"}


PLUGINS = {
    "tap-sessionboard": (
        MELTANO["plugins"]["extractors"][0],
        tap_settings(),
        TapSessionboard.config_jsonschema["required"],
    ),
    "target-swoogo": (MELTANO["plugins"]["loaders"][0], target_settings(), SCHEMA["required"]),
}


def meltano_setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What `meltano.yml` has to say of a setting, given its JSON schema."""
    if isinstance(schema.get("default"), bool):
        kind = "string"  # Meltano would take any word that it does not know for false
    elif schema.get("format") == "date-time":
        kind = "date_iso8601"
    else:
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        (kind,) = [type_ for type_ in types if type_ != "null"]
    setting = {
        "name": name,
        "kind": "options" if "enum" in schema else kind,
        "label": schema["title"],
        "description": schema["description"],
    }
    if "default" in schema:
        setting["value"] = schema["default"]
    if "enum" in schema:
        setting["options"] = [{"label": choice, "value": choice} for choice in schema["enum"]]
    if schema.get("secret"):
        setting["sensitive"] = True
    return setting


def tracked_files() -> list[Path]:
    """Every file that is in git, or would be after `git add --all`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(  # noqa: S603  # a fixed command line
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_meltano_yml_has_the_settings_of_the_code(plugin: str) -> None:
    definition, settings, _ = PLUGINS[plugin]
    assert definition["name"] == plugin
    assert definition["settings"] == [meltano_setting(*setting) for setting in settings.items()]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_meltano_yml_requires_what_the_code_requires(plugin: str) -> None:
    definition, _, required = PLUGINS[plugin]
    assert definition["settings_group_validation"] == [required]


@pytest.mark.skipif(not MELTANO_SCHEMA.is_file(), reason="this Meltano ships no schema")
def test_meltano_yml_is_valid_for_meltano() -> None:
    schema = json.loads(MELTANO_SCHEMA.read_text(encoding="utf-8"))
    errors = validator_for(schema)(schema).iter_errors(MELTANO)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def env_example() -> dict[str, tuple[str, str, bool]]:
    """The variables of `.env.example`: the comment above, the value, and whether it is in use."""
    variables = {}
    comment: list[str] = []
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if assignment := re.fullmatch(r"(?P<off># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)", line):
            assert assignment["name"] not in variables
            variables[assignment["name"]] = (
                " ".join(comment),
                assignment["value"].strip("'"),
                assignment["off"] is None,
            )
            comment = []
        elif line:
            comment.append(line.removeprefix("# "))
        else:
            comment = []
    return variables


def all_settings() -> dict[str, dict[str, Any]]:
    """The settings of both plugins under the names of their environment variables."""
    return {
        f"{plugin}_{name}".upper().replace("-", "_"): schema
        for plugin, (_, settings, _) in PLUGINS.items()
        for name, schema in settings.items()
    }


def test_env_example_names_every_setting_and_no_other() -> None:
    assert sorted(env_example()) == sorted(all_settings())


@pytest.mark.parametrize("variable", all_settings())
def test_env_example_describes_a_setting_as_the_code_does(variable: str) -> None:
    comment, _, _ = env_example()[variable]
    assert comment.startswith(all_settings()[variable]["description"])


@pytest.mark.parametrize("variable", [v for v, s in all_settings().items() if "default" in s])
def test_env_example_shows_the_default_of_the_code(variable: str) -> None:
    _, value, _ = env_example()[variable]
    default = all_settings()[variable]["default"]
    assert (value if isinstance(default, str) else json.loads(value)) == default


def test_env_example_sets_what_is_required() -> None:
    in_use = {variable for variable, (_, _, used) in env_example().items() if used}
    required = {
        f"{plugin}_{name}".upper().replace("-", "_")
        for plugin, (_, _, names) in PLUGINS.items()
        for name in names
    }
    assert required <= in_use


def test_every_pin_is_exact() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [Requirement(pin) for pin in project["tool"]["uv"]["constraint-dependencies"]]
    assert pins
    assert [str(pin) for pin in pins if not re.fullmatch(r"==[^,*]+", str(pin.specifier))] == []


@pytest.mark.parametrize("trace", TRACES)
def test_no_file_carries_a_trace_of_the_machine_it_was_made_on(trace: str) -> None:
    pattern = re.compile(TRACES[trace].encode())
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in tracked_files()
        for match in pattern.finditer(path.read_bytes())
    ]
    assert found == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(workflow: Path) -> None:
    uses = re.findall(r"^[ -]*uses:\s*(.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert uses
    pinned = r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert [action for action in uses if not re.fullmatch(pinned, action)] == []


@pytest.mark.parametrize("command", [DEMO_COMMAND, TEST_COMMAND])
@pytest.mark.parametrize("path", ["README.md", ".ci/run", ".github/workflows/test.yml"])
def test_a_fresh_machine_command_is_the_same_everywhere(path: str, command: str) -> None:
    # Nothing may follow it but the end of the line, or of the inline code.
    whole = re.escape(command) + r"(?![^`\n])"
    assert re.search(whole, (ROOT / path).read_text(encoding="utf-8"))
