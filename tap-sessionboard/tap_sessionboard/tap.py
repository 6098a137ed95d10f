"""The tap: its settings and how they are checked."""

from __future__ import annotations

import dataclasses
import logging
import typing as t
from functools import cached_property
from urllib.parse import urlsplit

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR
from typing_extensions import override

from tap_sessionboard.ahead import Ahead
from tap_sessionboard.client import REGIONS, api_url
from tap_sessionboard.command import JSONFile, TapCommand
from tap_sessionboard.connections import connect
from tap_sessionboard.encoding import Writer
from tap_sessionboard.records import MaskedEmails, parse_timestamp
from tap_sessionboard.streams import FULL_READ_AT, FULL_READ_COUNTS, STREAMS

if t.TYPE_CHECKING:
    import click
    import requests
    from singer_sdk import Stream
    from singer_sdk.plugin_base import _ConfigInput


class TapSessionboard(Tap):
    """Singer tap for the programme of a conference in Sessionboard."""

    name = "tap-sessionboard"
    message_writer_class = Writer

    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        th.Property(
            "access_token",
            th.StringType(pattern=r"^\s*[!-~]+\s*$"),
            required=True,
            secret=True,
            title="Access token",
            description="API token of the Sessionboard organisation, with the read scopes.",
        ),
        th.Property(
            "region",
            th.StringType,
            default="us",
            allowed_values=[*REGIONS],
            title="Region",
            description="Where the organisation is hosted: us, eu or me (Middle East).",
        ),
        th.Property(
            "api_url",
            th.StringType,
            title="API URL",
            description="Base URL of the API, without `/v1`; used in place of the region's.",
            examples=["https://public-api.sessionboard.com"],
        ),
        th.Property(
            "event_ids",
            th.ArrayType(th.IntegerType),
            title="Event IDs",
            description="The events to read; unset means every event that the token can see.",
            examples=[[3950]],
        ),
        th.Property(
            "start_date",
            th.DateTimeType,
            title="Start date",
            description="Read only what was updated after this moment; unset means everything.",
            examples=["2026-01-01T00:00:00Z"],
        ),
        th.Property(
            "lookback_minutes",
            th.IntegerType(minimum=0),
            default=5,
            title="Look-back in minutes",
            description=(
                "How far before its bookmark a read starts. Sessionboard's searches may be "
                "3 minutes stale, so less than that can miss changes."
            ),
        ),
        th.Property(
            "full_read_hours",
            th.IntegerType(minimum=0),
            default=1,
            title="Hours between full reads",
            description=(
                "How often everything is read again, for changes that leave a record's "
                "`updated_at` as it was; 0 means on every run."
            ),
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1, maximum=100),
            default=100,
            title="Page size",
            description="Records asked for at once, at most 100.",
        ),
        th.Property(
            "request_timeout_seconds",
            th.IntegerType(minimum=1),
            default=60,
            title="Request timeout in seconds",
            description="How long to wait for an answer before trying again.",
        ),
        th.Property(
            "user_agent",
            th.StringType,
            title="User agent",
            description="The User-Agent header to send in place of the tap's name and version.",
        ),
        additional_properties=False,
    ).to_dict()

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        self.masked_emails = MaskedEmails()
        self.ahead = Ahead()
        # People read this log: the place of each stream among the others, what the SDK says of each
        # list of each event, and figures of single requests are for those who ask for more.
        level, is_usual = self.logger.level, self.logger.getEffectiveLevel() == logging.INFO
        if is_usual:
            self.logger.setLevel(logging.WARNING)
        try:
            super().__init__(*args, **kwargs)
            streams = self.streams.values()
        finally:
            self.logger.setLevel(level)
        if is_usual:
            for stream in streams:
                stream.logger.setLevel(logging.WARNING)
        if self.metrics_logger.level == logging.INFO:
            self.metrics_logger.setLevel(logging.WARNING)

    @cached_property
    def session(self) -> requests.Session:
        """The connections of all streams; made when the settings have been checked."""
        return connect(api_url(self.config))

    @override
    def discover_streams(self) -> list[Stream]:
        return [stream(self) for stream in STREAMS]

    @override
    def load_state(self, state: dict[str, t.Any]) -> None:
        try:
            for stream in state.get("bookmarks", {}).values():
                for partition in stream.get("partitions", ()):
                    for key in {"replication_key_value", FULL_READ_AT} & set(partition):
                        parse_timestamp(partition[key])
                    list(map(int, partition.get(FULL_READ_COUNTS, ())))
                    dict(partition["context"])
            super().load_state(state)
        except (AttributeError, KeyError, TypeError, ValueError):
            msg = (
                "The state given is not one that tap-sessionboard wrote: "
                "give its last state, or none to read everything."
            )
            raise ConfigurationError(msg) from None

    # Command line

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        for parameter in command.params:
            if parameter.name in {"catalog", "state"}:
                parameter.type = JSONFile()
        return TapCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            help=command.help,
            logger=cls.logger,
            params=command.params,
        )

    @classmethod
    @override
    def cb_config(
        cls,
        ctx: click.Context,
        param: click.Option,
        value: tuple[str, ...],
    ) -> _ConfigInput:
        try:
            given = super().cb_config(ctx, param, value)
        except (OSError, TypeError, ValueError) as error:
            msg = f"The configuration given with --config cannot be read: {error}"
            raise ConfigurationError(msg) from None
        if not given.parse_env:
            return given
        try:
            config = {**given.config, **cls._env_var_config}
        except (TypeError, ValueError):
            # The error would show the value, and someone may have put the token there.
            msg = (
                "An environment variable of the tap cannot be read: "
                "TAP_SESSIONBOARD_EVENT_IDS takes a list such as [3950, 3951], and the settings "
                "that count something take whole numbers."
            )
            raise ConfigurationError(msg) from None
        return dataclasses.replace(given, config=config, parse_env=False)

    # Settings

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        try:
            # Asked to raise, the SDK does not also log a warning, which --discover without a
            # configuration would show for nothing.
            super()._validate_config(raise_errors=True)
        except ConfigValidationError as error:
            if not raise_errors:
                return error.errors
            validator = DEFAULT_JSONSCHEMA_VALIDATOR(error.schema)
            problems = [_explain(problem) for problem in validator.iter_errors(self._config)]
            raise ConfigurationError(" ".join(problems)) from None
        if raise_errors:
            self._check_formats()
        return []

    def _check_formats(self) -> None:
        """Check what a JSON schema does not.

        Raises:
            ConfigurationError: A date or a URL is none.
        """
        if start_date := self.config.get("start_date"):
            try:
                parse_timestamp(start_date)
            except ValueError:
                msg = "The setting start_date must be a moment such as 2026-01-01T00:00:00Z."
                raise ConfigurationError(msg) from None
        if url := self.config.get("api_url"):
            try:
                parts = urlsplit(url)
                is_url = parts.scheme in {"http", "https"} and bool(parts.hostname)
            except ValueError:
                is_url = False
            if not is_url:
                msg = (
                    "The setting api_url must be a URL such as https://public-api.sessionboard.com."
                )
                raise ConfigurationError(msg)


def _explain(problem: t.Any) -> str:
    """Say in a sentence what is wrong with a setting, without showing its value."""
    name = str(problem.path[0]) if problem.path else ""
    rule, demand = str(problem.validator), problem.validator_value
    if name == "access_token" or rule == "required":
        return (
            "The setting access_token is missing or is no token: set it, or the environment "
            "variable TAP_SESSIONBOARD_ACCESS_TOKEN, to an API token of your Sessionboard "
            "organisation; an administrator creates one in the organisation's settings, where "
            "API tokens are managed."
        )
    if rule == "additionalProperties":
        return f"{problem.message.replace('Additional properties', 'Unknown settings')}."
    if rule in {"type", "items"}:
        wanted = [kind for kind in demand if kind != "null"]
        return f"The setting {name} must be of type {' or '.join(wanted)}."
    if rule == "enum":
        return f"The setting {name} must be one of {', '.join(map(str, demand))}."
    return f"The setting {name} must have a {rule} of {demand}."
