"""The tap and the target as they run under Meltano: two programs and a pipe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Command, Spent, program, run
from benchmarks.programme import EVENT, SWOOGO_EVENT

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A tap and a target, with their files in a folder.

    Attributes:
        folder: Where configuration, ledger and state are.
        url: The sandbox.
    """

    folder: Path
    url: str

    def configure(self, **target: Any) -> None:
        """Write both configurations.

        Args:
            target: Settings of the target beyond the necessary ones.
        """
        tap = {"api_url": f"{self.url}/sessionboard", "access_token": "sandbox-token"}
        defaults = {
            "api_url": f"{self.url}/swoogo/api/v1",
            "consumer_key": "sandbox-key",
            "consumer_secret": "sandbox-secret",
            "event_mappings": [{"sessionboard_event_id": EVENT, "swoogo_event_id": SWOOGO_EVENT}],
            "ledger_url": f"sqlite:///{self.folder}/ledger.db",
            "report_path": str(self.folder / "reports"),
            "allow_private_images": True,
        }
        self._write("tap.json", tap)
        self._write("target.json", defaults | target)

    @property
    def tap(self) -> Command:
        """The tap's command, with the state that the last run left."""
        command = program("tap-sessionboard", "--config", self.folder / "tap.json")
        state = self.folder / "state.json"
        return [*command, "--state", str(state)] if state.exists() else command

    @property
    def target(self) -> Command:
        """The target's command."""
        return program("target-swoogo", "--config", self.folder / "target.json")

    @property
    def messages(self) -> Path:
        """What the tap said when `read` was last called."""
        return self.folder / "messages.jsonl"

    def read(self) -> Spent:
        """Run the tap alone, into a file."""
        return run(self.tap, folder=self.folder, stdout=self.messages)

    def load(self) -> Spent:
        """Run the target alone, on what the tap said before."""
        return run(self.target, folder=self.folder, stdin=self.messages)

    def sync(self) -> Spent:
        """Run both, and keep the state as Meltano does."""
        states = self.folder / "states.jsonl"
        spent = run(self.tap, self.target, folder=self.folder, stdout=states)
        if lines := states.read_text(encoding="utf-8").splitlines():
            (self.folder / "state.json").write_text(lines[-1], encoding="utf-8")
        return spent

    def start_over(self) -> None:
        """Forget all that was synced."""
        for path in (*self.folder.glob("ledger.db*"), *self.folder.glob("state.json")):
            path.unlink()

    def _write(self, name: str, config: dict[str, Any]) -> None:
        (self.folder / name).write_text(json.dumps(config), encoding="utf-8")
