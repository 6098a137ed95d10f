"""What the state machine remembers of what people did in Swoogo, and what must hold after a run.

Whether Swoogo is right is for `invariants` to say, which works it out from Sessionboard's records.
This module knows where it may differ: what organisers wrote, made and deleted in Swoogo, and until
when that must stand. Which record is whose is asked of the ledger; where the ledger is wrong about
it, a record turns out to be there twice, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .invariants import Exceptions, Key, Record, View, differences
from .machine_world import KINDS, Run, World
from .small_programme import EVENT, PAIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMED_BY = {
    "locations": ("name",),
    "tracks": ("name",),
    "sessions": ("name", "date", "start_time"),
    "speakers": ("email",),
    "sponsors": ("name",),
}
"""What a record is recognised by."""

_PLAIN = {
    *("name", "description", "date", "start_time", "end_time", "capacity", "website"),
    *("email", "first_name", "last_name", "job_title", "company", "bio"),
}
"""Fields that stand in a view as they stand in Swoogo."""

Place = tuple[str, int]
"""A record of Swoogo: kind in the plural and id."""


@dataclass
class Written:
    """A value that somebody wrote into Swoogo.

    Attributes:
        value: What they wrote.
        unsure: Whether a run that did not settle adopted the record, and may have corrected it.
    """

    value: Any
    unsure: bool = False


@dataclass
class Memory:
    """What is true of Swoogo beyond what Sessionboard's records say.

    Attributes:
        world: Both sides and the pair.
        written: What people wrote, as long as it must stand.
        by_hand: Records that people made.
        lost: Records that were there when the ledger was lost.
        lost_links: Links, by Swoogo speaker and session id, that were there then.
        buried: What people deleted in Swoogo.
        tombs: What the ledger knows of that.
        owners: Whose record each is, by the ledger.
        told: What Swoogo was or may have been told of each record since a run settled it.
    """

    world: World
    written: dict[Place, dict[str, Written]] = field(default_factory=dict)
    by_hand: set[Place] = field(default_factory=set)
    lost: set[Place] = field(default_factory=set)
    lost_links: set[tuple[int, int]] = field(default_factory=set)
    buried: set[Key] = field(default_factory=set)
    tombs: set[Key] = field(default_factory=set)
    owners: dict[Place, Key] = field(default_factory=dict)
    told: dict[Key, list[View]] = field(default_factory=dict)
    _failed: set[Key] = field(default_factory=set)
    _before: dict[Place, Record] = field(default_factory=dict)

    # What people do

    def is_known(self, kind: str, like: Mapping[str, Any]) -> bool:
        """Whether Swoogo has nothing of this natural key that the ledger may not know of yet.

        If somebody makes the same record within the lag of a list after a run that was killed, the
        target takes theirs for the one that it has lost sight of; nothing tells them apart.
        """
        wanted = _natural(kind, like)
        known = self.owners.keys() | self.by_hand | self.lost
        return all(
            place in known or place[0] != kind or _natural(kind, row) != wanted
            for place, row in self._places().items()
        )

    def wrote(self, place: Place, name: str, value: Any) -> None:
        """Somebody wrote a value into Swoogo."""
        self.written.setdefault(place, {})[name] = Written(value)

    def deleted(self, place: Place) -> None:
        """Somebody deleted a record in Swoogo."""
        self.written.pop(place, None)
        if place in self.owners:
            self.buried.add(self.owners.pop(place))

    def restored(self, key: Key) -> None:
        """Somebody asked for what was deleted to be sent anew."""
        self.tombs.discard(key)
        self.buried.discard(key)

    def ledger_lost(self) -> None:
        """Nobody knows any more what was deleted, who had which record, and what it was told."""
        self.lost = set(self._places())
        self.lost_links = {
            (speaker_id, session_id)
            for speaker_id, row in self.world.rows("speakers").items()
            for session_id in row["session_ids"]
        }
        for known in (self.buried, self.tombs, self.owners, self.told):
            known.clear()

    # What a run does

    def begin(self) -> None:
        """A run begins."""
        self._before = self._places()

    def end(self, run: Run) -> None:
        """Fail if the run did what it must not, or says it is done and is not."""
        after, owners_before, tombs_before = self._places(), self.owners, self.tombs
        self._ask_ledger()
        self._nothing_is_made_twice(run, after)
        desired = self.world.desired()
        for place, owner in self.owners.items():
            old = owners_before.get(place)
            if place not in self._before or owner == old:
                continue
            if old is not None:
                # The same record under a new id.
                self.told.setdefault(owner, []).extend(self.told.get(old, ()))
            elif owner in desired:
                self._adopted(place, desired[owner], settled=run.settled)
        if run.settled:
            assert not self._failed, f"{self._failed} failed once and are right, but for the ledger"
            self._hand_edits_stand(desired, after)
            self.told |= {key: [view] for key, view in desired.items()}
            self._is_right(run, desired, owners_before, tombs_before)
        elif run.read != "nothing":
            for key, view in desired.items():
                self.told.setdefault(key, []).append(view)

    def _places(self) -> dict[Place, Record]:
        return {(kind, i): row for kind in KINDS for i, row in self.world.rows(kind).items()}

    def _ask_ledger(self) -> None:
        self.owners, self.tombs, self._failed = {}, set(), set()
        with self.world.ledger() as ledger:
            mine = [pair for pair in ledger.pairs() if pair.sessionboard_event_id == EVENT]
            entries = [entry for pair in mine for entry in ledger.mapped(pair).values()]
            images = {k: image for pair in mine for k, image in ledger.images(pair).items()}
        self._failed |= {(e.kind.plural, e.source_id) for e in entries if e.state.value == "failed"}
        self._failed |= {(k.plural, key) for (k, key), image in images.items() if image.code}
        for entry in entries:
            key = (entry.kind.plural, entry.source_id)
            if entry.state.value == "tombstone":
                self.tombs.add(key)
            elif entry.swoogo_id is not None:
                place = (entry.kind.plural, entry.swoogo_id)
                assert place not in self.owners, f"{place} belongs to {key} and another"
                self.owners[place] = key
        assert self.tombs <= self.buried, f"{self.tombs - self.buried} are still in Swoogo"

    def _nothing_is_made_twice(self, run: Run, after: Mapping[Place, Record]) -> None:
        """A record is not made while Swoogo has one of its natural key that nobody needs."""
        left = {key for code, key in run.named("warnings") if code == "still_in_swoogo"}
        if self.world.lag:
            left.clear()  # no list showed it, perhaps
        free = [
            place
            for place in self._before.keys() & after.keys()
            if (owner := self.owners.get(place)) is None or owner in left
        ]
        for place in after.keys() - self._before.keys():
            made = _natural(place[0], after[place])
            twins = [p for p in free if _natural(p[0], self._before[p]) == made]
            assert not twins, f"{place} was made although Swoogo had {twins}"

    def _adopted(self, place: Place, due: View, *, settled: bool) -> None:
        """Adoption fills in and corrects, but empties nothing."""
        fields = self.written.setdefault(place, {})
        self.told.pop(self.owners[place], None)
        for name in _PLAIN & due.keys():
            if due[name] is None and (held := self._before[place][name]) is not None:
                fields[name] = Written(held)
            if name in fields:
                fields[name].unsure = not settled

    def _hand_edits_stand(self, desired: Mapping[Key, View], after: Mapping[Place, Record]) -> None:
        for place, fields in list(self.written.items()):
            if place not in after:
                del self.written[place]
                continue
            due = desired.get(self.owners.get(place, ("", "")), {})
            for name, one in list(fields.items()):
                held, allowed = after[place][name], self._allowed(place, name, one, due)
                what = f"{name} of {place}, which is {self.owners.get(place)},"
                assert held in allowed, f"{what} is {held!r} and must be one of {allowed}"
                one.unsure = False
                if held != one.value:
                    del fields[name]

    def _allowed(self, place: Place, name: str, one: Written, due: View) -> set[Any]:
        """What a field may hold now that somebody wrote into."""
        if name not in due:
            return {one.value}
        told = {view[name] for view in self.told.get(self.owners[place], ())}
        if one.unsure or (due[name] in told and len(told) > 1):
            return {one.value, due[name]}
        # A value that Sessionboard has changed goes to Swoogo; so does any when a record is
        # adopted, but for one that Sessionboard lacks.
        changed = due[name] not in told if told else due[name] is not None
        return {due[name] if changed else one.value}

    # What must hold

    def _is_right(
        self,
        run: Run,
        desired: Mapping[Key, View],
        owners_before: Mapping[Place, Key],
        tombs_before: set[Key],
    ) -> None:
        named = run.named("skipped", "warnings")
        unsaid = {k for k in tombs_before if k in desired and ("deleted_in_swoogo", k) not in named}
        assert not unsaid, f"{unsaid} were deleted in Swoogo and the report does not say so"
        ambiguous = {key for code, key in named if code == "ambiguous"}
        for key in ambiguous:
            assert len(self._twins(key, desired)) > 1, f"{key} is not ambiguous"
        exceptions = Exceptions(
            self._values(run, desired),
            (self.buried | ambiguous) & desired.keys(),
            self._not_ours(desired, {key for _, key in named}),
            self._extra_links(run, desired, owners_before),
        )
        now, settings = self.world.sandbox.world.clock.now(), self.world.settings
        found = differences(self.world.sandbox, PAIRS, settings, exceptions, now)
        assert not found, "\n".join([*found, f"The report names {sorted(named)}"])

    def _twins(self, key: Key, desired: Mapping[Key, View]) -> list[Place]:
        """Records that might be this one, and are nobody's."""
        wanted = _natural(key[0], desired[key])
        return [
            place
            for place, row in self._places().items()
            if place[0] == key[0]
            and self.owners.get(place) not in desired
            and _natural(key[0], row) == wanted
        ]

    def _not_ours(self, desired: Mapping[Key, View], named: set[Key]) -> set[Place]:
        """Records that are nobody's, or somebody's who no longer belongs there, as is reported."""
        left = {
            place: owner
            for place in self._places()
            if (owner := self.owners.get(place)) is not None and owner not in desired
        }
        unsaid = {key for key in left.values() if key not in named and key[0] not in _CHOICES}
        assert not unsaid, f"{unsaid} are still in Swoogo and the report does not say so"
        return left.keys() | ((self.by_hand | self.lost) - self.owners.keys())

    def _values(self, run: Run, desired: Mapping[Key, View]) -> dict[Key, dict[str, Any]]:
        """Where records may differ from Sessionboard."""
        values: dict[Key, dict[str, Any]] = {}
        named, levels = run.named("warnings"), self.world.levels()
        for place, row in self._places().items():
            owner = self.owners.get(place)
            if owner is None or owner not in desired:
                continue
            view = {name: one.value for name, one in self.written.get(place, {}).items()}
            if ("sponsor_level_unknown", owner) in named:
                view["level"] = levels.get(row["level"])
            if ("choice_missing", owner) in named:
                view |= self._choices_left(row, desired[owner])
            values[owner] = view
        return values

    def _choices_left(self, row: Record, due: View) -> View:
        """Where it is not known which room or track a session is in; it is not in a wrong one."""
        left = {}
        for name in ("location", "track"):
            held = self.world.rows(f"{name}s").get(row[f"{name}_id"])
            if held and due[name] and held["name"] == due[name]["name"]:
                left[name] = {part: held[part] for part in due[name]}
        return left

    def _extra_links(
        self, run: Run, desired: Mapping[Key, View], owners_before: Mapping[Place, Key]
    ) -> set[tuple[int, int]]:
        """Links that Sessionboard does not have and that are reported, or forgotten."""
        named = {key for code, key in run.named("warnings") if code == "still_linked"}
        extra = set()
        for speaker_id, row in self.world.rows("speakers").items():
            place = ("speakers", speaker_id)
            people = {self.owners.get(place), owners_before.get(place)}
            for session_id in row["session_ids"]:
                session = self.owners.get(("sessions", session_id))
                known = people & named or (speaker_id, session_id) in self.lost_links
                if known and session in desired and not people & self._on(session):
                    extra.add((speaker_id, session_id))
        return extra

    def _on(self, session: Key) -> set[Key | None]:
        roles = self.world.settings.get("roles", ["speaker", "chairperson", "moderator"])
        people = self.world.sandbox.state.programme["sessions"][session[1]]["people"]
        return {("speakers", entry["id"]) for entry in people if entry["role"] in roles}


_CHOICES = {"locations", "tracks"}


def _natural(kind: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name] or "").casefold() for name in NAMED_BY[kind])
