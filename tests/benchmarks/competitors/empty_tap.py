"""A Singer tap that does nothing but give so many records: what no tap of the SDK can go below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterable


class Numbers(Stream):
    """Records without content."""

    name = "sessions"
    primary_keys = ("id",)
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("id", th.IntegerType)
    ).to_dict()

    def get_records(self, context: object) -> Iterable[dict[str, Any]]:
        del context
        return ({"id": number} for number in range(self.config["records"]))


class EmptyTap(Tap):
    """The tap."""

    name = "empty-tap"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("records", th.IntegerType, required=True)
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        return [Numbers(self)]


if __name__ == "__main__":
    EmptyTap.cli()
