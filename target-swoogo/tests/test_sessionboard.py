"""What the command check asks of Sessionboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from target_swoogo.check_settings import _TAP_SETTINGS
from target_swoogo.check_systems import ask_sessionboard
from target_swoogo.sessionboard import REGIONS, SCOPES, Sessionboard, SessionboardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests_mock import Mocker
    from target_swoogo.check import Line
    from target_swoogo.settings import Settings

API = "https://sessionboard.test"
TOKEN = "a-secret-token"  # noqa: S105 - made up
CLIENT = Sessionboard(API, TOKEN, "tests")
EVENTS = [{"id": 4101, "name": "Summit", "timezone": "America/New_York"}]


@pytest.mark.parametrize("answer", [{"results": EVENTS}, {"data": EVENTS}, EVENTS])
def test_every_envelope_is_understood(requests_mock: Mocker, answer: Any) -> None:
    requests_mock.get(f"{API}/v1/events", json=answer)
    assert CLIENT.events() == EVENTS
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.headers["x-access-token"] == TOKEN


def test_all_pages_are_read(requests_mock: Mocker) -> None:
    full = {"results": [{"id": number} for number in range(100)]}
    requests_mock.get(f"{API}/v1/events", [{"json": full}, {"json": {"results": [{"id": 100}]}}])
    assert len(CLIENT.events()) == 101
    assert [request.qs["page"] for request in requests_mock.request_history] == [["1"], ["2"]]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"status_code": 401}, "sessionboard_credentials"),
        ({"status_code": 403}, "sessionboard_scope_missing"),
        ({"status_code": 500}, "sessionboard_unreachable"),
        ({"status_code": 302, "headers": {"Location": "https://evil.test"}}, None),
        ({"text": "<html>"}, "sessionboard_unreachable"),
        ({"json": {"message": "hello"}}, "sessionboard_unreachable"),
        ({"exc": requests.ConnectTimeout}, "sessionboard_unreachable"),
    ],
)
def test_what_is_no_answer_is_explained(
    requests_mock: Mocker, answer: dict[str, Any], code: str | None
) -> None:
    requests_mock.get(f"{API}/v1/events", **answer)
    with pytest.raises(SessionboardError) as caught:
        CLIENT.events()
    assert caught.value.code == (code or "sessionboard_unreachable")
    assert TOKEN not in str(caught.value)
    assert len(requests_mock.request_history) == 1


def test_scopes_are_told_by_the_refusal(requests_mock: Mocker) -> None:
    requests_mock.post(f"{API}/v1/event/4101/sponsors", status_code=403)
    requests_mock.post(f"{API}/v1/event/4101/rooms", json={"results": []})
    requests_mock.post(f"{API}/v1/event/4101/tracks", status_code=500)
    assert not CLIENT.may_read(4101, "sponsors")
    assert CLIENT.may_read(4101, "rooms")
    with pytest.raises(SessionboardError):
        CLIENT.may_read(4101, "tracks")


def test_sessions_without_a_start_are_passed_over(requests_mock: Mocker) -> None:
    stamps = ["2027-03-09T14:00:00.000Z", "2027-03-09T15:00:00.000+00:00", None, "soon"]
    sessions: list[dict[str, Any]] = [{"starts_at": stamp} for stamp in stamps]
    requests_mock.post(f"{API}/v1/event/4101/sessions", json={"results": [*sessions, {}]})
    assert [start.hour for start in CLIENT.starts(4101)] == [14, 15]


# The region


def ask(settings: Callable[..., Settings], environ: dict[str, str], **given: Any) -> list[Line]:
    return ask_sessionboard(settings(**given), environ).lines


def answer_in(requests_mock: Mocker, region: str | None) -> None:
    for name, url in REGIONS.items():
        if name == region:
            requests_mock.get(f"{url}/v1/events", json={"results": []})
        else:
            requests_mock.get(f"{url}/v1/events", status_code=401)


def test_a_token_of_another_region_is_told(
    requests_mock: Mocker, settings: Callable[..., Settings]
) -> None:
    answer_in(requests_mock, "eu")
    (line,) = ask(settings, {}, sessionboard_access_token=TOKEN)
    assert (line.level.value, line.code) == ("error", "sessionboard_credentials")
    assert "set sessionboard_region, and the tap's region, to eu (they are us)" in line.todo
    assert TOKEN not in repr(line)


def test_a_token_that_no_region_knows_is_told(
    requests_mock: Mocker, settings: Callable[..., Settings]
) -> None:
    answer_in(requests_mock, None)
    (line,) = ask(settings, {}, sessionboard_access_token=TOKEN, sessionboard_region="me")
    assert "no region knows it (the region is me)" in line.todo
    assert len(requests_mock.request_history) == 3


def test_another_host_is_never_given_the_token(
    requests_mock: Mocker, settings: Callable[..., Settings]
) -> None:
    requests_mock.get(f"{API}/v1/events", status_code=401)
    (line,) = ask(settings, {}, sessionboard_access_token=TOKEN, sessionboard_api_url=API)
    assert line.code == "sessionboard_credentials"
    assert len(requests_mock.request_history) == 1


def test_the_taps_settings_are_used_where_there_are_no_others(
    requests_mock: Mocker, settings: Callable[..., Settings]
) -> None:
    answer_in(requests_mock, "eu")
    environ = {"TAP_SESSIONBOARD_ACCESS_TOKEN": TOKEN, "TAP_SESSIONBOARD_REGION": "eu"}
    (line,) = ask(settings, environ)
    assert line.found == "The token works at public-api-eu.sessionboard.com; it sees 0 events."
    environ = {"TAP_SESSIONBOARD_ACCESS_TOKEN": TOKEN, "TAP_SESSIONBOARD_REGION": "mars"}
    (line,) = ask(settings, environ)
    assert (line.code, line.found) == (
        "setting_invalid",
        "Sessionboard's region is none of us, eu and me.",
    )
    environ = {"TAP_SESSIONBOARD_ACCESS_TOKEN": TOKEN, "TAP_SESSIONBOARD_API_URL": f"{API}/v1"}
    requests_mock.get(f"{API}/v1/events", json={"results": []})
    assert "sessionboard.test" in ask(settings, environ)[0].found


def test_without_a_token_it_is_said_how_to_give_one(settings: Callable[..., Settings]) -> None:
    (line,) = ask(settings, {})
    assert (line.level.value, line.code) == ("error", "sessionboard_token_missing")
    assert "TAP_SESSIONBOARD_ACCESS_TOKEN" in line.todo


def test_the_taps_settings_are_known() -> None:
    tap = pytest.importorskip("tap_sessionboard.tap")
    assert set(_TAP_SETTINGS) <= tap.TapSessionboard.config_jsonschema["properties"].keys()


def test_the_scopes_are_those_of_the_tap() -> None:
    streams = pytest.importorskip("tap_sessionboard.streams")
    named = {
        stream.name: stream.scope
        for stream in vars(streams).values()
        if isinstance(stream, type) and getattr(stream, "scope", None)
    }
    names = {"sessions/status": "session_statuses"}
    assert {what: named[names.get(what, what)] for what in SCOPES} == SCOPES


def test_the_regions_are_those_of_the_tap() -> None:
    assert pytest.importorskip("tap_sessionboard.client").REGIONS == REGIONS


@pytest.mark.parametrize(
    ("emails", "masked"),
    [
        (["j***@a***.com", "m***@e***.org"], True),
        (["j***@a***.com", "jane@example.org"], False),
        ([None, ""], False),
        ([], False),
    ],
)
def test_a_token_that_masks_is_recognised(
    requests_mock: Mocker, emails: list[str | None], *, masked: bool
) -> None:
    people = [{"id": "p", "email": email} for email in emails]
    requests_mock.post(f"{API}/v1/event/4101/speakers", json={"results": people})
    assert CLIENT.masks(4101) is masked
