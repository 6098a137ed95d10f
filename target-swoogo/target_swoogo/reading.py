"""What the tap's state tells of how it read. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any


def full_reads(state: object) -> dict[int, dict[str, list[int]]]:
    """How many records the last two full reads gave, as tap-sessionboard keeps it.

    Args:
        state: The value of a STATE message, of whatever tap.

    Returns:
        By event and stream, the two counts, the latest last; nothing where there are no two.
    """
    counts: dict[int, dict[str, list[int]]] = defaultdict(dict)
    for stream, bookmark in _items(_at(state, "bookmarks")):
        partitions = _at(bookmark, "partitions")
        for partition in partitions if isinstance(partitions, list) else ():
            event_id = _at(_at(partition, "context"), "event_id")
            given = _at(partition, "full_read_counts")
            if (
                isinstance(event_id, int)
                and isinstance(given, list)
                and list(map(type, given)) == [int, int]
            ):
                counts[event_id][stream] = given
    return dict(counts)


def _at(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _items(value: object) -> Any:
    return value.items() if isinstance(value, Mapping) else ()
