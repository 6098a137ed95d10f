"""The command check: whether a sync can work, and what to do where it cannot."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from target_swoogo import check
from target_swoogo.check import EventSeen, Level, Line, fine
from target_swoogo.check_ledger import look_at_ledger
from target_swoogo.check_settings import look_at_settings
from target_swoogo.check_systems import ask_sessionboard, ask_swoogo, dated
from target_swoogo.console import ATTENTION, FAILED, explained, json_option, print_json, screen
from target_swoogo.swoogo import levels_among
from target_swoogo.values import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console, RenderableType

    from target_swoogo.check_ledger import LedgerSeen
    from target_swoogo.check_systems import SessionboardSeen, SwoogoSeen
    from target_swoogo.settings import Settings

VERSION = 1
"""Of the shape of the JSON."""

_UNKNOWN = {"sessionboard_event_unknown", "swoogo_event_unknown"}
"""Why a pair that is mapped cannot be meant."""

_STYLES = {Level.FINE: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


@dataclass
class Checked:
    """What the check found.

    Attributes:
        lines: One for each thing that was looked at.
        ours: The events of Sessionboard.
        theirs: The events of Swoogo.
        mappings: The pairs there are.
        proposed: The pairs that are proposed.
        spent: The credits of Swoogo's quota that it took.
        left: The credits left.
    """

    lines: list[Line]
    ours: list[EventSeen]
    theirs: list[EventSeen]
    mappings: Sequence[tuple[int, int]]
    proposed: list[tuple[int, int]]
    spent: int
    left: int | None

    @property
    def exit_code(self) -> int:
        """0 where all is fine, 3 with warnings, 1 with errors."""
        levels = {line.level for line in self.lines}
        if Level.ERROR in levels:
            return FAILED
        return ATTENTION if Level.WARNING in levels else 0

    def as_json(self) -> dict[str, Any]:
        """As plain data, of shape `VERSION`.

        Returns:
            `version`; `fine`, whether nothing else was found; `lines`, each with `level` (fine,
            warning or error), `about`, `code` (null where it is fine), `found` and `todo`;
            `events`, with the lists `sessionboard` and `swoogo` of events, each with `id`, `name`,
            `timezone`, `first` and `last` day, and `mapped_to`, an id or null; `proposed_mappings`,
            as the setting event_mappings takes them; `credits_used` and `credits_left`.
        """
        ours, theirs = dict(self.mappings), {other: one for one, other in self.mappings}
        return {
            "version": VERSION,
            "fine": self.exit_code == 0,
            "lines": [
                {
                    "level": line.level.value,
                    "about": line.about,
                    "code": line.code,
                    "found": line.found,
                    "todo": line.todo,
                }
                for line in self.lines
            ],
            "events": {
                "sessionboard": [_event_json(event, ours) for event in self.ours],
                "swoogo": [_event_json(event, theirs) for event in self.theirs],
            },
            "proposed_mappings": [
                {"sessionboard_event_id": one, "swoogo_event_id": other}
                for one, other in self.proposed
            ],
            "credits_used": self.spent,
            "credits_left": self.left,
        }


@click.command("check")
@json_option
@explained
def check_command(*, as_json: bool) -> int:
    """Check settings, ledger, both systems and the event pairs, and say what to do.

    Changes nothing anywhere. Exits with 0 where all is fine, 3 with warnings, 1 with errors.
    """
    checked = run_check(os.environ)
    if as_json:
        print_json(checked.as_json())
    else:
        _print(screen(), checked)
    return checked.exit_code


def run_check(environ: Mapping[str, str]) -> Checked:
    """Look at everything that a sync needs.

    Args:
        environ: The environment, with the settings of this target, and perhaps of the tap.
    """
    seen = look_at_settings(environ)
    settings = seen.settings
    ledger = look_at_ledger(settings)
    swoogo = ask_swoogo(settings)
    sessionboard = ask_sessionboard(settings, environ)
    mappings = settings.event_mappings
    # Where Sessionboard could not be asked, the ledger knows the events that are mapped.
    ours = sessionboard.events
    if ours is None:
        ours = [dated(pair.event, pair.starts) for pair in ledger.pairs.values()]
    theirs = swoogo.events or []
    lines_of_pairs = {
        mapping: _pair_lines(mapping, settings, ledger, swoogo, sessionboard)
        for mapping in mappings
    }
    right = [
        mapping
        for mapping, lines in lines_of_pairs.items()
        if not any(line.level is Level.ERROR for line in lines)
    ]
    likely = ((one.id, other.id) for one, other in check.proposals(ours, theirs, right))
    proposed = [pair for pair in likely if pair not in mappings]
    lines = [*seen.lines, *ledger.lines, *swoogo.lines, *sessionboard.lines]
    if proposed:
        doubtful = [mapping for mapping in mappings if mapping not in right]
        used = {one for one, _ in proposed}, {other for _, other in proposed}
        kept = [
            (one, other)
            for one, other in doubtful
            if one not in used[0]
            and other not in used[1]
            and not any(line.code in _UNKNOWN for line in lines_of_pairs[one, other])
        ]
        text = check.mapping_text([*right, *kept, *proposed])
        count = f"{len(proposed)} pair{'s' if len(proposed) > 1 else ''}"
        lines.append(
            fine(
                "Events",
                f"Not mapped, but likely to belong together: {count}.",
                f"To sync them: TARGET_SWOOGO_EVENT_MAPPINGS='{text}'",
            )
        )
    for of_pair in lines_of_pairs.values():
        lines += of_pair
    return Checked(lines, ours, theirs, mappings, proposed, swoogo.spent, swoogo.left)


# Event pairs


def _pair_lines(
    mapping: tuple[int, int],
    settings: Settings,
    ledger: LedgerSeen,
    swoogo: SwoogoSeen,
    sessionboard: SessionboardSeen,
) -> list[Line]:
    ours, theirs = mapping
    kept = ledger.pairs.get(mapping)
    lines = check.events_known(mapping, sessionboard.events, swoogo.events)
    one = _of(ours, sessionboard.events or ([kept.event] if kept else []))
    other = _of(theirs, swoogo.events or [])
    starts = sessionboard.starts.get(ours) or (kept.starts if kept else [])
    if one is not None and other is not None:
        lines.append(
            check.zones(mapping, one.timezone, other.timezone, starts, settings.timezone_mismatch)
        )
    if theirs in swoogo.sponsor_fields:
        fields = swoogo.sponsor_fields[theirs]
        names = [line(str(choice.get("name"))) or "" for choice in levels_among(fields)]
        tiers = kept.tiers if kept else []
        lines += check.levels(mapping, names, tiers, settings.sponsor_tier_field)
        lines += check.required_fields(mapping, fields, kept.refusals if kept else [])
    return lines


def _of(event_id: int, events: Iterable[EventSeen]) -> EventSeen | None:
    return next((event for event in events if event.id == event_id), None)


# How it is shown


def _event_json(event: EventSeen, mapped: Mapping[int, int]) -> dict[str, Any]:
    return {
        "id": event.id,
        "name": event.name,
        "timezone": event.timezone,
        "first": event.first,
        "last": event.last,
        "mapped_to": mapped.get(event.id),
    }


def _print(console: Console, checked: Checked) -> None:
    for about, lines in groupby(checked.lines, key=lambda one: one.about):
        console.print(Text(about, style="bold"))
        for one in lines:
            console.print(_line(one))
        console.print()
    if checked.ours or checked.theirs:
        console.print(_events(checked))
        console.print()
    counts = Counter(one.level for one in checked.lines)
    console.print(
        f"Fine: {counts[Level.FINE]:,}. Warnings: {counts[Level.WARNING]:,}. "
        f"Errors: {counts[Level.ERROR]:,}.",
        style="bold",
    )


def _line(line: Line) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=7)
    grid.add_column(overflow="fold")
    code = f" [{line.code}]" if line.code else ""
    grid.add_row(Text(line.level.value, style=_STYLES[line.level]), Text(f"{line.found}{code}"))
    if line.todo:
        grid.add_row("", Text(f"→ {line.todo}"))
    return Padding(grid, (0, 0, 0, 2), expand=False)


def _events(checked: Checked) -> Table:
    """The events of both systems side by side: mapped, proposed, the rest."""
    table = Table(title="Events side by side", title_justify="left", title_style="bold", box=None)
    for head in ("Sessionboard", "Swoogo", ""):
        table.add_column(head, overflow="fold")
    ours = {event.id: event for event in checked.ours}
    theirs = {event.id: event for event in checked.theirs}
    rows = [(*pair, "mapped") for pair in checked.mappings]
    rows += [(*pair, "proposed") for pair in checked.proposed]
    for one, other, what in rows:
        table.add_row(_event(ours.get(one), one), _event(theirs.get(other), other), what)
    for event_id in sorted(ours.keys() - {one for one, _, _ in rows}):
        table.add_row(_event(ours[event_id], event_id), "", "not mapped")
    for event_id in sorted(theirs.keys() - {other for _, other, _ in rows}):
        table.add_row("", _event(theirs[event_id], event_id), "not mapped")
    return table


def _event(event: EventSeen | None, event_id: int) -> Text:
    if event is None:
        return Text(f"{event_id} (not seen)\n")
    days = f"{event.first} to {event.last}" if event.first else "no dates known"
    return Text(f"{event_id} {event.name}\n{event.timezone or 'no time zone'}, {days}\n")
