"""The tap and the target, and an empty pair beside them, as Meltano runs them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from benchmarks.processes import Spent, competitor, program, run

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.pair import Pair

_STARTER = """#!/bin/sh
exec {command} "$@"
"""


@dataclass(frozen=True)
class MeltanoProject:
    """A project whose plugins are installed already, so that only their runs are measured.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @classmethod
    def make(cls, pair: Pair, records: int) -> MeltanoProject:
        """Make a project.

        Args:
            pair: The tap and the target, whose configuration is used.
            records: How many records the empty tap gives.
        """
        project = cls(pair.folder / "meltano")
        project.folder.mkdir()
        configs = {
            name: json.loads((pair.folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("tap", "target")
        }
        extractors = [
            project._plugin("tap-sessionboard", program("tap-sessionboard"), configs["tap"]),
            project._plugin("tap-empty", competitor("empty_tap"), {"records": records}),
        ]
        for extractor in extractors:
            extractor["capabilities"] = ["catalog", "discover", "state"]
        loaders = [
            project._plugin("target-swoogo", program("target-swoogo"), configs["target"]),
            project._plugin("target-empty", competitor("empty_target"), {}),
        ]
        described = {
            "default_environment": "benchmark",
            "environments": [{"name": "benchmark"}],
            "send_anonymous_usage_stats": False,
            "plugins": {"extractors": extractors, "loaders": loaders},
        }
        (project.folder / "meltano.yml").write_text(yaml.safe_dump(described), encoding="utf-8")
        return project

    def run(self, tap: str, target: str) -> Spent:
        """Run a tap into a target."""
        return run(program("meltano", "run", tap, target), folder=self.folder)

    def _plugin(
        self, name: str, command: list[str], config: dict[str, object]
    ) -> dict[str, object]:
        starter = self.folder / f"{name}.sh"
        starter.write_text(_STARTER.format(command=" ".join(command)), encoding="utf-8")
        starter.chmod(0o755)
        return {
            "name": name,
            "namespace": name.replace("-", "_"),
            "executable": str(starter),
            "settings": [{"name": setting} for setting in config],
            "config": config,
        }
