"""The settings: what is missing or wrong is said in sentences, before anything is done."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from singer_sdk.exceptions import ConfigValidationError
from target_swoogo.console import offline_target, target
from target_swoogo.errors import TargetError
from target_swoogo.settings import FLAGS, SCHEMA, SENT_FIELDS, Settings
from target_swoogo.settings_validation import problems
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
        ("create_only_fields", ["session.titel"]),
        ("create_only_fields", ["session.id"]),
        ("api_url", ""),
        ("api_url", "api.swoogo.com"),
        ("api_url", "ftp://api.swoogo.com"),
        ("api_url", "https://[no"),
        ("webhook_url", "http://hooks.test/path"),
        ("webhook_url", "hooks.test/path"),
        ("webhook_url", "https://"),
        ("webhook_url", "https://[path"),
    ],
)
def test_a_wrong_value_is_refused(config: dict[str, Any], name: str, value: object) -> None:
    (sentence, *_) = sentences(config | {name: value})
    assert sentence.startswith(f"The setting {name}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("create_only_fields", list(SENT_FIELDS)),
        ("api_url", "http://swoogo.test/api/v1"),
        ("webhook_url", ""),
        ("webhook_url", "https://hooks.test/path"),
        ("webhook_url", "http://127.0.0.1:8080/path"),
        ("webhook_url", "http://[::1]/path"),
        ("webhook_url", "http://localhost/path"),
    ],
)
def test_what_is_allowed_is_taken(config: dict[str, Any], name: str, value: object) -> None:
    assert problems(config | {name: value}) == []


def test_one_problem_does_not_hide_another(config: dict[str, Any]) -> None:
    wrong = {"consumer_key": "", "max_workers": 99, "dry_run": "no way", "webhook_url": "http://x"}
    found = " ".join(sentences(config | wrong))
    assert [name for name in wrong if f"The setting {name} " in found] == list(wrong)
    assert len(sentences(config | wrong)) == len(wrong)


# True or false


def test_the_settings_that_are_true_or_false_are_typed_so() -> None:
    assert set(FLAGS) == {field.name for field in fields(Settings) if field.type == "bool"}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ((True, "true", "True", "TRUE", "1", 1, "yes", "Yes", "on", "ON"), True),
        ((False, "false", "False", "FALSE", "0", 0, "no", "No", "off", "OFF"), False),
    ],
)
@pytest.mark.parametrize("name", FLAGS)
def test_words_for_true_and_false_are_understood(
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    words: tuple[object, ...],
    *,
    meant: bool,
) -> None:
    for word in words:
        assert getattr(TargetSwoogo(config=config | {name: word}).settings, name) is meant
        monkeypatch.setenv(f"TARGET_SWOOGO_{name.upper()}", str(word))
        made = TargetSwoogo(config=dict(config), parse_env_config=True)
        assert getattr(made.settings, name) is meant


@pytest.mark.parametrize("word", ["yess", "", " true", "truefalse", "none", "2", 2, 1.0, [True]])
@pytest.mark.parametrize("name", FLAGS)
def test_any_other_word_is_refused_and_not_shown(
    config: dict[str, Any], name: str, word: object
) -> None:
    expected = f"The setting {name} is not valid: it must be true or false."
    assert sentences(config | {name: word}) == [expected]


@pytest.mark.parametrize("name", FLAGS)
def test_a_misspelt_word_in_the_environment_is_refused_by_all_who_read_it(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The SDK would take it for false, and so a dry run for a real one."""
    for required in REQUIRED:
        value = config[required]
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"TARGET_SWOOGO_{required.upper()}", text)
    monkeypatch.setenv(f"TARGET_SWOOGO_{name.upper()}", "yess")
    expected = f"The setting {name} is not valid: it must be true or false."
    with pytest.raises(ConfigValidationError) as refused:
        TargetSwoogo(parse_env_config=True)
    assert refused.value.errors == [expected]
    for made in (target, offline_target):
        with pytest.raises(TargetError, match=re.escape(expected)):
            made()


def test_a_run_that_is_refused_says_why_with_a_code(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARGET_SWOOGO_DRY_RUN", "yess")
    assert CliRunner().invoke(TargetSwoogo.cli, ["--config", "ENV"]).exit_code == 1
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == len(REQUIRED) + 1
    assert all(sentence.endswith(". [setting_invalid]") for sentence in said)


# Where they come from


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
