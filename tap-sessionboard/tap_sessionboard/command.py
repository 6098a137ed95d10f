"""The command line, on which a failure that the user can mend is one sentence."""

from __future__ import annotations

import io
import json
import sys
import typing as t

import click
from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    MappingError,
    RetriableAPIError,
)
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override


class TapCommand(SingerCommand):
    """The tap's command: known failures end it with status 1 and no traceback.

    Anything else is a bug, and keeps the traceback that the SDK prints.
    """

    @override
    def main(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return super().main(*args, **kwargs)
        except (ConfigurationError, FatalAPIError, MappingError, RetriableAPIError) as error:
            self.logger.error("%s", error)  # noqa: TRY400 (the sentence says all there is to do)
            sys.exit(1)


class JSONFile(click.File):
    """A file that must hold a JSON object."""

    @override
    def convert(
        self,
        value: t.Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> io.StringIO:
        with super().convert(value, param, ctx) as file:
            text = file.read()
        try:
            is_object = isinstance(json.loads(text), dict)
        except ValueError:
            is_object = False
        if not is_object:
            option = param.opts[0] if param else "option"
            msg = f"The file given with {option}, {value}, does not hold a JSON object."
            raise ConfigurationError(msg)
        return io.StringIO(text)
