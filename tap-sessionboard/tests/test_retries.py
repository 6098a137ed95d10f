"""Waiting and trying again."""

from __future__ import annotations

import typing as t

import pytest
import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

EVENTS = "https://public-api.sessionboard.com/v1/events"
ROOMS = "https://public-api.sessionboard.com/v1/event/1/rooms"
EMPTY = {"json": {"results": [], "pagination": {"totalPages": 0, "totalResults": 0}}}
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def limited(**headers: str) -> dict[str, t.Any]:
    return {"status_code": 429, "headers": headers, "json": {"error": "x", "message": "slow"}}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:42 GMT", "Date": DATE}, 42.0),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "86400"}, 300.0),
        ({"Retry-After": "Mon, 02 Mar 2026 12:00:00 GMT", "Date": DATE}, 300.0),
        ({"Retry-After": "soon"}, 2.0),
        ({"Retry-After": "-5"}, 2.0),
        ({}, 2.0),
    ],
)
def test_a_limit_is_waited_out(
    api: t.Any, run: t.Any, waits: list[float], headers: dict[str, str], seconds: float
) -> None:
    api.add_event()
    api.mocker.post(ROOMS, [limited(**headers), EMPTY])
    run(only="rooms")
    assert waits == [seconds]


def test_waits_grow_where_nothing_else_is_asked(api: t.Any, run: t.Any, waits: list[float]) -> None:
    api.mocker.get(EVENTS, [{"status_code": 503}] * 5)
    run(fails=RetriableAPIError)
    assert waits == [2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 500, "text": "<html>oops</html>"},
        {"status_code": 502},
        {"status_code": 200, "text": '{"results": [{"id"'},
        {"status_code": 200, "text": "<html>maintenance</html>"},
        {"status_code": 200, "content": b'{"results": [{"id": "\xff"}], "pagination": {}}'},
        {"exc": requests.exceptions.ConnectTimeout},
        {"exc": requests.exceptions.ReadTimeout},
        {"exc": requests.exceptions.ConnectionError},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
def test_what_may_pass_is_tried_again(
    api: t.Any, run: t.Any, waits: list[float], answer: dict[str, t.Any]
) -> None:
    api.mocker.get(EVENTS, [answer, EMPTY])
    assert run().ids("events") == []
    assert waits == [2.0]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 418])
def test_a_refusal_is_not_tried_again(
    api: t.Any, run: t.Any, waits: list[float], status: int
) -> None:
    elsewhere = {"Location": "https://elsewhere.example.org/"}
    api.mocker.get(EVENTS, status_code=status, headers=elsewhere, json={"message": "no"})
    run(fails=FatalAPIError)
    assert waits == []
    assert api.mocker.call_count == 1
