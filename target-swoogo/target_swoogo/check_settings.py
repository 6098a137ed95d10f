"""The settings, judged one by one, so that one mistake does not hide another."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk.configuration._dict_config import parse_environment_config

from target_swoogo.check import Line, error, fine, warning
from target_swoogo.settings import SCHEMA, Settings
from target_swoogo.settings_validation import is_local, is_safe, is_web, judged, with_flags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX = "TARGET_SWOOGO_"
_TAP_PREFIX = "TAP_SESSIONBOARD_"
_TAP_SETTINGS = (
    "access_token",
    "region",
    "api_url",
    "event_ids",
    "start_date",
    "lookback_minutes",
    "full_read_hours",
    "page_size",
    "request_timeout_seconds",
    "user_agent",
)
"""The settings of tap-sessionboard, which shares the project's environment."""

_MEANT = 0.75
"""A name that agrees so far with a setting's was meant for it (`difflib`)."""

_ABOUT = "Settings"
_SWOOGO_IMAGE_LIMIT = 1_000_000
"""Swoogo takes images up to 1 MB (Sessionboard's Swoogo article)."""


@dataclass(frozen=True, slots=True)
class SettingsSeen:
    """The settings, as far as they can be used.

    Attributes:
        settings: What is usable, and defaults in place of the rest.
        lines: What is to be said of them.
    """

    settings: Settings
    lines: list[Line]


def look_at_settings(environ: Mapping[str, str]) -> SettingsSeen:
    """Read the settings from the environment and judge each.

    Args:
        environ: The environment.
    """
    defaults = {
        name: schema["default"]
        for name, schema in SCHEMA["properties"].items()
        if "default" in schema
    }
    given, unread = _read()
    usable, problems = judged(with_flags(defaults | given))
    lines = list(unread.values())
    lines += [
        _invalid(sentence)
        for sentence in problems
        if not any(f"The setting {name} " in sentence for name in unread)
    ]
    missing = {"consumer_key": "", "consumer_secret": "", "event_mappings": []}
    settings = Settings.from_config(missing | defaults | usable)
    lines += _doubts(settings)
    lines += _misspelt(environ)
    lines += _left_unread(environ, settings)
    if not lines:
        lines.append(fine(_ABOUT, "Every setting is valid."))
    if settings.dry_run:
        lines.append(fine(_ABOUT, "dry_run is on: runs report, and change nothing."))
    return SettingsSeen(settings, lines)


def _read() -> tuple[dict[str, Any], dict[str, Line]]:
    """The settings that can be read, and a line for each that cannot."""
    config: dict[str, Any] = {}
    unread: dict[str, Line] = {}
    for name, schema in SCHEMA["properties"].items():
        try:
            config |= parse_environment_config({"properties": {name: schema}}, _PREFIX, os.devnull)
        except ValueError:
            variable = f"{_PREFIX}{name.upper()}"
            kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
            sentence = f"The setting {name} ({variable}) cannot be read: {_FORMS[kind]}"
            unread[name] = _invalid(sentence)
    return config, unread


_FORMS = {
    "integer": "it must be a whole number.",
    "array": 'it must be a list in JSON, such as ["accepted"] or [{"sessionboard_event_id": 4101, '
    '"swoogo_event_id": 77001}].',
}


def _misspelt(environ: Mapping[str, str]) -> Iterator[Line]:
    """Variables that nobody reads, and that were meant for a setting."""
    for prefix, names in ((_PREFIX, list(SCHEMA["properties"])), (_TAP_PREFIX, _TAP_SETTINGS)):
        for variable in sorted(environ):
            name = variable.removeprefix(prefix).lower()
            # Meltano's own begin with another underscore.
            ours = variable.startswith(prefix) and not name.startswith("_")
            if not ours or name in names:
                continue
            for meant in get_close_matches(name, names, 1, _MEANT):
                yield warning(
                    _ABOUT,
                    "setting_unknown",
                    f"The environment has {variable}, which is no setting.",
                    f"Write {prefix}{meant.upper()}, if that is what is meant.",
                )


def _left_unread(environ: Mapping[str, str], settings: Settings) -> Iterator[Line]:
    """Events that are mapped, and not among those that the tap reads."""
    variable = f"{_TAP_PREFIX}EVENT_IDS"
    given = environ.get(variable)
    if not given:
        return
    try:
        read = {int(event_id) for event_id in json.loads(given)}
    except (ValueError, TypeError):
        yield _invalid(f"The tap's setting event_ids ({variable}) is not a list such as [4101].")
        return
    for ours, _ in settings.event_mappings if read else ():
        if ours not in read:
            yield error(
                _ABOUT,
                "event_not_read",
                f"Sessionboard event {ours} is mapped, but the tap's setting event_ids "
                f"({variable}) leaves it out, so it is never read.",
                f"Add {ours} to {variable}, or remove that variable to read every event.",
            )


def _invalid(sentence: str) -> Line:
    return error(_ABOUT, "setting_invalid", sentence, _CORRECT)


_CORRECT = "Correct it; the README lists every setting."


def _doubts(settings: Settings) -> Iterator[Line]:
    """What is valid by itself, and yet cannot be meant."""
    if is_web(settings.api_url) and not is_safe(settings.api_url):
        yield warning(
            _ABOUT,
            "setting_doubtful",
            "The setting api_url is not an https address: whatever is on the way can read the "
            "consumer key and secret, so that the check does not send them.",
            "Write https://, as in the default.",
        )
    if settings.allow_private_images and not is_local(settings.api_url):
        yield warning(
            _ABOUT,
            "setting_doubtful",
            "The setting allow_private_images is on: whoever can enter an image's address in "
            "Sessionboard can have this machine call servers of your own network.",
            "Turn it off, unless your images are kept there.",
        )
    for setting, given in (
        ("session_statuses", settings.session_statuses),
        ("roles", settings.roles),
    ):
        if not given:
            yield warning(
                _ABOUT,
                "setting_doubtful",
                f"The setting {setting} is an empty list, so nothing of that kind is synced.",
                "Remove the setting for its default.",
            )
    if settings.image_max_bytes > _SWOOGO_IMAGE_LIMIT:
        yield warning(
            _ABOUT,
            "setting_doubtful",
            f"The setting image_max_bytes is {settings.image_max_bytes:,}; Swoogo takes images "
            f"of up to {_SWOOGO_IMAGE_LIMIT:,} bytes.",
            "Lower it, unless your account is known to take larger ones.",
        )
    if settings.report_path and not can_make(Path(settings.report_path).resolve() / "report"):
        yield warning(
            _ABOUT,
            "setting_doubtful",
            "The setting report_path names a folder in which nothing can be written.",
            "Name another, or see that you may write there.",
        )
    if ".meltano" in settings.ledger_url:
        yield warning(
            _ABOUT,
            "setting_doubtful",
            "The setting ledger_url points into .meltano, which people delete to start afresh.",
            "Keep the ledger elsewhere: it remembers what is in Swoogo.",
        )


def can_make(file: Path) -> bool:
    """Whether a file that does not exist could be made, with the folders above it."""
    folder = next(parent for parent in file.parents if parent.exists())
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
