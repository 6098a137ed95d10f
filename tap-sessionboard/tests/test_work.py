"""How much is done for each record: counts, so that no machine is too slow."""

from __future__ import annotations

import sys
import threading
import typing as t

import pytest

MOST_CALLS_PER_SESSION = 45
"""Of Python functions, those of this test's own reading of the output included; there are 34."""

PEOPLE = 2


def session(number: int) -> dict[str, t.Any]:
    person = {"first_name": "Ada", "email": "ada@example.org", "about": "Writes programs. " * 20}
    stamps = dict.fromkeys(("created_at", "updated_at"), f"2026-01-01T00:00:00.{number:03}Z")
    place = {"id": "r", "name": "R", **stamps}
    return {
        "title": f"Session {number}",
        "description": "What we learned. " * 20,
        "starts_at": stamps["created_at"],
        "ends_at": stamps["created_at"],
        "room": place,
        "track": place,
        "participants": [
            {
                "id": f"p{number}-{n}",
                "participant_role": {"id": "s", "core_role": "speaker"},
                **person,
                **stamps,
            }
            for n in range(PEOPLE)
        ],
    }


@pytest.fixture
def calls(api: t.Any, run: t.Any) -> t.Callable[[int], int]:
    """Counts the calls of Python functions, in the thread that writes, of a read."""
    api.add_event()
    added = 0

    def count(sessions: int) -> int:
        nonlocal added
        for number in range(added, sessions):
            api.add("sessions", f"s{number}", **session(number))
        added = sessions
        calls = 0

        def note(_frame: t.Any, event: str, _argument: t.Any) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(note)
        try:
            read = run(only="sessions")
        finally:
            sys.setprofile(None)
        assert len(read.ids("sessions")) == sessions
        return calls

    assert threading.current_thread() is threading.main_thread()
    return count


def test_a_record_takes_few_calls(calls: t.Callable[[int], int]) -> None:
    calls(10)  # what is made once, and loaded once
    few, many = calls(100), calls(300)
    per_session = (many - few) / 200
    assert per_session < MOST_CALLS_PER_SESSION, f"{per_session:.0f} calls for each session"
