"""Compares Swoogo with what it was told, record by record and field by field. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from target_swoogo import match
from target_swoogo.actions import Verb
from target_swoogo.endpoints import IMAGE_FIELDS
from target_swoogo.guards import TIMES
from target_swoogo.model import Kind, Note, State
from target_swoogo.values import line
from target_swoogo.wording import deleted_in_swoogo, masked, name, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from target_swoogo.actions import Plan
    from target_swoogo.evaluate import Evaluated
    from target_swoogo.model import Found, Held, Key, Mapped, Row, Scalar

_LONGEST_SHOWN = 60
_REFERENCES = {"location_id": Kind.LOCATION, "track_id": Kind.TRACK}


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which Swoogo is no longer what it was told.

    Attributes:
        key: The record.
        swoogo_id: Its id in Swoogo.
        label: Its name for people.
        code: Stable name of what happened.
        message: One sentence that says what is there, and what to do where a repair cannot.
        field: For an edited field, its name.
        applied: What Swoogo was last told, as shown to people.
        there: What Swoogo has, as shown to people.
        session_id: For a link, the Sessionboard id of the session.
        page: Address of the record's page in Swoogo.
        waits: Whether a repair leaves it, as what Sessionboard has for it is held back.
    """

    key: Key
    swoogo_id: int
    label: str
    code: str
    message: str
    field: str | None = None
    applied: str | int | None = None
    there: str | int | None = None
    session_id: str | None = None
    page: str | None = None
    waits: bool = False


@dataclass(slots=True)
class Comparison:
    """What came of comparing one event pair.

    Attributes:
        drift: What is no longer as it was told.
        open: What a sync has still to do, or has failed to do.
        information: What is in Swoogo, or is not, without being this program's business.
        compared: How many records of each kind, links and images were compared.
    """

    drift: list[Drift] = field(default_factory=list)
    open: list[Note] = field(default_factory=list)
    information: list[Note] = field(default_factory=list)
    compared: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (*(kind.plural for kind in Kind), "links", "images"), 0
        )
    )

    @property
    def in_sync(self) -> bool:
        """Whether all that should be in Swoogo is there, equal, linked, once, and nothing waits."""
        return not self.drift and not self.open


def unseen(seen: Evaluated, records: Mapping[Kind, Collection[Found]]) -> list[Mapped]:
    """The records that should be in Swoogo and are not in its lists, which may lag.

    Args:
        seen: The pair as the ledger has it.
        records: What Swoogo's lists show.
    """
    listed = {(kind, found.swoogo_id) for kind, some in records.items() for found in some}
    return [
        entry for _, entry in _expected(seen) if (entry.kind, entry.swoogo_id or 0) not in listed
    ]


def compare(
    seen: Evaluated,
    plan: Plan,
    records: Mapping[Kind, Collection[Found]],
    *,
    held: Iterable[Held] = (),
    create_only: Collection[str] = (),
    levels: Mapping[int, str] | None = None,
) -> Comparison:
    """Compare what Swoogo has with what it was told.

    Args:
        seen: The pair as the ledger has it.
        plan: What a run would do by the ledger alone, and what it would hold back.
        records: What Swoogo has, kind by kind.
        held: What waits for approval.
        create_only: Fields, as kind.field, that people may change once they were sent.
        levels: Names of the sponsor levels by id.

    Returns:
        What differs.
    """
    return _Comparer(seen, plan, records, create_only, levels or {}).compare(held)


