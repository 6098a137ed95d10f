"""The command that says what the next run would do."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from typing_extensions import override

from target_swoogo.actions import Verb
from target_swoogo.changes import change_lines
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
from target_swoogo.glance import Glance
from target_swoogo.model import Kind

if TYPE_CHECKING:
    from rich.console import Console

    from target_swoogo.actions import Action
    from target_swoogo.report import PairReport, RunReport

_MOST = 25
"""So many actions of a kind are shown, unless all are asked for."""

_PATIENCE_SECONDS = 10
"""So long a plan waits for Swoogo."""

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
    something is ambiguous or held back, or when Swoogo's quota allows no more now.
    """
    made = target(dry_run=True)
    with Glance.at(made.settings.ledger_url) as glance:
        glance.check_received()
    with holding(url=made.settings.ledger_url, dry_run=True) as ledger:
        report = replace(made.reconciler(ledger), stop=_Patience()).run()
    if as_json:
        print_json(report.as_json())
    else:
        _show(screen(), report, in_full=in_full)
    return exit_code(report)


class _Patience(threading.Event):
    """Tells a run not to wait for long: a person waits, and the sync for the ledger."""

    @override
    def wait(self, timeout: float | None = None) -> bool:
        return timeout is None or timeout > _PATIENCE_SECONDS or super().wait(timeout)


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
                listed.add_row(
                    action.verb.value, cell(action.row.label), "\n".join(change_lines(action, pair))
                )
            out.print(listed)
            if len(actions) > len(shown):
                say(out, f"… and {len(actions) - len(shown):,} more; --all shows them")
        if groups:
            out.print()
    for line in report.as_text():
        say(out, line)
    if any(pair.postponed for pair in report.pairs):
        say(
            out,
            "Swoogo's quota allows no more now but for its reserve, so not all could be planned; "
            "try again in ten minutes.",
        )


def _groups(pair: PairReport) -> dict[str, list[Action]]:
    """The actions by what they concern, in the order of the kinds."""
    titles = [*(kind.plural.capitalize() for kind in Kind), *dict.fromkeys(_GROUPS.values())]
    groups: dict[str, list[Action]] = {title: [] for title in titles}
    for action in pair.plan.actions:
        title = _GROUPS.get(action.verb, action.row.kind.plural.capitalize())
        groups[title].append(action)
    return {title: actions for title, actions in groups.items() if actions}
