"""The command that tells one record's story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from target_swoogo.actions import Verb
from target_swoogo.clock import utc_now
from target_swoogo.console import (
    ATTENTION,
    cell,
    clock,
    explained,
    json_option,
    offline_target,
    print_json,
    quoted,
    say,
    screen,
    table,
)
from target_swoogo.errors import TargetError
from target_swoogo.glance import Glance
from target_swoogo.why import VERSION, image_state, stories
from target_swoogo.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from target_swoogo.model import Told
    from target_swoogo.why import Story

_LATEST = 10
"""So much of what Swoogo was told is shown."""


@click.command("why")
@click.argument("record", metavar="NAME|E-MAIL|ID", nargs=-1, required=True)
@json_option
@explained
def why_command(*, record: tuple[str, ...], as_json: bool) -> int:
    """Tell one record's story: what was received, decided, sent and answered, and what to do.

    Reads the ledger only, also while a run is at work. A name may be a part of it. Exits with 3
    when several records match.
    """
    wanted = " ".join(record)
    settings = offline_target().settings
    with Glance.at(settings.ledger_url) as ledger:
        ledger.check_received()
        total, found = stories(ledger, settings, utc_now(), wanted)
    if not found:
        raise TargetError(
            "record_unknown",
            f"Nothing was received that is called {quoted(wanted)}; try its id, or a part of "
            f"its name, and see that the tap has read it.",
        )
    # One id may stand for a person at several events.
    one = len({(story.kind, story.source_id) for story in found}) == 1
    if as_json:
        told = [story.as_json() for story in found]
        matches = [
            {name: story[name] for name in ("kind", "id", "name", "sessionboard_event_id", "state")}
            for story in told
        ]
        print_json(
            {
                "version": VERSION,
                "total": total,
                "matches": matches,
                "stories": told if one else [],
            }
        )
    elif one:
        out = screen()
        for story in found:
            _show(out, story)
    else:
        _list(screen(), total, found)
    return 0 if one else ATTENTION


def _list(out: Console, total: int, found: Sequence[Story]) -> None:
    say(out, f"{total:,} records match. Ask again with the id of one:")
    listed = table("Kind", "Name", "Id", "Event", "State")
    for story in found:
        name, state = cell(story.label), story.verdict.state
        listed.add_row(story.kind.value, name, story.source_id, str(story.event_id), state)
    out.print(listed)
    if total > len(found):
        say(out, f"… and {total - len(found):,} more; ask for more of the name")


def _show(out: Console, story: Story) -> None:
    goes = f"to Swoogo event {story.swoogo_event_id}" if story.swoogo_event_id else "not mapped"
    say(out, f"{story.kind.value.capitalize()}: {story.label}")
    say(out, f"  Sessionboard id {story.source_id}, event {story.event_id}, {goes}")
    state = (
        f"{story.verdict.state} [{story.verdict.code}]"
        if story.verdict.code
        else story.verdict.state
    )
    say(out, f"  State: {state}")
    say(out, f"  What to do: {story.verdict.todo}\n")
    facts = table("Sessionboard says", "")
    for name, value in story.said.items():
        facts.add_row(name.replace("_", " "), cell(value))
    if story.said:
        out.print(facts)
    else:
        say(out, "Sessionboard no longer says anything of it.")
    out.print()
    for line in _in_swoogo(story):
        say(out, line)
    if story.told:
        say(out, "\nWhat Swoogo was told (UTC)")
        told = table("When", "What", "Answer", "Fields")
        for one in story.told[-_LATEST:]:
            answer = f"{one.outcome} [{one.code}]" if one.code else one.outcome
            told.add_row(clock(one.at), one.action, answer, _changes(one))
        out.print(told)
    out.print()


def _in_swoogo(story: Story) -> Iterator[str]:
    entry, image = story.entry, story.image
    if entry is None or entry.swoogo_id is None:
        yield "In Swoogo: not there, as far as is known"
    else:
        found = ", found there rather than made" if entry.adopted else ""
        where = f": {entry.direct_link}" if entry.direct_link else ""
        yield f"In Swoogo: id {entry.swoogo_id}{found}{where}"
    if image is not None:
        yield f"Image: {image_state(image)}{f' ({image.message})' if image.code else ''}"
    for end in story.links:
        yield f"{end.state.capitalize()}: {end.kind.value} {end.label} ({end.source_id})"
    for note in story.notes:
        yield f"Note [{note.code}]: {note.message}"
    for line in story.held_lines:
        yield f"Held: {line}"
    for action in story.actions:
        fields = ", ".join(f"{n}: {_arrow(n, c.old, c.new)}" for n, c in action.changes.items())
        yield f"Next run: {action.verb.value}{f' ({fields})' if fields else ''}"


def _changes(told: Told) -> str:
    made = told.action == Verb.CREATE.value
    return "\n".join(
        f"{name}: {cell(shown(name, new), 60) if made else _arrow(name, old, new)}"
        for name, (old, new) in told.changes.items()
    )


def _arrow(name: str, old: Any, new: Any) -> str:
    return f"{cell(shown(name, old), 30)} → {cell(shown(name, new), 30)}"
