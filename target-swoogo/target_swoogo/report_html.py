"""The report as a page: one file that loads nothing, runs nothing, and can be sent to anybody."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import defaultdict
from datetime import datetime, timezone
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from target_swoogo.actions import Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.html import clean_text
from target_swoogo.model import Kind
from target_swoogo.report_changes import field_changes
from target_swoogo.report_directory import Pages
from target_swoogo.report_outcome import attention, outcome
from target_swoogo.report_text import extras, filled, grouped, quota
from target_swoogo.report_trend import trend

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from target_swoogo.actions import Action
    from target_swoogo.model import Note
    from target_swoogo.report import PairReport, RunReport
    from target_swoogo.report_changes import FieldChange
    from target_swoogo.report_directory import Directory

_LOADER = PackageLoader("target_swoogo")
_KINDS = {kind.value: kind for kind in Kind}
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of the text around them, far behind their own name."""

_LONGEST_ADDRESS = 2_000
_DID = {
    Verdict.CREATED: "created",
    Verdict.UPDATED: "updated",
    Verdict.ADOPTED: "adopted",
    Verdict.LINKED: "linked to sessions",
    Verdict.UNLINKED: "taken off sessions",
    Verdict.IMAGE_SENT: "given a new image",
}
_WOULD = {
    Verb.CREATE: "to be created",
    Verb.UPDATE: "to be updated",
    Verb.ADOPT: "to be adopted",
    Verb.LINK: "to be linked to sessions",
    Verb.UNLINK: "to be taken off sessions",
    Verb.IMAGE: "whose image is to be looked at",
}


class Step(NamedTuple):
    """One thing that was done, or would be.

    Attributes:
        name: The record.
        fields: What it changes.
        sessions: Names of sessions, for a link.
        detail: What was done to make an image fit.
        thumbnail: A small copy of an image, as an address.
        pages: Where the record can be seen.
        new: Whether it makes the record, so that all of it is new.
    """

    name: str
    fields: list[FieldChange]
    sessions: list[str]
    detail: str | None
    thumbnail: str | None
    pages: Pages
    new: bool


class Told(NamedTuple):
    """What is said of one record.

    Attributes:
        message: The sentence that names it; its name alone, where the sentence is of all.
        pages: Where it can be seen.
        fields: What would change.
    """

    message: str
    pages: Pages
    fields: list[FieldChange]


class Reason(NamedTuple):
    """Sentences that share a reason.

    Attributes:
        title: The reason, and of how many records of which kind.
        code: Stable name of the reason.
        told: What is said of each.
        message: A sentence on all of them.
    """

    title: str
    code: str
    told: list[Told]
    message: str | None = None


def page(report: RunReport) -> str:
    """The report as an HTML document.

    It names nothing outside of itself but the pages of records in Sessionboard and in Swoogo, and
    forbids the browser to load anything. Text from elsewhere is escaped, whatever it is.
    """
    style = _LOADER.get_source(_environment(), "report.css")[0]
    return template().render(
        report=report,
        outcome=outcome(report.pairs, dry_run=report.dry_run),
        mood="attention" if attention(report.pairs) else "fine",
        zones=list({pair.zone.key: pair.zone for pair in report.pairs if pair.zone}.values()),
        pairs=[_pair(pair, report) for pair in report.pairs],
        quota=quota(report),
        trend=trend(report),
        style=style,
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
    )


@cache
def template() -> Template:
    """The page, compiled."""
    return _environment().get_template("report.html.jinja")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=_LOADER,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_printable,
    )
    environment.filters |= {"address": address, "instant": instant, "lasting": lasting}
    return environment


def _printable(value: object) -> object:
    """What every text goes through: nothing in it may garble the page around it."""
    if type(value) is str:
        return _DIRECTIONS.sub("", clean_text(value))
    return value


def address(url: str | None) -> str | None:
    """An address that may be linked: one of the web, and nothing that poses as it."""
    if not url or len(url) > _LONGEST_ADDRESS or not url.isascii() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname and " " not in url else None


