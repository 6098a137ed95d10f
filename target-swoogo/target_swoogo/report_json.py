"""The report as plain data. Its shape is a promise to scripts.

`VERSION` moves when a key goes or changes its meaning; keys may be added without.

The run:
    version: `VERSION`.
    run_id: Names the run, its files and its rows in the ledger.
    started_at, ended_at: Instants in UTC, ISO 8601.
    dry_run: Whether nothing was to be changed.
    outcome: What came of it, one sentence.
    credits_used: Credits of Swoogo's quota.
    credits_left: Credits left in the quota's window; null when Swoogo was not called.
    estimate: For a dry run, what carrying it out would cost: `credits`, `minutes`, `windows`,
        `fits_window`, `fits_interval`, `sentence`; else null.
    pairs: A list of event pairs.

An event pair:
    sessionboard_event_id, swoogo_event_id: Both sides.
    event_name: As in Sessionboard; null where it is not known.
    timezone: IANA name of the zone in which dates and times of sessions are meant; null likewise.
    outcome: What came of it, one sentence.
    error: `code` and `message` of what stopped it, or null.
    postponed: Whether the run ended before it could be looked at.
    counts: Per kind, how many records were created, updated, adopted, unchanged, held, skipped,
        failed, pending; a figure that is not there is 0. In a dry run: would be.
    links_and_images: The same for links and images, such as "links linked", "images sent".
    planned_credits: The price of its actions.
    actions: What was done, in a dry run would be: a list of actions.
    held: What a guard holds back: a list of actions with `code` and `message`.
    skipped, failed, pending, warnings: Lists of notes.

An action:
    action: create, adopt, update, link, unlink or image.
    kind, id, name: The record: location, track, session, speaker or sponsor; its Sessionboard id;
        its name.
    outcome: created, adopted, updated, linked, unlinked, "image sent", "image same", "deleted in
        Swoogo", failed, pending, planned or held.
    detail: For an image, what was done to make it fit; else null.
    credits: Its price.
    changes: Per field of Swoogo `old` and `new`: text, number or null; e-mail addresses masked.
    sessions: For a link, the Sessionboard ids of the sessions.
    sessionboard_url, swoogo_url: The record's pages, as the vendors give them, or null.

A note:
    kind, id, name: The record, as above; the kind may also be "event".
    code: Stable name of the reason.
    message: One sentence that names the record and says what to do.
    sessionboard_url, swoogo_url: As above.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from target_swoogo.apply import Outcome
from target_swoogo.model import Kind
from target_swoogo.report_directory import Pages
from target_swoogo.report_outcome import outcome
from target_swoogo.wording import shown

if TYPE_CHECKING:
    from target_swoogo.actions import Action
    from target_swoogo.model import Note
    from target_swoogo.report import PairReport, RunReport
    from target_swoogo.report_directory import Directory

VERSION = 1
"""Of the shape."""

_KINDS = {kind.value: kind for kind in Kind}


def run_json(report: RunReport) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "version": VERSION,
        "run_id": report.run_id,
        "started_at": report.started.isoformat(timespec="seconds"),
        "ended_at": report.ended.isoformat(timespec="seconds"),
        "dry_run": report.dry_run,
        "outcome": outcome(report.pairs, dry_run=report.dry_run),
        "credits_used": report.credits_used,
        "credits_left": report.credits_left,
        "estimate": asdict(report.estimate) if report.estimate else None,
        "pairs": [_pair(pair, dry_run=report.dry_run) for pair in report.pairs],
    }


def summary(report: RunReport) -> dict[str, Any]:
    """The figures of the run, for the ledger; they name no record."""
    return {
        "dry_run": report.dry_run,
        "credits": report.credits_used,
        "pairs": [_figures(pair) for pair in report.pairs],
    }


def _figures(pair: PairReport) -> dict[str, Any]:
    return {
        "sessionboard_event_id": pair.pair.sessionboard_event_id,
        "swoogo_event_id": pair.pair.swoogo_event_id,
        "event_name": pair.event_name,
        "error": {"code": pair.error[0], "message": pair.error[1]} if pair.error else None,
        "postponed": pair.postponed,
        "counts": {kind: dict(counts) for kind, counts in pair.counts().items()},
        "links_and_images": dict(pair.extras()),
        "planned_credits": pair.plan.cost,
    }


def _pair(pair: PairReport, *, dry_run: bool) -> dict[str, Any]:
    where = pair.directory
    return _figures(pair) | {
        "timezone": pair.zone.key if pair.zone else None,
        "outcome": outcome([pair], dry_run=dry_run),
        "actions": [_step(step, where) for step in pair.steps()],
        "held": [
            _action(held.action, "held", None, where) | {"code": held.code, "message": held.message}
            for held in pair.plan.held
        ],
        "skipped": [_note(note, where) for note in pair.skips()],
        "failed": [_note(note, where) for note in pair.failures()],
        "pending": [_note(note, where) for note in pair.pending()],
        "warnings": [_note(note, where) for note in pair.plan.warnings],
    }


def _step(step: Outcome | Action, where: Directory) -> dict[str, Any]:
    if isinstance(step, Outcome):
        return _action(step.action, step.verdict.value, step.detail, where)
    return _action(step, "planned", None, where)


def _action(action: Action, verdict: str, detail: str | None, where: Directory) -> dict[str, Any]:
    return {
        "action": action.verb.value,
        "kind": action.row.kind.value,
        "id": action.row.source_id,
        "name": action.row.label,
        "outcome": verdict,
        "detail": detail,
        "credits": action.cost,
        "changes": {
            name: {"old": shown(name, change.old), "new": shown(name, change.new)}
            for name, change in action.changes.items()
        },
        "sessions": list(action.sessions),
    } | _urls(where.pages.get(action.row.key))


def _note(note: Note, where: Directory) -> dict[str, Any]:
    kind = _KINDS.get(note.kind)
    return {
        "kind": note.kind,
        "id": note.source_id,
        "name": note.label,
        "code": note.code,
        "message": note.message,
    } | _urls(where.pages.get((kind, note.source_id)) if kind else None)


def _urls(pages: Pages | None) -> dict[str, Any]:
    sessionboard, swoogo = pages or Pages()
    return {"sessionboard_url": sessionboard, "swoogo_url": swoogo}
