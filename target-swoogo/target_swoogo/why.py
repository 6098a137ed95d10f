"""The story of single records, as the ledger knows it. Nobody is asked and nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from target_swoogo import wording
from target_swoogo.actions import Verb
from target_swoogo.changes import HeldLines
from target_swoogo.evaluate import evaluate, held_now, planned, records
from target_swoogo.ledger import Pair
from target_swoogo.model import Kind, Row, State
from target_swoogo.observe import PairError, observed
from target_swoogo.said import KINDS, email_of, name_of, said, with_embedded
from target_swoogo.selection import even
from target_swoogo.source import Event, Reader, Unreadable
from target_swoogo.status import held_json, note_json
from target_swoogo.values import label_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from target_swoogo.actions import Action, Plan
    from target_swoogo.evaluate import Evaluated
    from target_swoogo.glance import Glance
    from target_swoogo.model import Held, Key, Mapped, Note, Told, Uploaded
    from target_swoogo.settings import Settings

VERSION = 1
"""Of the JSON's shape."""

MOST = 50
"""So many records are told of at once."""


@dataclass(frozen=True, slots=True)
class Link:
    """That a speaker is on a session.

    Attributes:
        kind: What the other end is.
        source_id: Its Sessionboard id.
        label: Its name for people.
        state: `linked`, `begun`, or `not linked yet`.
    """

    kind: Kind
    source_id: str
    label: str
    state: str


class Verdict(NamedTuple):
    """How a record stands.

    Attributes:
        state: In a word or two.
        code: Stable name of the reason, where there is one.
        todo: What it means, and what to do.
    """

    state: str
    code: str | None
    todo: str


_UNJUDGED = Verdict("", None, "")


@dataclass
class Story:
    """What is known of one record.

    Attributes:
        event_id: Its Sessionboard event.
        event_name: That event's name.
        swoogo_event_id: Where the event goes; None where it is not mapped.
        kind: What the record is.
        source_id: Its Sessionboard id.
        label: Its name for people.
        said: What Sessionboard last said, by field; empty where it was never received.
        verdict: How it stands.
        entry: Its entry in the ID map.
        links: The other ends of its links.
        image: Its image.
        held: What guards hold back of it.
        held_lines: What of its fields that would change, as old and new values.
        notes: What else a person should know.
        actions: What the next run would do.
        told: What Swoogo was told and when, the latest last.
    """

    event_id: int
    event_name: str | None
    swoogo_event_id: int | None
    kind: Kind
    source_id: str
    label: str
    said: dict[str, str | int] = field(default_factory=dict)
    verdict: Verdict = _UNJUDGED
    entry: Mapped | None = None
    links: list[Link] = field(default_factory=list)
    image: Uploaded | None = None
    held: list[Held] = field(default_factory=list)
    held_lines: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        entry, image = self.entry, self.image
        return {
            "sessionboard_event_id": self.event_id,
            "swoogo_event_id": self.swoogo_event_id,
            "event_name": self.event_name,
            "kind": self.kind.value,
            "id": self.source_id,
            "name": self.label,
            "sessionboard_says": self.said,
            "state": self.verdict.state,
            "code": self.verdict.code,
            "what_to_do": self.verdict.todo,
            "swoogo_id": entry.swoogo_id if entry else None,
            "swoogo_link": entry.direct_link if entry else None,
            "adopted": bool(entry and entry.adopted),
            "links": [
                {"kind": end.kind.value, "id": end.source_id, "name": end.label, "state": end.state}
                for end in self.links
            ],
            "image": {"state": image_state(image), "message": image.message} if image else None,
            "held": [held_json(one) for one in self.held],
            "held_changes": self.held_lines,
            "notes": [note_json(note) for note in self.notes],
            "next_run": [
                {
                    "action": action.verb.value,
                    "changes": {
                        name: {
                            "old": wording.shown(name, change.old),
                            "new": wording.shown(name, change.new),
                        }
                        for name, change in action.changes.items()
                    },
                }
                for action in self.actions
            ],
            "told": [
                {
                    "at": told.at,
                    "action": told.action,
                    "outcome": told.outcome,
                    "code": told.code,
                    "message": told.message,
                    "changes": {n: {"old": c[0], "new": c[1]} for n, c in told.changes.items()},
                }
                for told in self.told
            ],
        }


