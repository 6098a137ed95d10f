"""What the ledger knows of the records that a report names: what they are called, and their pages.

Both vendors give the address of a record's page with the record: Sessionboard as `admin_url`
("Deep link to this entity in the Sessionboard admin UI"), Swoogo as `direct_link`. None is made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_swoogo.model import Kind
from target_swoogo.source import Reader, Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_swoogo.actions import Action
    from target_swoogo.ledger import Ledger
    from target_swoogo.model import Key
    from target_swoogo.report import PairReport

_STREAMS = {Kind.SESSION: "sessions", Kind.SPEAKER: "speakers", Kind.SPONSOR: "sponsors"}
_CHOICES = {"location_id": Kind.LOCATION, "track_id": Kind.TRACK}
_KINDS = {kind.value: kind for kind in Kind}


class Pages(NamedTuple):
    """Where a record can be seen, as each vendor says; None where it does not.

    Attributes:
        sessionboard: Address of its page in Sessionboard.
        swoogo: Address of its page in Swoogo.
    """

    sessionboard: str | None = None
    swoogo: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """Names and pages of records.

    Attributes:
        pages: Pages of the records that a report names.
        labels: Names of the records that are or were in Swoogo: those that a report names, the
            sessions to which speakers are linked, rooms and tracks.
        choices: By field, names of rooms, tracks and sponsor levels by their ids in Swoogo.
    """

    pages: Mapping[Key, Pages] = field(default_factory=dict)
    labels: Mapping[Key, str] = field(default_factory=dict)
    choices: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


class _Shown(msgspec.Struct, frozen=True):
    """What is read here of a record of Sessionboard's."""

    admin_url: str | None = None


def look_up(ledger: Ledger, report: PairReport) -> Directory:
    """Look up what the report of one event pair names.

    Args:
        ledger: Where it is known. It is read only as far as the report names anything, so that a
            run without changes stays as quick as it is.
        report: The report, with its outcomes.

    Returns:
        What is known.
    """
    named = set(_named(report))
    if not named:
        return Directory()
    linked = {(Kind.SESSION, session) for a in _actions(report) for session in a.sessions}
    mapped = ledger.mapped(report.pair, named | linked) | ledger.choices(report.pair)
    event_id = report.pair.sessionboard_event_id
    own = {
        (kind, record_id): address
        for kind, stream in _STREAMS.items()
        for record_id, address in _addresses(
            ledger, stream, event_id, [record_id for of, record_id in named if of is kind]
        )
    }
    return Directory(
        {
            key: Pages(own.get(key), mapped[key].direct_link if key in mapped else None)
            for key in named
        },
        {key: entry.label for key, entry in mapped.items()},
        {
            "level": dict(report.pair.observed.get("levels", ())),
            **{
                name: {
                    entry.swoogo_id: entry.label
                    for entry in mapped.values()
                    if entry.kind is kind and entry.swoogo_id is not None
                }
                for name, kind in _CHOICES.items()
            },
        },
    )


def _named(report: PairReport) -> Iterator[Key]:
    yield from (action.row.key for action in _actions(report))
    plan = report.plan
    for note in (*report.skips(), *plan.waiting, *plan.warnings):
        if note.kind in _KINDS:
            yield _KINDS[note.kind], note.source_id


def _actions(report: PairReport) -> list[Action]:
    return [*report.plan.actions, *(held.action for held in report.plan.held)]


def _addresses(
    ledger: Ledger, stream: str, event_id: int, ids: Collection[str]
) -> Iterator[tuple[str, str]]:
    reader = Reader(_Shown)
    for record_id, payload in ledger.sources(stream, event_id, ids):
        record = reader.read(record_id, payload)
        if not isinstance(record, Unreadable) and record.admin_url:
            yield record_id, record.admin_url
