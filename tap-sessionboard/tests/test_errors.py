"""Every failure that a user can meet is one clear sentence, with status 1 and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

import pytest
import requests

if t.TYPE_CHECKING:
    from pathlib import Path

TOKEN = "tok-5ecret"  # noqa: S105 (it opens nothing)
BASE = "https://public-api.sessionboard.com/v1"
EMAIL = "jane@example.org"


def assert_one_sentence(done: t.Any, *parts: str) -> None:
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert not done.has_traceback
    (sentence,) = done.errors
    for part in parts:
        assert part in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def assert_silent_about_secrets(caplog: pytest.LogCaptureFixture) -> None:
    assert TOKEN not in caplog.text
    assert EMAIL not in caplog.text


@pytest.fixture
def config() -> dict[str, t.Any]:
    return {"access_token": TOKEN}


ANSWERS: list[tuple[dict[str, t.Any], tuple[str, ...]]] = [
    ({"status_code": 401}, ("401", "access_token", "region (us)")),
    ({"status_code": 403}, ("403", "scope read:sessions", "sessions of event 1")),
    (
        {"status_code": 403, "json": {"error": "x", "message": "needs read:programme here"}},
        ("scope read:programme ",),
    ),
    ({"status_code": 404}, ("404", "event 1", "event_ids")),
    ({"status_code": 429}, ("429", "limiting")),
    ({"status_code": 500, "text": f"<html>{TOKEN} {EMAIL}</html>"}, ("500", "later")),
    ({"status_code": 400, "json": {"message": f"Bad {TOKEN}"}}, ("400", "Bad (token)")),
    ({"status_code": 400, "text": "no JSON"}, ("400", "no reason")),
    ({"status_code": 302, "headers": {"Location": "https://example.org"}}, ("302",)),
    ({"text": f"<html>{EMAIL}</html>"}, ("not JSON", "public-api.sessionboard.com")),
    ({"json": {"items": [{"email": EMAIL}]}}, ("envelope", "sessions of event 1")),
    ({"json": [{"email": EMAIL}]}, ("no id", "sessions of event 1")),
    (
        {"json": [{"id": "s1", "email": EMAIL, "starts_at": "noonish"}]},
        ("record s1 of the sessions of event 1", "starts_at"),
    ),
    ({"exc": requests.exceptions.ConnectTimeout}, ("cannot be reached", "ConnectTimeout")),
    ({"exc": requests.exceptions.ConnectionError(TOKEN)}, ("cannot be reached", "region")),
    ({"exc": requests.exceptions.TooManyRedirects}, ("cannot be reached",)),
]


@pytest.mark.parametrize(("answer", "parts"), ANSWERS)
def test_failures_of_the_api(
    api: t.Any,
    command: t.Any,
    config: dict[str, t.Any],
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, t.Any],
    parts: tuple[str, ...],
) -> None:
    api.add_event()
    api.mocker.post(f"{BASE}/event/1/sessions", **answer)
    assert_one_sentence(command(config=config), *parts)
    assert_silent_about_secrets(caplog)


def test_the_test_mode_fails_as_clearly(
    api: t.Any, command: t.Any, config: dict[str, t.Any]
) -> None:
    api.mocker.get(f"{BASE}/events", status_code=401)
    assert_one_sentence(command("--test", config=config), "401", "access_token")


def test_a_refused_token_where_api_url_is_set(
    api: t.Any, command: t.Any, config: dict[str, t.Any]
) -> None:
    api.mocker.get("http://localhost/v1/events", status_code=401)
    done = command(config={**config, "api_url": "http://localhost"})
    assert_one_sentence(done, "401", "at localhost", "api_url")
    assert "region" not in done.errors[0]


def test_an_unknown_event_says_which_exist(
    api: t.Any, command: t.Any, config: dict[str, t.Any]
) -> None:
    for event_id in range(1, 24):
        api.add_event(event_id)
    done = command(config={**config, "event_ids": [1, 77, 76]})
    assert_one_sentence(done, "names 76, 77", "1, 2, 3", "20 and 3 more")
    assert not any(request["kind"] == "rooms" for request in api.requests)


def test_an_unknown_event_where_there_is_none(
    api: t.Any, command: t.Any, config: dict[str, t.Any]
) -> None:
    assert api.events == []
    assert_one_sentence(command(config={**config, "event_ids": [5]}), "can see no event")


def test_an_event_id_that_is_no_number(
    api: t.Any, command: t.Any, config: dict[str, t.Any]
) -> None:
    api.events.append({"id": "one"})
    assert_one_sentence(command(config=config), "not a number")


CONFIGS: list[tuple[dict[str, t.Any], tuple[str, ...]]] = [
    ({}, ("access_token", "TAP_SESSIONBOARD_ACCESS_TOKEN", "settings")),
    ({"access_token": ""}, ("access_token is missing",)),
    ({"access_token": "two words"}, ("access_token",)),
    ({"access_token": 5_55_5}, ("access_token",)),
    ({"region": "mars"}, ("region must be one of us, eu, me",)),
    ({"event_ids": "77"}, ("event_ids must be of type array",)),
    ({"event_ids": ["77"]}, ("event_ids must be of type integer",)),
    ({"page_size": 101}, ("page_size must have a maximum of 100",)),
    ({"page_size": 0}, ("page_size must have a minimum of 1",)),
    ({"lookback_minutes": -1}, ("lookback_minutes must have a minimum of 0",)),
    ({"start_date": "yesterday"}, ("start_date", "2026-01-01T00:00:00Z")),
    ({"api_url": "public-api.sessionboard.com"}, ("api_url", "https://")),
    ({"api_url": "http://[half"}, ("api_url", "https://")),
    ({"regoin": "eu"}, ("Unknown settings", "regoin")),
]


@pytest.mark.parametrize("mode", [(), ("--test",)])
@pytest.mark.parametrize(("settings", "parts"), CONFIGS)
def test_wrong_settings(
    command: t.Any,
    config: dict[str, t.Any],
    settings: dict[str, t.Any],
    parts: tuple[str, ...],
    mode: tuple[str, ...],
) -> None:
    given = {**config, **settings} if settings else {}
    done = command(*mode, config=given)
    assert_one_sentence(done, *parts)
    assert "5555" not in done.errors[0]


def test_a_token_with_stray_space_is_trimmed(api: t.Any, run: t.Any) -> None:
    run(access_token=" tok\n")
    assert api.requests[0]["headers"]["x-access-token"] == "tok"


def test_api_url_takes_the_place_of_the_region(api: t.Any, run: t.Any) -> None:
    for base in ("http://localhost:8790/sessionboard", "http://localhost:8790/sessionboard/v1/"):
        api.mocker.get(
            "http://localhost:8790/sessionboard/v1/events",
            json={"results": [{"id": 9}], "pagination": {"totalPages": 1, "totalResults": 1}},
        )
        assert run(only="events", region="eu", api_url=base).ids("events") == [9]


@pytest.mark.parametrize("region", ["us", "eu", "me"])
def test_regions(api: t.Any, run: t.Any, region: str) -> None:
    host = "public-api" if region == "us" else f"public-api-{region}"
    asked = api.mocker.get(f"https://{host}.sessionboard.com/v1/events", json=[])
    run(region=region)
    assert asked.call_count == 1


def test_a_configuration_file_that_is_not_there(command: t.Any) -> None:
    assert_one_sentence(command("--config", "missing.json"), "--config", "missing.json")


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_configuration_file_that_is_none(command: t.Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    done = command("--config", str(path))
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert "--config" in done.errors[0]


@pytest.mark.parametrize("option", ["--state", "--catalog"])
@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_state_or_catalogue_that_is_none(
    command: t.Any, config: dict[str, t.Any], tmp_path: Path, option: str, text: str
) -> None:
    path = tmp_path / "given.json"
    path.write_text(text)
    done = command(option, str(path), config=config)
    assert_one_sentence(done, option, "given.json", "JSON object")


@pytest.mark.parametrize(
    "bookmarks",
    [
        [],
        {"sessions": 5},
        {"sessions": {"partitions": [{"replication_key_value": "noon"}]}},
        {"sessions": {"partitions": [{"context": {"event_id": 1}, "full_read_at": 5}]}},
        {"sessions": {"partitions": [{"context": {"event_id": 1}, "full_read_counts": 5}]}},
        {"sessions": {"partitions": [{"replication_key_value": "2026-01-01T00:00:00Z"}]}},
    ],
)
def test_a_state_of_something_else(
    command: t.Any, config: dict[str, t.Any], tmp_path: Path, bookmarks: t.Any
) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"bookmarks": bookmarks}))
    assert_one_sentence(command("--state", str(path), config=config), "state")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PAGE_SIZE", TOKEN), ("EVENT_IDS", "3950,3951")],
)
def test_environment_variables_that_are_none(
    command: t.Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TAP_SESSIONBOARD_{name}", value)
    done = command("--config", "ENV")
    assert_one_sentence(done, "TAP_SESSIONBOARD_EVENT_IDS")
    assert TOKEN not in done.errors[0]


def test_environment_variables(api: t.Any, command: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api.add_event()
    monkeypatch.setenv("TAP_SESSIONBOARD_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("TAP_SESSIONBOARD_EVENT_IDS", "[1]")
    monkeypatch.setenv("TAP_SESSIONBOARD_PAGE_SIZE", "50")
    assert command("--config", "ENV").exit_code == 0
    assert api.requests[0]["size"] == 50


def test_a_bug_keeps_its_traceback(
    api: t.Any, command: t.Any, config: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: t.Any) -> None:
        msg = "bug"
        raise ZeroDivisionError(msg)

    assert api.events == []
    monkeypatch.setattr("tap_sessionboard.streams.EventsStream.searches", bug)
    assert isinstance(command(config=config).exception, ZeroDivisionError)


def test_the_real_command_without_a_token() -> None:
    """What a user sees, at the highest log level."""
    done = subprocess.run(
        [sys.executable, "-c", "from tap_sessionboard.tap import *; TapSessionboard.cli()"],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "LOGLEVEL": "debug"},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if "ERROR" in line] == [
        line for line in done.stderr.splitlines() if "TAP_SESSIONBOARD_ACCESS_TOKEN" in line
    ]


def test_discovery_needs_no_token(command: t.Any, caplog: pytest.LogCaptureFixture) -> None:
    done = command("--discover")
    assert done.exit_code == 0
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_test_mode_is_quiet_when_all_is_well(
    api: t.Any, command: t.Any, config: dict[str, t.Any], caplog: pytest.LogCaptureFixture
) -> None:
    api.add_event()
    for kind in ("sessions", "speakers", "rooms"):
        api.add(kind, "a")
        api.add(kind, "b")
    assert command("--test", config=config).exit_code == 0
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
