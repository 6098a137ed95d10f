"""A Singer target that does nothing with its records: what no target of the SDK can go below."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import RecordSink


class Nowhere(RecordSink):
    """Where records end."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        pass


class EmptyTarget(Target):
    """The target."""

    name = "empty-target"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList().to_dict()
    default_sink_class = Nowhere


if __name__ == "__main__":
    EmptyTarget.cli()
