"""The command that says what the next run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from target_swoogo.actions import Verb
from target_swoogo.console import (
    cell,
    exit_code,
    explained,
    holding,
    json_option,
    print_json,
    say,
    screen,
    table,
    target,
)
from target_swoogo.model import Kind
from target_swoogo.report_changes import field_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from target_swoogo.actions import Action
    from target_swoogo.report import PairReport, RunReport
    from target_swoogo.report_changes import Excerpt

_MOST = 25
"""So many actions of a kind are shown, unless all are asked for."""

_LONGEST = 120
_GROUPS = {
    Verb.LINK: "Links",
    Verb.UNLINK: "Links",
    Verb.IMAGE: "Images",
}


@click.command("plan")
@click.option("--all", "in_full", is_flag=True, help=f"Show more than {_MOST} actions of a kind.")
@json_option
@explained
def plan_command(*, in_full: bool, as_json: bool) -> int:
    """Say what a run would do with what was last received, field by field, and what it costs.

    Swoogo is read as far as is needed; nothing is changed, and no bookmark moves. Exits with 3 when
    something is ambiguous or held back.
    """
    made = target(dry_run=True)
    with holding(url=made.settings.ledger_url, dry_run=True) as ledger:
        report = made.reconciler(ledger).run()
    if as_json:
        print_json(report.as_json())
    else:
        _show(screen(), report, in_full=in_full)
    return exit_code(report)


def _show(out: Console, report: RunReport, *, in_full: bool) -> None:
    for pair in report.pairs:
        groups = _groups(pair)
        if groups:
            say(out, f"{pair.event_name or pair.pair.sessionboard_event_id}: what would be done")
        for title, actions in groups.items():
            say(out, f"\n{title} ({len(actions):,})")
            shown = actions if in_full else actions[:_MOST]
            listed = table("What", "Record", "Change")
            for action in shown:
                listed.add_row(action.verb.value, cell(action.row.label), _change(action, pair))
            out.print(listed)
            if len(actions) > len(shown):
                say(out, f"… and {len(actions) - len(shown):,} more; --all shows them")
        if groups:
            out.print()
    for line in report.as_text():
        say(out, line)


def _groups(pair: PairReport) -> dict[str, list[Action]]:
    """The actions by what they concern, in the order of the kinds."""
    titles = [*(kind.plural.capitalize() for kind in Kind), *dict.fromkeys(_GROUPS.values())]
    groups: dict[str, list[Action]] = {title: [] for title in titles}
    for action in pair.plan.actions:
        title = _GROUPS.get(action.verb, action.row.kind.plural.capitalize())
        groups[title].append(action)
    return {title: actions for title, actions in groups.items() if actions}


def _change(action: Action, pair: PairReport) -> str:
    if action.sessions:
        word = "off" if action.verb is Verb.UNLINK else "to"
        return f"{word} {'; '.join(_titles(action.sessions, pair))}"
    if action.verb is Verb.IMAGE:
        return "headshot" if action.row.kind is Kind.SPEAKER else "logo"
    changes = field_changes(action, pair.directory)
    if not changes:
        return "nothing to send"
    lines = []
    for change in changes:
        new = _excerpt(change.new)
        is_new = action.verb is Verb.CREATE
        lines.append(f"{change.name}: {new if is_new else f'{_excerpt(change.old)} → {new}'}")
    return "\n".join(lines)


def _titles(session_ids: Iterable[str], pair: PairReport) -> Iterator[str]:
    rows = [action.row for action in pair.plan.actions] + pair.plan.unchanged
    labels = {row.source_id: row.label for row in rows if row.kind is Kind.SESSION}
    known = pair.directory.labels
    for session_id in session_ids:
        label = labels.get(session_id) or known.get((Kind.SESSION, session_id), session_id)
        yield cell(label)


def _excerpt(value: Excerpt | None) -> str:
    return cell(f"{value.before}{value.text}{value.after}" if value else None, _LONGEST)
