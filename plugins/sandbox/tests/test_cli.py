"""The command line, from start to stop."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sandbox.server import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Result(NamedTuple):
    exit_code: int
    output: str


@pytest.fixture
def free_port() -> int:
    with listen() as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def run(tmp_path: Path, free_port: int) -> Iterator[Callable[..., Result]]:
    state_dir = tmp_path / "state"
    env = {"SANDBOX_STATE_DIR": str(state_dir), "SANDBOX_PORT": str(free_port)}

    def run(*arguments: str) -> Result:
        command = [sys.executable, "-m", "sandbox.cli", *arguments]
        done = subprocess.run(  # noqa: S603 - this very program
            command,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    yield run
    run("down")


def test_a_life(run: Any, tmp_path: Path, free_port: int) -> None:
    address = f"http://127.0.0.1:{free_port}/"
    assert run("status").exit_code == 1
    up = run("up")
    assert (up.exit_code, up.output) == (0, f"The sandbox is running: {address}\n")
    again = run("up")
    assert (again.exit_code, again.output) == (0, f"The sandbox is running already: {address}\n")
    assert run("serve").exit_code == 1
    status = run("status")
    assert status.exit_code == 0
    assert "programme: demo" in status.output
    assert "credits left: 2000" in status.output
    assert len(run("edit").output.splitlines()) == 12
    edit = {"op": "create", "kind": "sponsors", "fields": {"name": "Late & Co"}}
    assert run("edit", json.dumps(edit)).output == "Created sponsor “Late & Co”\n"
    wrong = run("edit", "{}x")
    assert (wrong.exit_code, "This is not JSON" in wrong.output) == (1, True)
    assert "unknown edit" in run("edit", '{"op": "x"}').output
    shown = json.loads(run("faults", '{"settings": {"latency_ms": 1}}').output)
    assert shown["settings"]["latency_ms"] == 1
    assert json.loads(run("faults").output) == shown
    assert json.loads(run("faults", "--clear").output)["settings"]["latency_ms"] == 0
    assert run("down").output == "The sandbox is stopped.\n"
    assert run("down").output == "The sandbox is not running.\n"
    assert run("edit").exit_code == 1
    ledger = tmp_path / "state" / "ledger"
    ledger.mkdir()
    assert run("up").exit_code == 0
    assert len(run("edit").output.splitlines()) == 12
    assert ledger.exists()
    assert run("reset").output == "The sandbox is as new.\n"
    assert not ledger.exists()
    ledger.mkdir()
    assert run("up", "--fresh").exit_code == 0
    assert not ledger.exists()


def test_a_taken_port(run: Any, free_port: int) -> None:
    with listen(free_port):
        up = run("up")
    assert up.exit_code == 1
    assert f"Port {free_port} on 127.0.0.1 cannot be used" in up.output


def test_a_broken_programme(run: Any, tmp_path: Path) -> None:
    up = run("up", "--program", str(tmp_path))
    assert up.exit_code == 1
    assert "The sandbox did not start" in up.output
    assert "it has no events.json" in up.output


def test_a_stale_state_directory(run: Any, tmp_path: Path) -> None:
    # A server that was killed leaves its port behind, which somebody else may have now.
    (tmp_path / "state").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        (tmp_path / "state" / "port").write_text(str(other.getsockname()[1] + 1))
        assert run("status").exit_code == 1
        assert run("reset").output == "The sandbox is as new.\n"
