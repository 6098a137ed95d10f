"""A moment of both sides and the ledger, to which a test can return as often as it likes."""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .conftest import Pair

    Rows = Mapping[str, Mapping[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Checkpoint:
    """Holds the sandbox's records and counters, the ledger's files and the tap's state."""

    programme: Rows
    swoogo: Rows
    meta: dict[str, Any]
    ledger: dict[str, bytes]
    state: dict[str, Any]

    @classmethod
    def take(cls, pair: Pair) -> Checkpoint:
        """Remember how things stand between two runs."""
        store = pair.sandbox.state
        with store.lock:
            programme, swoogo = (
                {kind: dict(rows) for kind, rows in side.items()}
                for side in (store.programme, store.swoogo)
            )
            meta = copy.deepcopy(store.meta)
        folder = pair.folder / "ledger"
        files = (
            {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}
        )
        return cls(programme, swoogo, meta, files, copy.deepcopy(pair.state))

    def restore(self, pair: Pair) -> None:
        """Bring everything back to that moment; faults are over and the request log is empty."""
        store = pair.sandbox.state
        with store.lock:
            store.wipe()
            for kind, rows in self.programme.items():
                store.load("programme", kind, rows.values())
            for kind, rows in self.swoogo.items():
                store.load("swoogo", kind, rows.values())
            for name, value in self.meta.items():
                store.set_meta(name, value)
            pair.sandbox.world.clock.offset = self.meta.get("clock", 0)
        # Hundreds of runs share the window of one quota.
        pair.sandbox.faults(quota_enabled=False)
        self._restore_ledger(pair.folder / "ledger")
        pair.state = copy.deepcopy(self.state)

    def _restore_ledger(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if self.ledger:
            folder.mkdir()
        for name, content in self.ledger.items():
            (folder / name).write_bytes(content)
