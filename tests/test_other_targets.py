"""The tap's output loads unchanged into other people's targets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from sandbox.server import Sandbox
from uv import find_uv_bin

from .conftest import Pair

if TYPE_CHECKING:
    from pathlib import Path

    Rows = dict[str, dict[Any, dict[str, Any]]]
    """Records by stream and key."""

UNREACHABLE = ("Failed to fetch", "error sending request", "dns error", "network was disabled")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the tap says of a small programme."""
    folder = tmp_path_factory.mktemp("tap")
    with Sandbox(state_dir=folder / "sandbox", sessions=20) as sandbox:
        return Pair(sandbox, folder).read()


@pytest.fixture(scope="module")
def emitted(output: str) -> Rows:
    messages = [json.loads(line) for line in output.splitlines()]
    records = [m for m in messages if m["type"] == "RECORD"]
    rows: Rows = defaultdict(dict)
    for message in records:
        rows[message["stream"]][key(message["record"])] = message["record"]
    assert len(rows) == 7
    assert sum(map(len, rows.values())) == len(records), "no key comes twice"
    return rows


def key(record: dict[str, Any]) -> tuple[Any, ...]:
    return record.get("event_id"), record["id"]


def install(folder: Path, package: str) -> Path:
    """A virtualenv of its own for the package, with the Python that runs the tests."""
    uv = find_uv_bin()
    for words in (
        ["venv", "--quiet", "--python", sys.executable, folder],
        ["pip", "install", "--quiet", "--python", folder, package],
    ):
        done = subprocess.run(  # noqa: S603 - our own command
            [uv, *words],
            cwd=folder.parent,  # out of reach of this project's constraints
            capture_output=True,
            text=True,
            check=False,
        )
        if any(sign in done.stderr for sign in UNREACHABLE):
            pytest.skip(f"the package index can't be reached to install {package}")
        assert done.returncode == 0, done.stderr
    return folder / ("Scripts" if sys.platform == "win32" else "bin")


def load(program: Path, folder: Path, config: dict[str, Any], output: str) -> None:
    """Run a target over the output; it must accept all of it, and pass on the last state."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    done = subprocess.run(  # noqa: S603 - what was just installed
        [program, "--config", file],
        input=output,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(m)["value"] for m in output.splitlines() if '"type":"STATE"' in m]
    assert json.loads(done.stdout.splitlines()[-1]) == states[-1]


def test_a_target_of_files_gets_every_record(tmp_path: Path, output: str, emitted: Rows) -> None:
    programs = install(tmp_path / "venv", "target-jsonl==0.1.4")
    files = tmp_path / "files"
    files.mkdir()
    config = {"destination_path": str(files), "do_timestamp_file": False}
    load(programs / "target-jsonl", tmp_path, config, output)
    loaded: Rows = {}
    for file in files.iterdir():
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        loaded[file.stem] = {key(record): record for record in records}
        assert len(loaded[file.stem]) == len(records)
    assert loaded == emitted


def test_a_target_of_a_database_gets_every_record(
    tmp_path: Path, output: str, emitted: Rows, postgresql: str
) -> None:
    """A target that is built on the SDK, and makes typed columns of the schemas."""
    programs = install(tmp_path / "venv", "meltanolabs-target-postgres==0.8.1")
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    config = {"sqlalchemy_url": url, "default_target_schema": "programme"}
    load(programs / "target-postgres", tmp_path, config, output)
    schemas = [m for m in map(json.loads, output.splitlines()) if m["type"] == "SCHEMA"]
    declared = {m["stream"]: m["schema"]["properties"].keys() for m in schemas}
    with psycopg.connect(postgresql, row_factory=dict_row) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for stream, records in emitted.items():
            table = SQL("SELECT * FROM {}").format(Identifier("programme", stream))
            rows = [
                {name: plain(value) for name, value in row.items() if not name.startswith("_sdc")}
                for row in connection.execute(table)
            ]
            assert len(rows) == len(records), stream
            for row in rows:
                record = records[key(row)]
                # A column that the record leaves out is null.
                expected = dict.fromkeys(row) | {n: flat(v) for n, v in record.items() if n in row}
                assert row == expected, stream
                assert row.keys() == declared[stream], "all but what the vendor does not document"


def plain(value: Any) -> Any:
    """A column's value as JSON would have it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").removesuffix("+00:00")
    return float(value) if isinstance(value, Decimal) else value


def flat(value: Any) -> Any:
    """A record's value as a column has it: moments, which are all in UTC, without their offset."""
    if isinstance(value, str) and value.endswith("+00:00"):
        return value.removesuffix("+00:00")
    return value
