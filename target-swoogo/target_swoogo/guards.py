"""Holds back what looks like a mistake at its source, until a person approves it. Pure.

A guard compares how many of the records that Swoogo has would be changed at once. What it holds is
taken out of the plan; everything else goes on. A change that was approved, exactly as it was shown,
goes on as well, and counts towards no share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from target_swoogo.actions import Action, Change, HeldBack, Verb
from target_swoogo.approvals import TO_APPROVE, Approvals
from target_swoogo.model import Kind, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from target_swoogo.actions import Applied, Plan
    from target_swoogo.model import Held, Programme, Row, Scalar, Value
    from target_swoogo.settings import Settings

TIMES = frozenset({"date", "start_time", "end_time"})
"""The fields that say when a session is."""

FEWEST = 10
"""Known records of a kind below which no guard acts: of a handful, an ordinary edit is half."""

_HOUR, _DAY = 60, 24 * 60
"""In minutes."""


def guard(
    plan: Plan,
    programme: Programme,
    applied: Applied,
    settings: Settings,
    approved: Iterable[Held] = (),
) -> None:
    """Move what looks like a mistake from a plan's actions to what is held.

    Args:
        plan: The plan, which is changed.
        programme: What the rules decided.
        applied: What Swoogo was last told.
        settings: The settings; each guard has its share.
        approved: What was held back before, and approved since.
    """
    _Guards(plan, programme, applied, settings, Approvals(approved)).run()


def piece(action: Action, names: Iterable[str]) -> Action:
    """Part of an action as an update of its own, the same in every run that plans it.

    A reference counts as such, whether or not its record has an id by now, and so does a record
    that is only being adopted.

    Args:
        action: An update or an adoption.
        names: The fields.
    """
    fields: Mapping[str, Value] = action.row.fields
    chosen = set(names)
    changes = {n: Change(action.changes[n].old, fields[n]) for n in action.changes if n in chosen}
    return Action(Verb.UPDATE, action.row, changes)


def without(action: Action, names: Collection[str]) -> Action | None:
    """An action without some fields; None where nothing is left of it."""
    changes = {name: change for name, change in action.changes.items() if name not in names}
    if not changes and action.verb is Verb.UPDATE:
        return None
    return replace(action, changes=changes)


@dataclass(slots=True)
class _Update:
    """An update of a record that Swoogo has.

    Attributes:
        place: Of its action in the plan.
        action: The action.
        open: The fields on which no guard has decided yet.
        known: The fields whose old value is known. One whose old value is not known may be merely
            sent again, after a call that was cut off: it counts towards no share, and goes on
            unless it would be by another clock than what is held.
        held: The fields that are held back.
    """

    place: int
    action: Action
    open: set[str]
    known: set[str]
    held: set[str] = field(default_factory=set)


@dataclass
class _Guards:
    plan: Plan
    programme: Programme
    applied: Applied
    settings: Settings
    approvals: Approvals

    def run(self) -> None:
        updates = self._updates()
        if updates:
            known = self._known()
            self._time_shift(updates, known)
            self._emptied(updates, known)
            self._changed(updates, known)
            self._take_out(updates)

    def _known(self) -> Counter[Kind]:
        """How many records of each kind are synced, and in Swoogo already."""
        known: Counter[Kind] = Counter()
        for row in self.programme.rows:
            entry = self.applied.mapped.get(row.key)
            if (
                entry is not None
                and entry.swoogo_id is not None
                and entry.state is not State.TOMBSTONE
            ):
                known[row.kind] += 1
        known.update(action.row.kind for action in self.plan.actions if action.replaces)
        return known

    def _updates(self) -> list[_Update]:
        updates = []
        for place, action in enumerate(self.plan.actions):
            if action.verb is Verb.UPDATE or action.replaces is not None:
                known = self._before(action).keys() & action.changes.keys()
                updates.append(_Update(place, action, set(action.changes), set(known)))
        return updates

    def _before(self, action: Action) -> Mapping[str, Scalar]:
        """What Swoogo was last told of an action's record."""
        return self.applied.mapped[action.replaces or action.row.key].applied

    # The guards of updates, the most particular first

    def _time_shift(self, updates: Iterable[_Update], known: Counter[Kind]) -> None:
        code = "guard_time_shift"
        shifts: dict[float, list[tuple[_Update, set[str]]]] = defaultdict(list)
        unknown: list[tuple[_Update, set[str]]] = []
        for update in updates:
            times = set(TIMES & update.open)
            if update.action.row.kind is not Kind.SESSION or not times:
                continue
            if not times <= update.known:
                unknown.append((update, times))
            elif minutes := _shift(update.action, self._before(update.action)):
                shifts[minutes].append((update, times))
        for minutes in sorted(shifts, key=lambda m: (-len(shifts[m]), m)):
            shifts[minutes] = self._not_approved(shifts[minutes], code)
        if not shifts:
            return
        # Over a change of the clocks, one wrong zone is two offsets, an hour apart.
        near = {m: [u for n in shifts if abs(n - m) <= _HOUR for u in shifts[n]] for m in shifts}
        minutes = max(shifts, key=lambda m: (len(near[m]), len(shifts[m])))
        moved = near[minutes]
        share = share_of(len(moved), known[Kind.SESSION])
        limit = self.settings.guard_time_shift_percent
        if limit and share >= limit:
            self._hold(
                # What may only be sent again, too: it would be by another clock than the rest.
                [*moved, *self._not_approved(unknown, code)],
                code,
                f"{share:.0f} % of the sessions would move by {_offset(minutes)}: a time-zone "
                f"change? Their new times are held back; look at the times and the time zone of "
                f"the event in Sessionboard; {TO_APPROVE}",
            )

    def _emptied(self, updates: Iterable[_Update], known: Counter[Kind]) -> None:
        code = "guard_emptied"
        suspects: dict[tuple[Kind, str], list[_Update]] = defaultdict(list)
        for update in updates:
            for name in sorted(update.open & update.known):
                change = update.action.changes[name]
                if change.new is None and change.old is not None:
                    suspects[update.action.row.kind, name].append(update)
        limit = self.settings.guard_emptied_percent
        emptied: dict[int, tuple[_Update, set[str]]] = {}
        for (kind, name), members in suspects.items():
            if share_of(len(members), known[kind]) > limit > 0:
                for update in members:
                    emptied.setdefault(update.place, (update, set()))[1].add(name)
        left = self._not_approved(emptied.values(), code)
        counts = Counter((update.action.row.kind, name) for update, names in left for name in names)
        shares = {of: share_of(count, known[of[0]]) for of, count in counts.items()}
        for kind in Kind:
            mass = {name for (of, name), share in shares.items() if of is kind and share > limit}
            fields = " and ".join(f"{name} ({shares[kind, name]:.0f} %)" for name in sorted(mass))
            held = [one for one in left if one[0].action.row.kind is kind and one[1] & mass]
            self._hold(
                held,
                code,
                f"{fields} of the {kind.plural} would be emptied: was something removed by "
                f"mistake? What Swoogo has is left alone; look at them in Sessionboard; "
                f"{TO_APPROVE}",
            )

    def _changed(self, updates: Iterable[_Update], known: Counter[Kind]) -> None:
        code = "guard_changed"
        by_kind: dict[Kind, list[tuple[_Update, set[str]]]] = defaultdict(list)
        for update in updates:
            if names := update.open & update.known:
                by_kind[update.action.row.kind].append((update, names))
        limit = self.settings.guard_changed_percent
        for kind, suspects in by_kind.items():
            if not share_of(len(suspects), known[kind]) > limit > 0:
                continue
            left = self._not_approved(suspects, code)
            share = share_of(len(left), known[kind])
            if share > limit:
                self._hold(
                    left,
                    code,
                    f"{share:.0f} % of the {kind.plural} would be changed at once: an import or a "
                    f"setting gone wrong? The changes are held back; look at them in "
                    f"Sessionboard; {TO_APPROVE}",
                )

    def _not_approved(
        self, suspects: Iterable[tuple[_Update, set[str]]], code: str
    ) -> list[tuple[_Update, set[str]]]:
        left = []
        for update, names in suspects:
            if self.approvals.allow(piece(update.action, names), code):
                update.open -= names
            else:
                left.append((update, names))
        return left

    def _hold(self, held: Iterable[tuple[_Update, set[str]]], code: str, message: str) -> None:
        for update, names in held:
            update.open -= names
            update.held |= names
            self.plan.held.append(HeldBack(piece(update.action, names), code, message))

    def _take_out(self, updates: Iterable[_Update]) -> None:
        by_place = {update.place: update for update in updates if update.held}
        if not by_place:
            return
        readdressed = {u.action.row.key for u in by_place.values() if "email" in u.held}
        actions = []
        for place, action in enumerate(self.plan.actions):
            update = by_place.get(place)
            kept = without(action, update.held) if update else action
            if kept is None or (
                kept.verb is Verb.IMAGE
                and kept.row.key in readdressed
                and self._has_picture(kept.row)
            ):
                continue
            actions.append(kept)
        self.plan.actions = actions

    def _has_picture(self, row: Row) -> bool:
        """Whether Swoogo has a record's picture, so that only a new address makes it sent again."""
        sent, wanted = self.applied.images.get(row.key), row.picture
        return (
            sent is not None
            and wanted is not None
            and sent.sha256 is not None
            and sent.code is None
            and not sent.begun
            and (sent.url, sent.version) == (wanted.url, wanted.version)
        )

    # The guard of removals


def share_of(count: int, known: int) -> float:
    """What share of the known records is concerned.

    Args:
        count: How many are concerned.
        known: How many are known.

    Returns:
        It, in percent; 0 where there are too few to tell.
    """
    return 100 * count / known if known >= FEWEST else 0.0


def _shift(action: Action, before: Mapping[str, Scalar]) -> float:
    """By how many minutes a session's start would move, by the clock on the wall."""
    if not {"date", "start_time"} & action.changes.keys():
        return 0.0
    after = dict(before) | {name: change.new for name, change in action.changes.items()}
    try:
        old, new = (
            datetime.fromisoformat(f"{fields['date']}T{fields['start_time']}")
            for fields in (before, after)
        )
    except (KeyError, ValueError):
        return 0.0  # not known, or adopted in a form that is not ours
    return (new - old).total_seconds() / 60


def _offset(minutes: float) -> str:
    if minutes % _DAY:
        return f"{minutes:+,.0f} minutes"
    days = minutes / _DAY
    return f"{days:+,.0f} day{'' if abs(days) == 1 else 's'}"