def instant(moment: datetime | str, zone: ZoneInfo | None = None) -> str:
    """An instant for people, in a zone; in UTC where none is given."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    local = moment.astimezone(zone or timezone.utc)
    return f"{local.day} {local:%b %Y, %H:%M}"


def lasting(seconds: float) -> str:
    """How long something took."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if minutes else f"{rest or 'under 1'} s"


def _pair(pair: PairReport, report: RunReport) -> dict[str, Any]:
    counts = pair.counts()
    kinds, columns = filled(counts)
    return {
        "it": pair,
        "name": pair.event_name or "Event",
        "outcome": outcome([pair], dry_run=report.dry_run),
        "columns": columns,
        "rows": [
            (kind.plural.capitalize(), [counts[kind.value][column] for column in columns])
            for kind in kinds
        ],
        "extras": extras(pair),
        "failed": _reasons(pair.failures(), pair.directory),
        "held": _held(pair),
        "steps": _steps(pair),
        "pending": _reasons(pair.pending(), pair.directory),
        "skipped": _reasons(pair.skips(), pair.directory),
        "warnings": _reasons(pair.plan.warnings, pair.directory),
    }


def _reasons(notes: Iterable[Note], where: Directory) -> list[Reason]:
    return [
        Reason(
            f"{_count(len(members), kind)}: {_words(code, kind)}",
            code,
            [
                Told(note.message, where.pages.get((_KINDS[kind], note.source_id), Pages()), [])
                if kind in _KINDS
                else Told(note.message, Pages(), [])
                for note in members
            ],
        )
        for (kind, code), members in grouped(notes).items()
    ]


def _words(code: str, known: str) -> str:
    words = code.removeprefix(f"{known}_").replace("_", " ")
    return words.replace("swoogo", "Swoogo").replace("sessionboard", "Sessionboard")


def _held(pair: PairReport) -> list[Reason]:
    """A guard has one sentence for all that it holds back."""
    groups: dict[tuple[str, str, str], list[Told]] = defaultdict(list)
    for action, code, message in pair.plan.held:
        row, where = action.row, pair.directory
        pages = where.pages.get(row.key, Pages())
        told = Told(row.label, pages, field_changes(action, where))
        groups[row.kind.value, code, message].append(told)
    return [
        Reason(f"{_count(len(told), kind)}: {_words(code, 'guard')}", code, told, message)
        for (kind, code, message), told in groups.items()
    ]


def _steps(pair: PairReport) -> list[tuple[str, list[Step]]]:
    """What was done, by kind: what did not come to pass is told elsewhere, with its reason."""
    groups: dict[tuple[str, str], list[Step]] = defaultdict(list)
    sessions = {
        row.source_id: row.label
        for row in (*pair.plan.unchanged, *(action.row for action in pair.plan.actions))
        if row.kind is Kind.SESSION
    }
    for step in pair.steps():
        if isinstance(step, Outcome):
            action, did = step.action, _DID.get(step.verdict)
            picture, detail = step.thumbnail, step.detail
        else:
            action, did = step, _WOULD[step.verb]
            picture, detail = None, None
        if did is not None:
            groups[action.row.kind.value, did].append(
                Step(
                    action.row.label,
                    _fields(action, pair.directory),
                    [_session(one, sessions, pair.directory) for one in action.sessions],
                    detail,
                    f"data:image/webp;base64,{b64encode(picture).decode()}" if picture else None,
                    pair.directory.pages.get(action.row.key, Pages()),
                    action.verb is Verb.CREATE,
                )
            )
    order = [(kind.value, did) for kind in Kind for did in (*_DID.values(), *_WOULD.values())]
    return [
        (f"{_count(len(groups[group]), group[0])} {group[1]}", groups[group])
        for group in order
        if group in groups
    ]


def _fields(action: Action, where: Directory) -> list[FieldChange]:
    """Without the name of a new record, which stands above."""
    changes = field_changes(action, where)
    if action.verb is not Verb.CREATE:
        return changes
    return [one for one in changes if one.new and one.new.text != action.row.label]


def _session(source_id: str, planned: dict[str, str], where: Directory) -> str:
    label = where.labels.get((Kind.SESSION, source_id))
    return label or planned.get(source_id, source_id)


def _count(number: int, kind: str) -> str:
    return f"{number:,} {kind}{'' if number == 1 else 's'}"