class Found(NamedTuple):
    """The records that somebody may have meant.

    Attributes:
        total: How many there are.
        stories: The stories of the first of them, at most `MOST`.
    """

    total: int
    stories: list[Story]


def image_state(image: Uploaded) -> str:
    """How an image stands."""
    if image.code is not None:
        return "failed"
    if image.begun:
        return "begun"
    return "sent" if image.sha256 else "not sent yet"


def stories(ledger: Glance, settings: Settings, now: datetime, wanted: str) -> Found:
    """Find the records that somebody means.

    Args:
        ledger: What was received, and what Swoogo was told.
        settings: The settings; where they map nothing, every pair that was not released counts.
        now: The instant that decides what is over.
        wanted: A Sessionboard or Swoogo id, an e-mail address, a title or a name, in any case and
            spacing; a part of a name where nothing else matches.

    Returns:
        How many there are, and the stories of the first.
    """
    known = {pair.events: pair for pair in ledger.pairs()}
    mapped = settings.event_mappings or [pair.events for pair in known.values() if pair.held]
    pairs = {
        events[0]: known.get(events) or Pair(0, *events, held=False)  # one that no run has seen yet
        for events in mapped
    }
    files = [
        _File(ledger, settings, now, event_id, pairs.get(event_id))
        for event_id in sorted({*pairs, *ledger.events_received()})
    ]
    name = even(wanted)
    found = [(file, key) for file in files for key in file.named(name)]
    found = found or [(file, key) for file in files for key in file.named_in_part(name)]
    return Found(len(found), [file.story(key) for file, key in found[:MOST]])


class _File:
    """Everything that is known of the records of one event."""

    def __init__(
        self, ledger: Glance, settings: Settings, now: datetime, event_id: int, pair: Pair | None
    ) -> None:
        self.ledger, self.event_id, self.pair = ledger, event_id, pair
        self.event_name = _event_name(ledger, event_id)
        self.records: dict[Key, Any] = {}
        for stream, kind in KINDS.items():
            for record in records(ledger, stream, event_id):
                for key, one in with_embedded(kind, record):
                    # What a session embeds may be older than the record itself.
                    if key == (kind, getattr(record, "id", "")) or key not in self.records:
                        self.records[key] = one
        self.seen: Evaluated | None = None
        self.plan: Plan | None = None
        self.error: PairError | None = None
        if pair is not None:
            try:
                self.seen = evaluate(ledger, pair, settings, now)
                seen = observed(pair, {})
                self.plan = planned(self.seen, seen, settings, now, ledger.held(pair))
            except PairError as error:
                self.error = error
        self.mapped = ledger.mapped(pair) if pair is not None else {}
        self.labels: dict[Key, str] = {}
        self.names = self._names()

    def _names(self) -> dict[Key, set[str]]:
        names: dict[Key, set[str]] = defaultdict(set)
        for key, label, *others in self._called():
            self.labels[key] = label
            names[key] |= {even(name) for name in (key[1], label, *others) if name}
        return names

    def _called(self) -> Iterator[tuple[Any, ...]]:
        """Keys, labels and other names; what is said last of a label counts."""
        for entry in self.mapped.values():
            email = entry.applied.get("email")
            yield entry.key, entry.label, str(entry.swoogo_id or ""), str(email or "")
        for key, record in self.records.items():
            yield key, name_of(record), email_of(record)
        if self.seen is not None:
            for note in self.seen.programme.skips:
                yield (Kind(note.kind), note.source_id), note.label
            for row in self.seen.programme.rows:
                yield row.key, row.label

    def named(self, name: str) -> list[Key]:
        """The records that are called so."""
        return [key for key, names in self.names.items() if name and name in names]

    def named_in_part(self, part: str) -> list[Key]:
        """The records in whose label it occurs."""
        return [key for key, label in self.labels.items() if part and part in even(label)]

    def story(self, key: Key) -> Story:
        story = Story(
            self.event_id,
            self.event_name,
            self.pair.swoogo_event_id if self.pair else None,
            *key,
            label=self.labels[key],
            said=said(self.records[key]) if key in self.records else {},
        )
        if self.pair is None:
            story.verdict = Verdict(
                "event not mapped",
                "event_not_mapped",
                f"Sessionboard event {self.event_id} goes to no Swoogo event; add it to "
                f"event_mappings to sync it.",
            )
            return story
        story.entry = self.mapped.get(key)
        story.told = self.ledger.told(self.pair, key)
        if self.seen is None or self.plan is None:
            code = self.error.code if self.error else None
            story.verdict = Verdict("event stopped", code, str(self.error))
            return story
        held = held_now(self.plan, self.ledger.held(self.pair))
        story.held = [one for one in held if (one.kind, one.source_id) == key]
        if story.held:
            lines = HeldLines(self.ledger, self.pair, self.plan)
            story.held_lines = [line for one in story.held for line in lines.of(one)]
        story.image = self.seen.applied.images.get(key)
        story.links = list(self._links(self.seen, key))
        story.actions = [action for action in self.plan.actions if action.row.key == key]
        notes = (*self.plan.warnings, *self.plan.waiting)
        story.notes = [note for note in notes if (note.kind, note.source_id) == _plain(key)]
        story.verdict = next(self._verdicts(story, self.seen, key))
        return story

    def _links(self, seen: Evaluated, key: Key) -> Iterator[Link]:
        wanted = {(r.source_id, s) for r in seen.programme.rows for s in r.sessions}
        for speaker, session in sorted(wanted | seen.applied.links.keys()):
            ends = {(Kind.SPEAKER, speaker): (Kind.SESSION, session)}
            ends |= {there: here for here, there in ends.items()}
            if key not in ends:
                continue
            kind, source_id = ends[key]
            made = seen.applied.links.get((speaker, session))
            state = "linked" if made else "not linked yet" if made is None else "begun"
            yield Link(kind, source_id, self.labels.get((kind, source_id), source_id), state)

    def _verdicts(self, story: Story, seen: Evaluated, key: Key) -> Iterator[Verdict]:
        """What may be said of the record; the first that holds is what counts."""
        entry = story.entry
        for note in seen.programme.skips:
            if (note.kind, note.source_id) == _plain(key):
                yield Verdict("not synced", note.code, note.message)
        if not any(row.key == key for row in seen.programme.rows):
            yield _unwanted(entry, key)
        if entry is not None:
            yield from _by_entry(entry)
        for one in story.held:
            yield Verdict("held back", one.code, one.message)
        if any(action.verb is not Verb.IMAGE for action in story.actions):
            yield Verdict("pending", None, _SYNC.format(source_id=key[1]))
        if story.image is not None and story.image.code is not None:
            message = f"{story.image.message or ''} {_RETRY}"
            yield Verdict("image failed", story.image.code, message)
        if story.actions:
            yield Verdict("image pending", None, _SYNC.format(source_id=key[1]))
        yield Verdict("in sync", None, "Nothing needs to be done.")


