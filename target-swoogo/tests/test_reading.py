"""What the tap's state tells of its reads; any other tap's state tells nothing."""

from __future__ import annotations

from typing import Any

import pytest
from target_swoogo.reading import full_reads


def state(**partition: Any) -> dict[str, Any]:
    return {"bookmarks": {"sessions": {"partitions": [partition]}}}


def test_the_counts_of_an_event() -> None:
    given = state(context={"event_id": 4101}, full_read_counts=[150, 0])
    assert full_reads(given) == {4101: {"sessions": [150, 0]}}


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {"bookmarks": None},
        {"bookmarks": {"sessions": []}},
        {"bookmarks": {"sessions": {"partitions": 5}}},
        {"bookmarks": {"sessions": {"partitions": [None]}}},
        state(full_read_counts=[1, 2]),
        state(context={"event_id": "4101"}, full_read_counts=[1, 2]),
        state(context={"event_id": 4101}),
        state(context={"event_id": 4101}, full_read_counts=[150]),
        state(context={"event_id": 4101}, full_read_counts=["150", True]),
    ],
)
def test_a_state_that_tells_nothing(given: Any) -> None:
    assert full_reads(given) == {}
