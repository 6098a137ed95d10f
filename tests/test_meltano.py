"""The pair as people run it: through Meltano, with plugins it installs by itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sandbox.server import Sandbox

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

MELTANO = Path(sys.executable).with_name("meltano")
PREFIX = re.compile(r"^\S+ \[\w+ *\] \S+ ")
SETTINGS = re.compile("^(TAP_SESSIONBOARD|TARGET_SWOOGO|SANDBOX|MELTANO)_")


@dataclass
class Project:
    """A copy of the repository, as a fresh clone has it, with a sandbox port of its own."""

    folder: Path
    port: int

    def meltano(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in os.environ.items() if not SETTINGS.match(k)}
        return subprocess.run(  # noqa: S603 - our own command
            [MELTANO, *words],
            cwd=self.folder,
            env=env | {"MELTANO_CLI_LOG_FORMAT": "uncolored"} | settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("clone") / "repository"
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", ".meltano", ".sandbox", ".*_cache", "__pycache__", ".hypothesis"
        ),
    )
    port = free_port()
    config = folder / "meltano.yml"
    config.write_text(config.read_text().replace("'8722'", f"'{port}'"))
    project = Project(folder, port)
    yield project
    project.meltano("run", "sandbox:down")


def tables(output: str, event: int) -> list[dict[str, Counter[str]]]:
    """The tables of counts in the reports of one event, one per run."""
    found = []
    for part in output.split(f"Sessionboard event {event} to Swoogo event")[1:]:
        lines = [PREFIX.sub("", line) for line in part.splitlines()[1:]]
        columns = lines[0].split()
        rows = [line.split() for line in lines[1:6]]
        # Columns in which nothing stands are left out.
        found.append(
            {row[0]: Counter(dict(zip(columns, map(int, row[1:]), strict=True))) for row in rows}
        )
    return found


def test_the_demo_is_one_command(project: Project) -> None:
    run = project.meltano("run", "demo")
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    first, second = tables(output, 4101)
    for kind, counts in first.items():
        assert counts["created"] > 0, kind
        assert counts["unchanged"] == counts["updated"] == counts["failed"] == 0, kind
    created = sum(counts["created"] for counts in first.values())
    assert sum(counts["unchanged"] for counts in second.values()) > 0.95 * created
    assert sum(counts["updated"] for counts in second.values()) == 5
    assert len(re.findall(r"Report: .*\.html", output)) == 2
    assert "Traceback" not in output
    # Whose Python has reached its end of life is told so by the SDK.
    assert "Warning" not in output.replace("SingerSDKPythonEOLWarning", "")

    with Sandbox(state_dir=project.folder / ".sandbox") as sandbox:
        writes = [call for call in sandbox.log if call["write"]]
        assert len({call["status"] for call in writes} - {200, 201}) == 0
        assert len(writes) < 3 * created, "records, links and images, each once"
        assert len(sandbox.state.swoogo["sessions"]) > 100


def test_without_credentials_it_says_what_is_missing_and_where_to_find_it(
    project: Project,
) -> None:
    run = project.meltano("run", "tap-sessionboard", "target-swoogo")
    output = run.stdout + run.stderr
    assert run.returncode == 1
    for name in (
        "TAP_SESSIONBOARD_ACCESS_TOKEN",
        "TARGET_SWOOGO_CONSUMER_KEY",
        "TARGET_SWOOGO_CONSUMER_SECRET",
        "TARGET_SWOOGO_EVENT_MAPPINGS",
        "My Profile > API Credentials",
    ):
        assert name in output
    assert "Traceback" not in output


def test_the_schedule_runs_the_real_pair(project: Project, tmp_path: Path) -> None:
    listed = project.meltano("schedule", "list", "--format=json")
    (schedule,) = json.loads(listed.stdout)["schedules"]["job"]
    assert schedule["cron_interval"] == "*/30 * * * *"
    mapping = [{"sessionboard_event_id": 4102, "swoogo_event_id": 77002}]
    with Sandbox(state_dir=tmp_path, sessions=5) as sandbox:
        settings = {
            "TAP_SESSIONBOARD_API_URL": sandbox.sessionboard_url,
            "TAP_SESSIONBOARD_ACCESS_TOKEN": "sandbox-token",
            "TAP_SESSIONBOARD_EVENT_IDS": "[4102]",
            "TARGET_SWOOGO_API_URL": sandbox.swoogo_url,
            "TARGET_SWOOGO_CONSUMER_KEY": "sandbox-key",
            "TARGET_SWOOGO_CONSUMER_SECRET": "sandbox-secret",
            "TARGET_SWOOGO_EVENT_MAPPINGS": json.dumps(mapping),
            "TARGET_SWOOGO_ALLOW_PRIVATE_IMAGES": "true",
        }
        run = project.meltano("--environment=prod", "schedule", "run", schedule["name"], **settings)
        output = run.stdout + run.stderr
        assert run.returncode == 0, output
        (counts,) = tables(output, 4102)
        assert counts["sessions"]["created"] == len(sandbox.state.swoogo["sessions"]) > 0
        assert (project.folder / "ledger/target-swoogo.db").stat().st_mode & 0o777 == 0o600

        other = json.dumps([mapping[0] | {"swoogo_event_id": 77001}])
        taken = project.meltano("run", "sync", **settings | {"TARGET_SWOOGO_EVENT_MAPPINGS": other})
        assert taken.returncode == 1
        assert "meltano invoke target-swoogo:release 4102" in taken.stdout + taken.stderr
        released = project.meltano("invoke", "target-swoogo:release", "4102", **settings)
        assert released.returncode == 0, released.stderr
        assert "Released" in released.stdout
        again = project.meltano("invoke", "target-swoogo:release", "4102", **settings)
        assert again.returncode == 1
        assert "not paired" in again.stdout + again.stderr


@pytest.mark.parametrize("command", ["target-swoogo", "target-swoogo:retry"])
def test_a_misspelt_boolean_is_not_taken_for_false(project: Project, command: str) -> None:
    settings = {
        "TARGET_SWOOGO_CONSUMER_KEY": "key",
        "TARGET_SWOOGO_CONSUMER_SECRET": "secret",
        "TARGET_SWOOGO_EVENT_MAPPINGS": json.dumps(
            [{"sessionboard_event_id": 4102, "swoogo_event_id": 77002}]
        ),
    }
    run = project.meltano("invoke", command, **settings, TARGET_SWOOGO_DRY_RUN="yess")
    output = run.stdout + run.stderr
    assert run.returncode == 1
    assert "The setting dry_run is not valid: it must be true or false." in output
    assert "Traceback" not in output


def test_a_taken_port_is_one_sentence(project: Project) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", project.port))):
        run = project.meltano("run", "sandbox:up")
    assert run.returncode == 1
    assert str(project.port) in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
