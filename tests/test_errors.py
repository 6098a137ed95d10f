"""What can go wrong around a run: one clear sentence, a non-zero exit, nothing lost or leaked."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from target_swoogo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Pair

SECRETS = ("sandbox-secret", "sandbox-key", "sandbox-token", "Bearer ", "c2FuZGJveC1")
CLOSED = "http://127.0.0.1:9"


def command(name: str, config: dict[str, Any], pair: Pair, messages: str = "") -> Any:
    """Run a plugin as Meltano does, with everything logged."""
    file = pair.folder / f"{name}.json"
    file.write_text(json.dumps(config))
    return subprocess.run(  # noqa: S603 - our own programs
        [Path(sys.executable).with_name(name), "--config", str(file)],
        input=messages,
        env=os.environ | {"LOGLEVEL": "DEBUG", "PYTHONWARNINGS": "ignore"},
        cwd=pair.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def target(pair: Pair, messages: str, **overrides: Any) -> Any:
    return command("target-swoogo", pair.target_config(**overrides), pair, messages)


def tap(pair: Pair, **overrides: Any) -> Any:
    return command("tap-sessionboard", pair.tap_config(**overrides), pair)


def assert_one_clear_sentence(run: Any, sentence: str, code: str = "") -> None:
    errors = [line for line in run.stderr.splitlines() if "| ERROR " in line]
    assert run.returncode == 1, run.stderr
    assert len(errors) == 1, run.stderr
    assert sentence in errors[0]
    assert code in errors[0]
    assert "Traceback" not in run.stderr
    for secret in SECRETS:
        assert secret not in run.stderr
        assert secret not in run.stdout


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    return make_pair(sessions=5)


@pytest.fixture
def messages(pair: Pair) -> str:
    return pair.read()


@pytest.mark.parametrize(
    ("overrides", "sentence", "code"),
    [
        ({"consumer_secret": "wrong"}, "My Profile > API Credentials", "swoogo_credentials"),
        (
            {"event_mappings": [{"sessionboard_event_id": 4101, "swoogo_event_id": 7}]},
            "Swoogo has no event 7",
            "swoogo_event_unknown",
        ),
        (
            {"event_mappings": [{"sessionboard_event_id": 7, "swoogo_event_id": 77001}]},
            "Nothing was received of Sessionboard event 7",
            "sessionboard_event_unknown",
        ),
        (
            {"event_mappings": [{"sessionboard_event_id": 4101, "swoogo_event_id": 77099}]},
            "The time zones differ",
            "timezone_mismatch",
        ),
        ({"ledger_url": "sqlite:////dev/null/x.db"}, "check ledger_url", "ledger_unwritable"),
        ({"ledger_url": "mysql://me:hunter2@h/x"}, "SQLite or PostgreSQL", "ledger_url_invalid"),
        ({"ledger_url": "not an address"}, "SQLite or PostgreSQL", "ledger_url_invalid"),
        (
            {
                "event_mappings": [
                    {"sessionboard_event_id": 4101, "swoogo_event_id": 77001},
                    {"sessionboard_event_id": 4101, "swoogo_event_id": 77002},
                ]
            },
            "uses Sessionboard event 4101 more than once",
            "",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_the_next_run_completes(
    pair: Pair, messages: str, overrides: dict[str, Any], sentence: str, code: str
) -> None:
    run = target(pair, messages, **overrides)
    assert_one_clear_sentence(run, sentence, code)
    assert "hunter2" not in run.stderr
    assert pair.writes() == []
    pair.load(messages)
    assert len(pair.sandbox.state.swoogo["sessions"]) > 0


def test_an_unreachable_swoogo_is_one_sentence(pair: Pair, messages: str) -> None:
    run = target(pair, messages, api_url=CLOSED)
    assert_one_clear_sentence(run, f"Swoogo at {CLOSED} cannot be reached", "swoogo_unreachable")
    assert json.loads(run.stdout), "the records are committed, so the bookmark may move"


def test_a_mapping_that_reuses_a_recorded_pair_names_the_command(pair: Pair, messages: str) -> None:
    pair.load(messages)
    other = [{"sessionboard_event_id": 4101, "swoogo_event_id": 77099}]
    run = target(pair, messages, event_mappings=other)
    assert_one_clear_sentence(run, "meltano invoke target-swoogo:release 4101", "mapping_taken")


@pytest.mark.parametrize(
    "line",
    [
        "not json at all, jane@example.org",
        '{"type": "RECORD", "stream": "speakers", "record": {"id": "x", "email": "jane@examp',
        '["jane@example.org"]',
        '{"type": "NOTE", "text": "jane@example.org"}',
        '{"stream": "speakers", "record": {"email": "jane@example.org"}}',
        '{"type": "RECORD", "stream": "speakers", "email": "jane@example.org"}',
        '{"type": "RECORD", "stream": "unheard", "record": {"email": "jane@example.org"}}',
        '{"type": "RECORD", "stream": "speakers", "record": {"email": "jane@example.org"}}',
        "[" * 100_000,
    ],
)
def test_a_malformed_line_stops_cleanly_and_nothing_is_lost(
    pair: Pair, messages: str, line: str
) -> None:
    lines = messages.splitlines()
    # Before the first state, so that nothing vouches for the records around it.
    first_state = next(n for n, text in enumerate(lines) if '"type":"STATE"' in text)
    broken = "\n".join([*lines[:first_state], line, *lines[first_state:]])
    run = target(pair, broken)
    assert_one_clear_sentence(run, "The run stopped there")
    assert run.stdout == "", "no bookmark moves past what was not read"
    assert "jane@example.org" not in run.stderr
    assert pair.writes() == []
    pair.load(messages)
    assert len(pair.sandbox.state.swoogo["sessions"]) > 0


def test_a_damaged_ledger_is_not_taken_for_an_empty_one(pair: Pair, messages: str) -> None:
    pair.load(messages)
    file = pair.folder / "ledger/target-swoogo.db"
    file.write_bytes(b"not a database" * 1000)
    since = pair.now
    assert_one_clear_sentence(target(pair, messages), "is damaged", "ledger_damaged")
    assert pair.calls(since=since) == []


def test_a_ledger_of_a_later_version_is_refused(pair: Pair, messages: str) -> None:
    pair.load(messages)
    with sqlite3.connect(pair.folder / "ledger/target-swoogo.db") as ledger:
        ledger.execute("UPDATE swoogo_meta SET value = '99' WHERE name = 'version'")
    ledger.close()
    assert_one_clear_sentence(target(pair, messages), "update the plugin", "ledger_newer")


def test_a_second_run_says_who_holds_the_ledger(pair: Pair, messages: str) -> None:
    pair.load(messages)
    with Ledger.open(pair.target_config()["ledger_url"]):
        run = target(pair, messages)
    assert_one_clear_sentence(run, f"process {os.getpid()} on ", "ledger_held")


def test_a_report_that_cannot_be_written_does_not_fail_the_run(pair: Pair, messages: str) -> None:
    run = target(pair, messages, report_path="/dev/null/reports")
    assert run.returncode == 0
    assert "check the setting report_path" in run.stderr


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"access_token": "sandbox-wrong"}, "check the setting access_token"),
        ({"access_token": "sandbox-eu-token"}, "that the setting api_url is your"),
        ({"access_token": "sandbox-noscope-token"}, "read:"),
        ({"event_ids": [4199]}, "4199"),
    ],
)
def test_what_goes_wrong_in_the_tap_is_one_sentence(
    pair: Pair, overrides: dict[str, Any], sentence: str
) -> None:
    run = tap(pair, **overrides)
    assert_one_clear_sentence(run, sentence)
