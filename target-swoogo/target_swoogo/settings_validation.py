"""What the settings may be.

A run refuses what the command check calls an error, in the same sentence.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from target_swoogo.settings import FLAGS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HELP = {
    "consumer_key": (
        "The setting consumer_key (TARGET_SWOOGO_CONSUMER_KEY) is missing: copy the consumer key "
        "from Swoogo, My Profile > API Credentials."
    ),
    "consumer_secret": (
        "The setting consumer_secret (TARGET_SWOOGO_CONSUMER_SECRET) is missing: copy the consumer "
        "secret from Swoogo, My Profile > API Credentials."
    ),
    "event_mappings": (
        "The setting event_mappings (TARGET_SWOOGO_EVENT_MAPPINGS) is missing: list at least one "
        'pair, such as [{"sessionboard_event_id": 4101, "swoogo_event_id": 77001}]; both ids stand '
        "in the address of the event's page."
    ),
}

_WORDS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)


def with_flags(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which what says true or false in words is a boolean; the rest is kept.

    Args:
        config: The configuration as given.
    """
    said = {
        name: _WORDS[word] for name in FLAGS if (word := str(config.get(name)).lower()) in _WORDS
    }
    return {**config, **said}


def problems(config: Mapping[str, Any], schema: Mapping[str, Any] = SCHEMA) -> list[str]:
    """Say what is wrong with a configuration, without its values: they may be secrets.

    Args:
        config: The configuration, as `with_flags` gives it.
        schema: Of all its settings, the SDK's own included.

    Returns:
        One sentence for each problem; none where all is well.
    """
    return judged(config, schema)[1]


def judged(
    config: Mapping[str, Any], schema: Mapping[str, Any] = SCHEMA
) -> tuple[dict[str, Any], list[str]]:
    """Judge every setting, so that one problem does not hide another.

    Args:
        config: The configuration, as `with_flags` gives it.
        schema: Of all its settings, the SDK's own included.

    Returns:
        The settings that have the form they must have, and one sentence for each problem.
    """
    missing = {name: text for name, text in _HELP.items() if not config.get(name)}
    given = {name: value for name, value in config.items() if name not in missing}
    errors = [
        error
        for error in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(given)
        if error.path or error.validator != "required"  # those are in `missing`
    ]
    broken = {error.path[0] for error in errors if error.path}
    usable = {name: value for name, value in given.items() if name not in broken}
    return usable, [*missing.values(), *map(_explained, errors), *_beyond_the_schema(usable)]


def _explained(error: Any) -> str:
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.path)
    setting, rule = name.removeprefix(".") or "configuration", str(error.validator)
    if setting in FLAGS:
        return f"The setting {setting} is not valid: it must be true or false."
    if rule in {"required", "additionalProperties"}:  # their messages show names only
        return f"The setting {setting} is not valid: {error.message}."
    demand = error.validator_value
    wanted = ", ".join(map(str, demand)) if isinstance(demand, list) else str(demand)
    return f"The setting {setting} is not valid: its {rule} must be {wanted}."


def _beyond_the_schema(config: Mapping[str, Any]) -> Iterator[str]:
    pairs = config.get("event_mappings", [])
    yield from _used_twice(pairs, "sessionboard_event_id", "Sessionboard")
    yield from _used_twice(pairs, "swoogo_event_id", "Swoogo")
    api_url, webhook_url = config.get("api_url"), config.get("webhook_url")
    if api_url is not None and not is_web(api_url):
        yield "The setting api_url is not valid: it must be a whole address, with https://."
    if webhook_url and not is_safe(webhook_url):
        yield "The setting webhook_url is not valid: it must be a whole address, with https://."


def _used_twice(pairs: list[dict[str, Any]], side: str, name: str) -> list[str]:
    ids = [pair[side] for pair in pairs]
    return [
        f"event_mappings uses {name} event {event_id} more than once: one Sessionboard event goes "
        f"to one Swoogo event, so remove all but one of its pairs."
        for event_id in dict.fromkeys(ids)
        if ids.count(event_id) > 1
    ]


# Addresses


def is_web(address: str) -> bool:
    """Whether it is a whole address of the web."""
    parts = _split(address)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def is_safe(address: str) -> bool:
    """Whether what is sent there cannot be read on the way."""
    return is_web(address) and (_split(address).scheme == "https" or is_local(address))


def is_local(address: str) -> bool:
    """Whether an address is this machine's own."""
    host = _split(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
