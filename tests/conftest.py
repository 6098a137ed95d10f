"""The pair together: a sandbox, a tap and a target that talk over real HTTP."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.server import Sandbox
from tap_sessionboard.tap import TapSessionboard
from target_swoogo.target import TargetSwoogo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
"""Vendor material that is not part of the project; tests that need it run where it is present."""

PAIRS = [
    {"sessionboard_event_id": 4101, "swoogo_event_id": 77001},
    {"sessionboard_event_id": 4102, "swoogo_event_id": 77002},
]


def written_by(tap: TapSessionboard) -> str:
    """The output of a tap's run."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        tap.sync_all()
    out.seek(0)
    return out.read()


@dataclass
class Pair:
    """Runs the tap into the target against one sandbox, keeping state as Meltano does."""

    sandbox: Sandbox
    folder: Path
    mappings: list[dict[str, int]] = field(default_factory=lambda: PAIRS)
    state: dict[str, Any] = field(default_factory=dict)

    def tap_config(self, **overrides: Any) -> dict[str, Any]:
        return {
            "api_url": self.sandbox.sessionboard_url,
            "access_token": "sandbox-token",
        } | overrides

    def target_config(self, **overrides: Any) -> dict[str, Any]:
        return {
            "api_url": self.sandbox.swoogo_url,
            "consumer_key": "sandbox-key",
            "consumer_secret": "sandbox-secret",
            "event_mappings": self.mappings,
            "ledger_url": f"sqlite:///{self.folder}/ledger/target-swoogo.db",
            "report_path": str(self.folder / "reports"),
            "allow_private_images": True,
        } | overrides

    def read(self, **overrides: Any) -> str:
        """The tap's output."""
        return written_by(TapSessionboard(config=self.tap_config(**overrides), state=self.state))

    def load(self, messages: str, **overrides: Any) -> dict[str, Any]:
        """Give messages to the target; the report of the run."""
        out = io.StringIO()
        target = TargetSwoogo(config=self.target_config(**overrides))
        with contextlib.redirect_stdout(out):
            target.listen(io.StringIO(messages))
        for line in out.getvalue().splitlines():
            self.state = json.loads(line)
        report: dict[str, Any] = json.loads((self.folder / "reports/latest.json").read_text())
        return report

    def sync(self, **overrides: Any) -> dict[str, Any]:
        """One run of the pair; the report of the run."""
        return self.load(self.read(), **overrides)

    def calls(self, *, side: str = "swoogo", since: int = 0) -> list[dict[str, Any]]:
        """The sandbox's own log of requests."""
        return [c for c in self.sandbox.log if c["side"] == side and c["n"] > since]

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """What was written to Swoogo."""
        return [c for c in self.calls(since=since) if c["write"]]

    @property
    def now(self) -> int:
        """The number of the last request."""
        return self.sandbox.log[-1]["n"] if self.sandbox.log else 0


@pytest.fixture
def make_pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    """Makes a pair with a sandbox of its own."""
    with contextlib.ExitStack() as stack:

        def make(mappings: list[dict[str, int]] | None = None, **options: Any) -> Pair:
            folder = tmp_path / f"pair{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            sandbox = stack.enter_context(Sandbox(state_dir=folder / "sandbox", **options))
            return Pair(sandbox, folder, mappings or PAIRS)

        yield make


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    """A pair with a small programme."""
    return make_pair(sessions=20)