class _Comparer:
    def __init__(
        self,
        seen: Evaluated,
        plan: Plan,
        records: Mapping[Kind, Collection[Found]],
        create_only: Collection[str],
        levels: Mapping[int, str],
    ) -> None:
        self.seen = seen
        self.plan = plan
        self.waiting = _waiting(plan)
        self.records = records
        self.create_only = create_only
        self.out = Comparison()
        self.found = {(kind, one.swoogo_id): one for kind, some in records.items() for one in some}
        self.ours = {
            (entry.kind, entry.swoogo_id): entry
            for entry in seen.applied.mapped.values()
            if entry.swoogo_id is not None and entry.state is not State.TOMBSTONE
        }
        self.names: dict[tuple[str, Scalar], str] = {
            ("level", level_id): level for level_id, level in levels.items()
        }
        for column, kind in _REFERENCES.items():
            for one in records.get(kind, ()):
                self.names[column, one.swoogo_id] = str(one.fields.get("name") or one.swoogo_id)
            for (of, swoogo_id), entry in self.ours.items():
                if of is kind:
                    self.names[column, swoogo_id] = entry.label

    def compare(self, held: Iterable[Held]) -> Comparison:
        for row, entry in _expected(self.seen):
            there = self.found.get((entry.kind, entry.swoogo_id or 0))
            self.out.compared[row.kind.plural] += 1
            if there is None:
                message = (
                    f"{name(row)} was deleted in Swoogo. A repair takes note of it, and it is not "
                    f"sent again until it is restored."
                )
                # A repair sends one of its fields, and none of those may be one that is held.
                waits = row.key in self.waiting
                self._drift(row, entry, "missing_in_swoogo", message, waits=waits)
                continue
            self._fields(row, entry, there)
            self._image(row, entry, there)
            if row.kind is Kind.SPEAKER:
                self._links(row, entry, there)
        for kind in Kind:
            self._others(kind)
        self._open(held)
        self._tombstones()
        return self.out

    def _drift(
        self, row: Row, entry: Mapped, code: str, message: str, *, waits: bool = False, **more: Any
    ) -> None:
        more |= {"waits": waits, "page": entry.direct_link}
        if waits:
            message = f"{message} {_WAITS_FOR_APPROVAL}"
        self.out.drift.append(
            Drift(row.key, entry.swoogo_id or 0, row.label, code, message, **more)
        )

    # One record

    def _fields(self, row: Row, entry: Mapped, there: Found) -> None:
        for column, told in entry.applied.items():
            has = there.fields.get(column)
            left_alone = entry.adopted and told is None  # what somebody wrote before we came
            if (
                column not in row.fields
                or f"{row.kind.value}.{column}" in self.create_only
                or left_alone
                or _same(column, told, has)
            ):
                continue
            was, now = _excerpts(self._shown(column, told), self._shown(column, has))
            message = (
                f"{name(row)} was edited in Swoogo: {_words(column)} is {_quoted(now)}, and was "
                f"sent as {_quoted(was)}."
            )
            more = {"field": column, "applied": was, "there": now}
            waits = column in self.waiting.get(row.key, ())
            self._drift(row, entry, "edited_in_swoogo", message, waits=waits, **more)

    def _shown(self, column: str, value: Scalar) -> str | int | None:
        text = self.names.get((column, value)) or shown(column, value)
        return line(text) if isinstance(text, str) else text

    def _image(self, row: Row, entry: Mapped, there: Found) -> None:
        sent, column = self.seen.applied.images.get(row.key), IMAGE_FIELDS.get(row.kind, "")
        known = sent is not None and sent.sha256 and not sent.begun and sent.code is None
        if row.picture is None or not known or column not in there.raw:
            return
        self.out.compared["images"] += 1
        if not there.raw[column]:
            message = f"{name(row)} has no image in Swoogo any more."
            self._drift(row, entry, "image_missing", message)

    def _links(self, row: Row, entry: Mapped, there: Found) -> None:
        sessions = there.raw.get("sessions")
        if not isinstance(sessions, list):
            return
        linked = {session.get("id") for session in sessions if isinstance(session, dict)}
        links = self.seen.applied.links
        for session_id in row.sessions:
            session = self.seen.applied.mapped.get((Kind.SESSION, session_id))
            made = links.get((row.source_id, session_id))
            if not made or session is None or (Kind.SESSION, session.swoogo_id) not in self.found:
                continue
            self.out.compared["links"] += 1
            if session.swoogo_id not in linked:
                message = f'{name(row)} is no longer linked to session "{session.label}" in Swoogo.'
                self._drift(row, entry, "link_missing", message, session_id=session_id)
        for (kind, swoogo_id), session in self.ours.items():
            if kind is not Kind.SESSION or swoogo_id not in linked:
                continue
            wanted = session.source_id in row.sessions
            if not wanted and (row.source_id, session.source_id) not in links:
                message = (
                    f'{name(row)} was linked to session "{session.label}" in Swoogo by hand; '
                    f"remove the link there, or add the person to the session in Sessionboard. A "
                    f"repair takes note of it, and removes it with unlink_removed_speakers."
                )
                self._drift(row, entry, "link_added", message, session_id=session.source_id)

    # Records of other origin

    def _others(self, kind: Kind) -> None:
        groups: dict[tuple[str, ...], list[Found]] = defaultdict(list)
        for one in self.records.get(kind, ()):
            groups[match.natural_key(kind, one.fields)].append(one)
        for key, group in groups.items():
            strangers = [one for one in group if (kind, one.swoogo_id) not in self.ours]
            known = [entry for one in group if (entry := self.ours.get((kind, one.swoogo_id)))]
            if known and strangers and any(key):
                self._duplicate(known[0], [one.swoogo_id for one in group])
                continue
            for one in strangers:
                self._stranger(kind, one, len(group))

    def _duplicate(self, entry: Mapped, ids: list[int]) -> None:
        listed = ", ".join(map(str, sorted(ids)))
        message = (
            f'{entry.kind.value.capitalize()} "{entry.label}" is in Swoogo {len(ids)} times (ids '
            f"{listed}); the sync keeps {entry.swoogo_id}: delete the others there."
        )
        swoogo_id, page = entry.swoogo_id or 0, entry.direct_link
        self.out.drift.append(
            Drift(entry.key, swoogo_id, entry.label, "duplicate_in_swoogo", message, page=page)
        )

    def _stranger(self, kind: Kind, one: Found, times: int) -> None:
        said = one.fields.get("name") or masked(str(one.fields.get("email") or ""))
        label = line(str(said)) or str(one.swoogo_id)
        often = f", {times} times" if times > 1 else ""
        message = (
            f'{kind.value.capitalize()} "{label}" ({one.swoogo_id}) is in Swoogo{often} but was '
            f"not synced; it is left alone."
        )
        self.out.information.append(
            Note(kind.value, str(one.swoogo_id), label, "not_synced", message)
        )

    # What the ledger knows without Swoogo

    def _open(self, held: Iterable[Held]) -> None:
        told: dict[Key, Note] = {}
        plan = self.plan
        for note in (*_held_back(held), *self._failed(), *plan.waiting, *_due(plan)):
            told.setdefault((Kind(note.kind), note.source_id), note)
        self.out.open += told.values()

    def _failed(self) -> Iterator[Note]:
        settled, mapped = set(self.plan.settled), self.seen.applied.mapped
        for key, entry in mapped.items():
            waits = entry.state in _WAITS and (Verb.UPDATE, key) not in settled
            if waits and entry.code and entry.message:
                yield Note(*_named(key), entry.label, entry.code, entry.message)
        for key, image in self.seen.applied.images.items():
            if image.code and image.message and (Verb.IMAGE, key) not in settled:
                yield Note(*_named(key), mapped[key].label, image.code, image.message)

    def _tombstones(self) -> None:
        for row in self.seen.programme.rows:
            entry = self.seen.applied.mapped.get(row.key)
            if entry is not None and entry.state is State.TOMBSTONE:
                message = deleted_in_swoogo(row)
                note = Note(*_named(row.key), row.label, "deleted_in_swoogo", message)
                self.out.information.append(note)