_RETRY = "The next run tries again, or at once: meltano invoke target-swoogo:retry"
_SYNC = "The next run sends it, or at once: meltano invoke target-swoogo:sync-only {source_id}"
_UNUSED = {
    Kind.LOCATION: "It is the room of no session that syncs.",
    Kind.TRACK: "It is the track of no session that syncs.",
}


def _by_entry(entry: Mapped) -> Iterator[Verdict]:
    if entry.state is State.TOMBSTONE:
        row = Row(*entry.key, entry.label, {})
        yield Verdict("deleted in Swoogo", "deleted_in_swoogo", wording.deleted_in_swoogo(row))
    if entry.state is State.AMBIGUOUS:
        yield Verdict("ambiguous", entry.code, entry.message or "")
    if entry.state is State.FAILED:
        yield Verdict("failed", entry.code, f"{entry.message or ''} {_RETRY}")


def _unwanted(entry: Mapped | None, key: Key) -> Verdict:
    if key[0] in _UNUSED:
        return Verdict("not synced", "not_used", f"{_UNUSED[key[0]]} Nothing needs to be done.")
    if entry is not None and entry.swoogo_id is not None:
        return Verdict("no longer synced", "still_in_swoogo", wording.still_in_swoogo(entry))
    return Verdict(
        "not synced",
        "not_on_session",
        "It is on no session that syncs; schedule one in Sessionboard.",
    )


def _event_name(ledger: Glance, event_id: int) -> str | None:
    for record_id, payload in ledger.sources("events", event_id):
        event = Reader(Event).read(record_id, payload)
        if not isinstance(event, Unreadable):
            return label_of(event.name, None, "Event")
    return None


def _plain(key: Key) -> tuple[str, str]:
    return key[0].value, key[1]
