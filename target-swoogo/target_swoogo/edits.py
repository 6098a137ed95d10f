"""What edits of a few records, and ends of sessions, come to in a pair that is otherwise at rest.

The rules are applied twice to the edited records, to the sessions that ended and to the records
around them: as they were then, and as they are now. Where rows that are in Swoogo differ, and
sessions are gone that are merely over, that is all that there is to do, and the rest of the pair
is as the last run found it. Wherever that is not certain, there is no answer, and the whole pair is
evaluated: so before anything is created or told to be gone, everything is looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

from target_swoogo import observe
from target_swoogo.actions import CHOICES, Applied, Verb
from target_swoogo.around import SINGLE, Around, beside
from target_swoogo.evaluate import Evaluated, event_of, planned
from target_swoogo.guards import FEWEST, TIMES
from target_swoogo.model import Kind, Programme, State
from target_swoogo.preflight import look_over
from target_swoogo.rest import places
from target_swoogo.rules import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Key, Mapped, Note, Row, Uploaded
    from target_swoogo.rest import Rest, Since
    from target_swoogo.settings import Settings

_ORDINARY = frozenset({Verb.UPDATE, Verb.LINK, Verb.IMAGE})

_MOST_MOVED = FEWEST - 1
"""Of more sessions the guards want to know how many there are in all."""

_PLACES = (*TIMES, "location_id")
"""The fields of a session by which others may clash with it."""

_PLACING = frozenset(f"{Kind.SESSION.value}.{name}" for name in _PLACES)
"""The same, as settings name them."""


def evaluate_edits(
    ledger: Ledger, pair: Pair, since: Since, settings: Settings, now: datetime
) -> tuple[Evaluated, Rest] | None:
    """Evaluate what was edited and what ended, and nothing else.

    Args:
        ledger: What was received, and what Swoogo was told.
        pair: The pair; but for that it is at rest.
        since: What has happened since it was.
        settings: The settings.
        now: The instant that decides what is over.

    Returns:
        The rows that changed, with what Swoogo was told of them; and what is at rest when that is
        done. None where the whole pair must be evaluated.
    """
    if (
        any(stream not in SINGLE for stream, _ in since.before)
        # These ask for more than the records around an edit.
        or settings.freeze_hours
        or settings.subsessions == "as_sessions"
        or not _PLACING.isdisjoint(settings.create_only_fields)
        or ledger.held(pair)
    ):
        return None
    event, zone = event_of(ledger, pair)

    def judged(*sessions: str) -> tuple[Around, Programme, Programme]:
        around = Around.read(ledger, pair, since, settings, sessions)
        was = decide(around.sources(since.before), zone, settings, since.then, around.synced)
        became = decide(around.sources({}), zone, settings, now, around.synced)
        return around, was, became

    around, was, became = judged()
    moved = _moved(was, became)
    if len(moved) > _MOST_MOVED:
        return None
    if moved:
        around, was, became = judged(*beside(ledger, pair, since.rest, moved, [was, became]))
    difference = _difference(was, became, since)
    if difference is None or not (around.knows_all(was) and around.knows_all(became)):
        return None
    rows = difference.with_sessions()
    keys = [row.key for row in rows]
    known = ledger.mapped(pair, keys)
    applied = Applied(
        known | ledger.choices(pair),
        ledger.links(pair, [source_id for kind, source_id in keys if kind is Kind.SPEAKER]),
        ledger.images(pair, keys),
        {},
    )
    seen = Evaluated(event, zone, applied, Programme(rows), {})
    rest = difference.left_of(since.rest)
    if (
        any(not _is_synced(known, key) for key in keys)
        # What comes to nothing now must not have come to something before.
        or ledger.mapped(pair, difference.others)
        or _is_much(difference.changed, rest, settings)
        or _is_told_of(difference, since.rest)
        or not _is_told_alike(was, became, difference, since.rest, applied.images)
    ):
        return None
    plan = planned(seen, observe.observed(pair, {}), settings, now, ())
    others = (plan.skips, plan.warnings, plan.waiting, plan.dead, plan.settled, plan.held)
    is_ordinary = all(action.verb in _ORDINARY for action in plan.actions)
    return (seen, rest) if is_ordinary and not any(others) else None


def _moved(was: Programme, became: Programme) -> set[str]:
    """The sessions that are at another time or place now, or have other people."""

    def placed(row: Row) -> tuple[object, ...]:
        return tuple(row.fields[name] for name in _PLACES)

    before, after = (
        {row.source_id: placed(row) for row in programme.rows if row.kind is Kind.SESSION}
        for programme in (was, became)
    )
    differing = _differing(before, after) | _differing(was.people, became.people)
    return differing & before.keys() & after.keys()


@dataclass(frozen=True, slots=True)
class _Difference:
    """In what the two programmes differ.

    Attributes:
        after: All rows as they are.
        changed: The rows that changed, as they are.
        former: The same, as they were.
        over: The sessions that ended, as they were, and the rooms and tracks that no other has.
        told: Notes on what does not sync, and how many more of each there are.
        ends: Of the sessions that are over at another time: when, or None.
        used: Rooms and tracks, and how many of the sessions that are not over each has.
    """

    after: Mapping[Key, Row]
    changed: list[Row]
    former: list[Row]
    over: list[Row]
    told: Counter[Note]
    ends: Mapping[str, datetime | None]
    used: Counter[Key]

    @property
    def others(self) -> set[Key]:
        """The records, neither now nor before in the programme, of which something else is told."""
        over = {row.key for row in self.over}
        told = {(Kind(note.kind), note.source_id) for note, more in self.told.items() if more}
        return told - over

    def with_sessions(self) -> list[Row]:
        """The rows that changed, and the sessions to which people are added."""
        keys = {
            (Kind.SESSION, session_id)
            for row, former in zip(self.changed, self.former, strict=True)
            for session_id in {*row.sessions} - {*former.sessions}
        }
        keys -= {row.key for row in self.changed}
        return self.changed + [row for key, row in self.after.items() if key in keys]

    def left_of(self, rest: Rest) -> Rest:
        """What is at rest when Swoogo has been told."""
        skips = Counter(rest.skips)
        skips.update(self.told)
        ends = [(end, one) for end, one in rest.ends if one not in self.ends]
        ends += [(end, one) for one, end in self.ends.items() if end is not None]
        return structs.replace(
            rest,
            ends=sorted(ends),
            used=[(*key, count) for key, count in self.used.items()],
            counts=dict(Counter(rest.counts) - Counter(row.kind.value for row in self.over)),
            skips=list(skips.elements()),
        )


def _difference(was: Programme, became: Programme, since: Since) -> _Difference | None:
    """In what the programmes differ; None where records may depend on it that are not in them."""
    rest = since.rest
    before = {row.key: row for row in was.rows}
    after = {row.key: row for row in became.rows}
    over = [row for key, row in before.items() if key not in after and row.kind not in CHOICES]
    told = Counter(became.skips)
    told.subtract(was.skips)
    pairs = [(row, before[key]) for key, row in after.items() if row != before.get(key, row)]
    ends = {one: became.ends.get(one) for one in _differing(was.ends, became.ends)}
    # Whether a room or a track is still needed is decided by all sessions.
    used = Counter({(kind, record_id): count for kind, record_id, count in rest.used})
    is_new = any(key not in before and key not in used for key in after)
    used.subtract(places(was.rows))
    used.update(places(became.rows))
    seen = {*rest.skips, *rest.warnings}
    if (
        is_new
        or not _are_merely_over(over, told)
        or not _only_joined(was, became, after)
        # Which of them it belongs to is decided by records far from the edited ones.
        or any(note.code == "speaker_email_shared" for note in rest.skips)
        or any(row.fields.get("email") != former.fields.get("email") for row, former in pairs)
        # What is gone counts for as long as it was not due.
        or (rest.missing and any(_day(row) != _day(former) for row, former in pairs))
        or was.warnings != became.warnings
        # What was left alone before was told before: else this is not what the last run saw.
        or not seen.issuperset((*was.skips, *was.warnings))
    ):
        return None
    over += [row for key, row in before.items() if key in used and not used[key]]
    return _Difference(
        after, [row for row, _ in pairs], [row for _, row in pairs], over, told, ends, +used
    )


def _differing(was: Mapping[str, object], became: Mapping[str, object]) -> set[str]:
    """The ids under which the two do not have the same."""
    return {one for one in was.keys() | became.keys() if was.get(one) != became.get(one)}


def _only_joined(was: Programme, became: Programme, after: Mapping[Key, Row]) -> bool:
    """Whether sessions have other people only by somebody more, and are not over."""
    return all(
        (Kind.SESSION, one) in after
        and was.people.get(one, frozenset()) <= became.people.get(one, frozenset())
        for one in _differing(was.people, became.people)
    )


def _are_merely_over(rows: Iterable[Row], told: Counter[Note]) -> bool:
    """Whether all that is told of rows that are gone is that they are over."""
    keys = {row.key for row in rows}
    notes = [note for note, more in told.items() if more and (note.kind, note.source_id) in keys]
    return len(notes) == len(keys) and all(
        note.code == "session_over" and told[note] == 1 for note in notes
    )


def _day(row: Row) -> object:
    return row.fields.get("date")


def _is_synced(known: Mapping[Key, Mapped], key: Key) -> bool:
    entry = known.get(key)
    return entry is not None and entry.swoogo_id is not None and entry.state is State.SYNCED


def _is_much(rows: Iterable[Row], rest: Rest, settings: Settings) -> bool:
    """Whether so many records changed that a guard may have to look at all of them."""
    limits = (
        settings.guard_changed_percent,
        settings.guard_emptied_percent,
        settings.guard_time_shift_percent,
    )
    least = min((limit for limit in limits if limit), default=0)
    changed = Counter(row.kind for row in rows)
    return any(
        100 * count >= least * known
        for kind, count in changed.items()
        if least and (known := rest.counts.get(kind.value, 0)) >= FEWEST
    )


def _is_told_of(difference: _Difference, rest: Rest) -> bool:
    """Whether what is told of any record names one by a label that it no longer has, or is over."""
    notes = (*rest.skips, *rest.warnings)
    over = {row.key for row in difference.over}
    labels = {row.label for row in difference.former} - {row.label for row in difference.changed}
    labels |= {row.label for row in difference.over}
    return any((note.kind, note.source_id) in over for note in notes) or any(
        label in note.message for label in labels for note in notes
    )


def _is_told_alike(
    was: Programme,
    became: Programme,
    difference: _Difference,
    rest: Rest,
    images: Mapping[Key, Uploaded],
) -> bool:
    """Whether people are told of the changed rows what they were told before, and by the rules."""
    looked = look_over(was, images)
    told = {*was.warnings, *looked}
    changed = {row.key for row in difference.changed}
    return look_over(became, images) == looked and all(
        note in told
        for note in (*rest.skips, *rest.warnings)
        if (note.kind, note.source_id) in changed
    )