_WAITS_FOR_APPROVAL = (
    "What Sessionboard has for it now is held back, so a repair leaves it; it waits for approval: "
    "meltano invoke target-swoogo:approve"
)

_WAITS = frozenset({State.FAILED, State.PENDING, State.AMBIGUOUS})

_DUE = {
    Verb.CREATE: "is not in Swoogo yet",
    Verb.ADOPT: "is not known to be in Swoogo yet",
    Verb.UPDATE: "has changes that are not in Swoogo yet",
    Verb.LINK: "is not linked to all sessions yet",
    Verb.UNLINK: "is not yet taken off a session",
    Verb.IMAGE: "has an image that is not in Swoogo yet",
}


def _waiting(plan: Plan) -> dict[Key, set[str]]:
    """The fields of each record that are held back.

    A session's times are so together: without one of them, nothing tells by how much it would move.
    """
    fields: dict[Key, set[str]] = {}
    for action, _, _ in plan.held:
        if action.changes:
            names = fields.setdefault(action.row.key, set())
            names.update(action.changes)
            if names & TIMES:
                names.update(TIMES)
    return fields


def _held_back(held: Iterable[Held]) -> Iterator[Note]:
    for one in held:
        if not one.approved:
            yield Note(one.kind.value, one.source_id, one.label, one.code, one.message)


def _due(plan: Plan) -> Iterator[Note]:
    for action in plan.actions:
        message = f"{name(action.row)} {_DUE[action.verb]}; the next sync does it."
        yield Note(*_named(action.row.key), action.row.label, "sync_due", message)


def _named(key: Key) -> tuple[str, str]:
    return key[0].value, key[1]


def _expected(seen: Evaluated) -> Iterator[tuple[Row, Mapped]]:
    """The records that should be in Swoogo and were sent there."""
    for row in seen.programme.rows:
        entry = seen.applied.mapped.get(row.key)
        if entry is None or entry.swoogo_id is None or entry.state is State.TOMBSTONE:
            continue
        yield row, entry


def _same(column: str, told: Scalar, has: Scalar) -> bool:
    """Whether a value is the one that was sent, line ends and spaces around it apart."""
    if told is None or has is None:
        return told == has
    one, other = _even(told), _even(has)
    return one.casefold() == other.casefold() if column == "email" else one == other


def _excerpts(*values: str | int | None) -> list[str | int | None]:
    """Long texts cut to where they begin to differ."""
    texts = [value for value in values if isinstance(value, str)]
    start = 0
    if len(texts) == len(values) and max(map(len, texts)) > _LONGEST_SHOWN:
        alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
        start = max(len(list(alike)) - _LONGEST_SHOWN // 3, 0)
    return [_cut(value, start) if isinstance(value, str) else value for value in values]


def _cut(text: str, start: int) -> str:
    end = start + _LONGEST_SHOWN
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _even(value: Scalar) -> str:
    return "\n".join(str(value).splitlines()).strip()


def _words(column: str) -> str:
    return column.removesuffix("_id").replace("_", " ")


def _quoted(value: str | int | None) -> str:
    return "empty" if value is None or value == "" else f'"{value}"'
