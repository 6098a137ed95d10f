"""What the commands share: where settings come from, and how results and failures are shown."""

from __future__ import annotations

import functools
import os
import re
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from singer_sdk.configuration._dict_config import parse_environment_config
from typing_extensions import override

from target_swoogo.errors import TargetError
from target_swoogo.glance import Glance
from target_swoogo.html import clean_text
from target_swoogo.ledger import Ledger
from target_swoogo.settings import SCHEMA
from target_swoogo.settings_validation import problems
from target_swoogo.target import TargetSwoogo
from target_swoogo.wording import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment

    from target_swoogo.report import RunReport

FAILED = 1
"""Exit code: it could not be done. (2 is a command line that is not understood.)"""

ATTENTION = 3
"""Exit code: it was done, and a person should look at what it says."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Unicode's explicit directional embeddings, overrides and isolates."""

_UNSHOWN = re.compile(f"{_TURNING.pattern}|[\x7f-\x9f]")
"""What JSON may hold as it is, and a terminal should not get."""

_PREFIX = "TARGET_SWOOGO_"
_LONGEST = 60
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


# What is shown


def screen() -> Console:
    """The terminal; in a pipe, plain text that is not cut to a width.

    What records hold is never taken for markup.
    """
    return _Screen(
        width=None if sys.stdout.isatty() else 100,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


class _Screen(Console):
    """Shows nothing that a terminal would obey, or that would make a text read otherwise."""

    @override
    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text))


def harmless(text: str) -> str:
    """A text without control characters, and without what turns the direction of letters round."""
    return _TURNING.sub("", clean_text(text))


def say(out: Console, *sentences: str) -> None:
    """Print sentences; the terminal wraps them, so that addresses and commands stay whole."""
    for sentence in sentences:
        out.print(sentence, soft_wrap=True)


def table(*columns: str, numbers: int = 0) -> Table:
    """A table that is narrow enough for a terminal.

    Args:
        columns: The heads.
        numbers: How many of the last columns hold numbers.
    """
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    words = len(columns) - numbers
    for place, name in enumerate(columns):
        if place < words:
            # An id is there to be copied.
            made.add_column(name, overflow="fold", no_wrap=name == "Id")
        else:
            made.add_column(name, justify="right", no_wrap=True)
    return made


def cell(value: object, longest: int = _LONGEST) -> str:
    """A value on one line, with nothing in it that a terminal would obey."""
    if value is None or value == "":
        return "nothing"
    text = " ".join(harmless(str(value)).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def quoted(name: str) -> str:
    """What somebody asked for; of an e-mail address, no more than can be recognised."""
    return f'"{masked(cell(name)) if "@" in name else cell(name)}"'


def print_json(data: object) -> None:
    """Print plain data for scripts."""
    text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    click.echo(_UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def ago(since: str, now: datetime) -> str:
    """How long ago an instant was, in words.

    Args:
        since: ISO text, with its offset.
        now: The present.
    """
    seconds = int((now - datetime.fromisoformat(since)).total_seconds())
    for size, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= 2 * size or (size == _MINUTE and seconds >= size):
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def clock(instant: str) -> str:
    """An instant as people read it, in UTC."""
    return f"{datetime.fromisoformat(instant).astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


# Where settings come from


def target(*, checked: bool = True, **overrides: Any) -> TargetSwoogo:
    """The target with its settings from the environment, under Meltano's names for them.

    Args:
        checked: Whether settings must be complete; what only looks at the ledger needs few.
        overrides: Settings that a command decides.

    Raises:
        TargetError: A setting is missing or wrong.
    """
    config = _environment() | overrides
    made = TargetSwoogo(config=config, validate_config=False)
    if checked and (wrong := problems({**made.config}, made.config_jsonschema)):
        raise TargetError("setting_invalid", " ".join(wrong))
    return made


def offline_target() -> TargetSwoogo:
    """The target of commands that call nobody: credentials and mappings may be missing.

    Raises:
        TargetError: A setting is wrong.
    """
    made = TargetSwoogo(config={"event_mappings": []} | _environment(), validate_config=False)
    judged = {**made.config} | {n: v for n, v in _STAND_IN.items() if not made.config.get(n)}
    if wrong := problems(judged, made.config_jsonschema):
        raise TargetError("setting_invalid", " ".join(wrong))
    return made


_STAND_IN = {
    "consumer_key": "-",
    "consumer_secret": "-",
    "event_mappings": [{"sessionboard_event_id": 0, "swoogo_event_id": 0}],
}
"""For settings that are needed, but not by those who call nobody."""


def _environment() -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, schema in SCHEMA["properties"].items():
        try:
            # Meltano's environment, not a .env file: its settings are for another plugin, perhaps.
            config |= parse_environment_config({"properties": {name: schema}}, _PREFIX, os.devnull)
        except ValueError:
            variable = f"{_PREFIX}{name.upper()}"
            raise TargetError(
                "setting_invalid",
                f"The setting {name} ({variable}) cannot be read; give a number as digits, and a "
                f"list as JSON.",
            ) from None
    return config


def ledger_url() -> str:
    """Where the ledger is."""
    return str(target(checked=False).config["ledger_url"])


@contextmanager
def holding(*, url: str | None = None, dry_run: bool = False) -> Iterator[Ledger]:
    """Hold the ledger, as a run does; none is made where there is none.

    Args:
        url: Where it is; as the settings say where None.
        dry_run: Keep nothing that is written.

    Raises:
        TargetError: There is none, a run is at work on it, or it cannot be used.
    """
    url = url or ledger_url()
    Glance.at(url).close()
    with Ledger.open(url, dry_run=dry_run) as ledger:
        yield ledger


# How it ends


@contextmanager
def explaining(*, as_json: bool = False) -> Iterator[None]:
    """End with one sentence where something fails that a person can mend.

    Args:
        as_json: Whether scripts are told as well.
    """
    try:
        yield
    except TargetError as error:
        if as_json:
            print_json({"error": {"code": error.code, "message": str(error)}})
        _tell(error.code, str(error))
        sys.exit(FAILED)


def _tell(code: str, sentence: str) -> None:
    click.echo(f"{harmless(sentence)} [{code}]", err=True)


def exit_code(report: RunReport) -> int:
    """What scripts are told of a run or a plan; what stopped a pair is said on stderr."""
    stopped = [pair.error for pair in report.pairs if pair.error]
    for code, sentence in stopped:
        _tell(code, sentence)
    if stopped:
        return FAILED
    unsure = any(
        pair.failures() or pair.held() or any(note.code == "ambiguous" for note in pair.skips())
        for pair in report.pairs
    )
    late = any(pair.postponed or pair.pending() for pair in report.pairs)
    return ATTENTION if unsure or late else 0


def explained(command: Callable[..., int | None]) -> Callable[..., None]:
    """Make a command of a function that returns its exit code; None stands for 0."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        with explaining(as_json=kwargs.get("as_json", False)):
            sys.exit(command(*args, **kwargs) or 0)

    return run
