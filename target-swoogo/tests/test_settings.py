"""The settings: what is missing or wrong is said in sentences, before anything is done."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from target_swoogo.settings import SCHEMA, Settings, problems
from target_swoogo.target import TargetSwoogo

if TYPE_CHECKING:
    from collections.abc import Callable

# A copy: the SDK adds settings of its own to the original once a target is made.
PROPERTIES = dict(SCHEMA["properties"])
OFF_UNTIL_SET = ("webhook_url", "sessionboard_access_token", "sessionboard_api_url")
REQUIRED = ("consumer_key", "consumer_secret", "event_mappings")


def pair(ours: int, theirs: int) -> dict[str, int]:
    return {"sessionboard_event_id": ours, "swoogo_event_id": theirs}


def sentences(config: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigValidationError) as caught:
        TargetSwoogo(config=config)
    return list(caught.value.errors)


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROPERTIES:
        monkeypatch.delenv(f"TARGET_SWOOGO_{name.upper()}", raising=False)


def test_every_setting_is_read_and_nothing_else() -> None:
    # `load_method` is only there to silence the SDK's own.
    assert {field.name for field in fields(Settings)} == PROPERTIES.keys() - {"load_method"}


def test_a_complete_configuration_is_typed(settings: Callable[..., Settings]) -> None:
    made = settings(event_mappings=[pair(1, 2), pair(3, 4)], create_only_fields=["session.name"])
    assert made.event_mappings == ((1, 2), (3, 4))
    assert made.session_statuses == frozenset({"accepted"})
    assert made.roles == frozenset({"speaker", "chairperson", "moderator"})
    assert made.create_only_fields == frozenset({"session.name"})
    assert (made.max_workers, made.image_max_bytes, made.dry_run) == (8, 1_000_000, False)


def test_every_setting_is_explained_and_what_is_optional_has_a_default() -> None:
    for name, schema in PROPERTIES.items():
        assert schema["title"], name
        assert schema["description"].endswith("."), name
        assert ("default" in schema) is (name not in {*REQUIRED, *OFF_UNTIL_SET}), name
    assert tuple(SCHEMA["required"]) == REQUIRED


def test_what_opens_something_is_secret() -> None:
    secret = {name for name, schema in PROPERTIES.items() if schema.get("secret")}
    assert secret == {
        "consumer_key",
        "consumer_secret",
        "ledger_url",
        "webhook_url",
        "sessionboard_access_token",
    }


def test_every_missing_setting_is_named_with_its_variable_and_its_source() -> None:
    missing = sentences({})
    assert len(missing) == len(REQUIRED)
    for name, sentence in zip(REQUIRED, missing, strict=True):
        assert sentence.startswith(f"The setting {name} (TARGET_SWOOGO_{name.upper()}) is missing:")
    for name, sentence in zip(REQUIRED[:2], missing[:2], strict=True):
        assert "My Profile > API Credentials" in sentence, name
    example = re.search(r"\[.*\]", missing[2])
    assert example is not None
    assert json.loads(example[0]) == [pair(4101, 77001)]


@pytest.mark.parametrize("nothing", [None, "", []])
def test_an_empty_setting_is_missing(config: dict[str, Any], nothing: object) -> None:
    for name in REQUIRED:
        (sentence,) = sentences(config | {name: nothing})
        assert f"The setting {name} " in sentence


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ([pair(1, 10), pair(1, 20)], ["uses Sessionboard event 1 more than once"]),
        ([pair(1, 10), pair(2, 10)], ["uses Swoogo event 10 more than once"]),
        (
            [pair(1, 10), pair(1, 10), pair(1, 10)],
            ["uses Sessionboard event 1 more than once", "uses Swoogo event 10 more than once"],
        ),
        ([pair(1, 2), pair(2, 1)], []),
    ],
)
def test_each_event_may_be_mapped_once(
    config: dict[str, Any], mappings: list[dict[str, int]], expected: list[str]
) -> None:
    found = problems(config | {"event_mappings": mappings})
    assert [sentence.partition(":")[0] for sentence in found] == [
        f"event_mappings {what}" for what in expected
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_mappings", "4101:77001"),
        ("event_mappings", [4101]),
        ("event_mappings", [{"sessionboard_event_id": 4101}]),
        ("event_mappings", [pair(1, 2) | {"swogo_event_id": 3}]),
        ("event_mappings", [{"sessionboard_event_id": "one", "swoogo_event_id": 2}]),
        ("session_statuses", ["acepted"]),
        ("roles", ["host"]),
        ("subsessions", "nested"),
        ("speakers", "some"),
        ("timezone_mismatch", "ignore"),
        ("image_max_bytes", 9_999),
        ("max_workers", 0),
        ("max_workers", 33),
        ("quota_reserve_percent", -1),
        ("quota_reserve_percent", 91),
        ("time_budget_minutes", 0),
        ("max_failed_percent", 101),
        ("list_lag_seconds", -1),
        ("dry_run", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused(config: dict[str, Any], name: str, value: object) -> None:
    assert sentences(config | {name: value})


def test_settings_come_from_the_environment_as_meltano_hands_them_over(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "consumer_key": "4101",
        "consumer_secret": "secret",
        "event_mappings": json.dumps([pair(1, 2)]),
        "session_statuses": '["accepted", "pending"]',
        "dry_run": "true",
        "max_workers": "3",
    }
    for name, text in given.items():
        monkeypatch.setenv(f"TARGET_SWOOGO_{name.upper()}", text)
    made = TargetSwoogo(parse_env_config=True).settings
    assert made.event_mappings == ((1, 2),)
    assert made.session_statuses == {"accepted", "pending"}
    assert (made.consumer_key, made.dry_run, made.max_workers) == ("4101", True, 3)
    assert made.api_url == config["api_url"].replace("swoogo.test", "api.swoogo.com")


@pytest.mark.parametrize(
    "name",
    [name for name, schema in PROPERTIES.items() if not {name, *schema} & {*REQUIRED, "enum"}],
)
def test_null_is_the_default_or_refused(config: dict[str, Any], name: str) -> None:
    made = settings_or_refusal(config | {name: None})
    plain = settings_or_refusal({key: value for key, value in config.items() if key != name})
    assert made is None or getattr(made, name) == getattr(plain, name)


def settings_or_refusal(config: dict[str, Any]) -> Settings | None:
    try:
        return TargetSwoogo(config=config).settings
    except ConfigValidationError:
        return None
