"""Desired, applied and observed → ordered, priced actions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from target_swoogo import match, wording
from target_swoogo.actions import CHOICES, Action, Applied, Change, Observed, Plan, Verb
from target_swoogo.model import Choice, Found, Key, Kind, Mapped, Note, Ref, Row, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_swoogo.model import Programme, Scalar, Value
    from target_swoogo.settings import Settings


_KIND_ORDER = {kind: place for place, kind in enumerate(Kind)}


def make_plan(
    programme: Programme,
    applied: Applied,
    observed: Observed,
    settings: Settings,
    now: float,
) -> Plan:
    """Find what separates Swoogo from what it should have.

    Args:
        programme: What the rules decided.
        applied: What Swoogo was last told.
        observed: What was seen in Swoogo.
        settings: The settings.
        now: Seconds since the epoch; tells how old an open intent is.

    Returns:
        The plan.
    """
    return _Planner(programme, applied, observed, settings, now).plan()


def to_find(programme: Programme, applied: Applied, settings: Settings) -> list[Row]:
    """The records that must be looked for in Swoogo before anything is created.

    Args:
        programme: What the rules decided.
        applied: What Swoogo was last told.
        settings: The settings.

    Returns:
        Those that Swoogo is not known to have: all of them when existing records are to be matched,
        else those whose create was begun before.
    """
    return ghosts(programme, applied) + [
        row
        for row in programme.rows
        if (settings.match_existing or row.key in applied.intents)
        and ((entry := applied.mapped.get(row.key)) is None or entry.swoogo_id is None)
    ]


def ghosts(programme: Programme, applied: Applied) -> list[Row]:
    """The creates whose answer was lost, of records that are no longer wanted.

    Args:
        programme: What the rules decided.
        applied: What Swoogo was last told.

    Returns:
        A row for each, with the values that were sent.
    """
    wanted = {row.key for row in programme.rows}
    return [
        Row(kind, source_id, _sent_name(intent.fields) or source_id, dict(intent.fields))
        for (kind, source_id), intent in applied.intents.items()
        if (kind, source_id) not in wanted
    ]


def _sent_name(fields: Mapping[str, Scalar]) -> str:
    parts = (fields.get(name) for name in ("name", "first_name", "last_name"))
    return " ".join(str(part) for part in parts if part)


def level_name(name: str) -> str:
    """A sponsor level's name with case and spacing evened out."""
    return " ".join(name.split()).casefold()


class _Planner:
    def __init__(
        self,
        programme: Programme,
        applied: Applied,
        observed: Observed,
        settings: Settings,
        now: float,
    ) -> None:
        self.programme = programme
        self.applied = applied
        self.observed = observed
        self.settings = settings
        self.now = now
        self.out = Plan(skips=list(programme.skips), warnings=list(programme.warnings))
        self.orphans = self._orphans()
        self.claimed = {
            (entry.kind, entry.swoogo_id)
            for entry in applied.mapped.values()
            if entry.swoogo_id is not None and (entry.kind, entry.swoogo_id) not in self.orphans
        }
        self.given: dict[Key, Found | None] = {}
        self.matches: dict[Key, list[Found]] = {}
        self.ghosts = ghosts(programme, applied)
        self.ids = {
            key: entry.swoogo_id
            for key, entry in applied.mapped.items()
            if entry.swoogo_id is not None and entry.state is not State.TOMBSTONE
        }
        self.coming: set[Key] = set()
        self.readdressed: set[Key] = set()
        """Speakers whose new address may be that of another contact, without their headshot."""

    def plan(self) -> Plan:
        live: list[Row] = []
        # Kind by kind, choices first: the other records refer to them.
        for kind in Kind:
            rows = [row for row in self.programme.rows if row.kind is kind]
            lost = [row for row in self.ghosts if row.kind is kind]
            self._assign(rows, lost)
            live += [row for row in rows if self._record(row)]
            self._ghosts(lost)
        for row in live:
            self._links(row)
            self._image(row)
        self._left_over()
        self._removed_links()
        self._settled()
        self.out.actions.sort(
            key=lambda a: (a.stage, a.row.order, _KIND_ORDER[a.row.kind], a.row.source_id)
        )
        return self.out

    # Records

    def _record(self, row: Row) -> bool:
        """Plan the record itself; False when it is not and will not be in Swoogo."""
        entry = self.applied.mapped.get(row.key)
        if entry is not None and entry.state is State.TOMBSTONE:
            self.out.skips.append(_note(row, "deleted_in_swoogo", wording.deleted_in_swoogo(row)))
            return False
        if entry is not None and entry.swoogo_id is not None:
            changes = self._changes(row, entry.applied)
            if changes:
                self.out.actions.append(Action(Verb.UPDATE, row, changes))
                if "email" in changes:
                    self.readdressed.add(row.key)
            else:
                self.out.unchanged.append(row)
            return True
        return self._new(row)

    def _new(self, row: Row) -> bool:
        if row.key in self.given:
            chosen = self.given[row.key]
            if chosen is None:
                message = wording.ambiguous(row, self.matches[row.key])
                self.out.skips.append(_note(row, "ambiguous", message))
                return False
            return self._adopt(row, chosen)
        if self._may_arrive(row):
            self.out.waiting.append(_note(row, "outcome_unknown", wording.outcome_unknown(row)))
            return False
        changes = {
            name: Change(None, resolved)
            for name, value in row.fields.items()
            if not isinstance(resolved := self._resolve(row, value), _Open)
        }
        self.coming.add(row.key)
        self.out.actions.append(Action(Verb.CREATE, row, changes))
        return True

    def _ghosts(self, rows: Iterable[Row]) -> None:
        """Settle the creates whose answer was lost and which nobody wants any more.

        One that came through belongs into the ID map, so that it is listed as still in Swoogo.
        """
        for row in rows:
            found = self.given.get(row.key)
            if found is not None:
                self.out.actions.append(Action(Verb.ADOPT, row, found=found))
            elif self._may_arrive(row):
                self.out.waiting.append(_note(row, "outcome_unknown", wording.outcome_unknown(row)))
            elif row.key in self.observed.matches:
                self.out.dead.append(row.key)

    def _may_arrive(self, row: Row) -> bool:
        """Whether the record of an open intent may exist without being listed yet."""
        intent = self.applied.intents.get(row.key)
        return intent is not None and self.now - intent.opened_at < self.settings.list_lag_seconds

    def _assign(self, rows: Iterable[Row], lost: Iterable[Row]) -> None:
        """Decide which records of Swoogo the rows without one are, all rows at once."""
        if not self.observed.matches:
            return  # as in most runs, nothing had to be looked for
        wanted, matches = {}, {}
        for row, is_lost in (
            *((row, self._may_arrive(row)) for row in rows),
            *((row, True) for row in lost),
        ):
            if found := self._candidates(row, is_lost=is_lost):
                intent = self.applied.intents.get(row.key)
                wanted[row.key] = intent.fields if intent else self._known(row)
                matches[row.key] = found
        self.matches |= matches
        self.given |= match.assign(wanted, matches)
        # Adopted rooms, tracks and sessions have their ids at once, for those that refer to them.
        self.ids |= {key: found.swoogo_id for key, found in self.given.items() if found}

    def _candidates(self, row: Row, *, is_lost: bool) -> list[Found]:
        """What Swoogo has of a row's natural key, and no other row needs."""
        seen = [
            found
            for found in self.observed.matches.get(row.key, ())
            if (row.kind, found.swoogo_id) not in self.claimed
        ]
        if is_lost:
            # What is known to have been another row's cannot have come of this one's lost create.
            return [found for found in seen if (row.kind, found.swoogo_id) not in self.orphans]
        return seen

    def _adopt(self, row: Row, chosen: Found) -> bool:
        replaces = self.orphans.get((row.kind, chosen.swoogo_id))
        if replaces is not None:
            changes = self._changes(row, self.applied.mapped[replaces].applied)
        else:
            # Adoption fills in and corrects, but empties nothing that somebody wrote by hand.
            intent = self.applied.intents.get(row.key)
            changes = {
                name: change
                for name, change in self._changes(row, chosen.fields).items()
                if change.new is not None or chosen.carries(intent, name)
            }
        self.out.actions.append(Action(Verb.ADOPT, row, changes, chosen, replaces=replaces))
        return True

    def _known(self, row: Row) -> dict[str, Value]:
        return {
            name: resolved
            for name, value in row.fields.items()
            if not isinstance(resolved := self._resolve(row, value, quiet=True), Ref | _Open)
        }

    def _changes(self, row: Row, before: Mapping[str, Scalar]) -> dict[str, Change]:
        changes: dict[str, Change] = {}
        only_created = self.settings.create_only_fields
        for name, value in row.fields.items():
            if before.get(name, _OPEN) == value:
                continue  # as most are; references and choices are not, and are looked up
            if only_created and name in before and f"{row.kind.value}.{name}" in only_created:
                continue
            resolved = self._resolve(row, value)
            if isinstance(resolved, _Open):
                if not self._is_elsewhere(value, before.get(name)):
                    continue
                resolved = None
            if name not in before or before[name] != resolved:
                changes[name] = Change(before.get(name), resolved)
        return changes

    def _is_elsewhere(self, value: Value, before: Scalar) -> bool:
        """Whether a record is in a room or track that is known not to be the one it should have."""
        return isinstance(value, Ref) and any(
            kind is value.kind and swoogo_id == before and source_id != value.source_id
            for (kind, source_id), swoogo_id in self.ids.items()
        )

    def _resolve(self, row: Row, value: Value, *, quiet: bool = False) -> Value | _Open:
        """The value to send; `_OPEN` for one that can't be told now and is left as it is."""
        if isinstance(value, Ref):
            resolved, problem = self._resolve_ref(row, value)
        elif isinstance(value, Choice):
            resolved, problem = self._resolve_choice(row, value)
        else:
            return value
        if problem and not quiet and (note := _note(row, *problem)) not in self.out.warnings:
            self.out.warnings.append(note)
        return resolved

    def _resolve_ref(self, row: Row, ref: Ref) -> tuple[Value | _Open, _Problem | None]:
        key = (ref.kind, ref.source_id)
        if key in self.ids:
            return self.ids[key], None
        if key in self.coming:
            return ref, None
        return _OPEN, ("choice_missing", wording.choice_missing(row, ref.kind))

    def _resolve_choice(self, row: Row, choice: Choice) -> tuple[Value | _Open, _Problem | None]:
        if self.observed.levels is None:
            return _OPEN, None
        ids = self.observed.levels.get(level_name(choice.name), [])
        if len(ids) == 1:
            return ids[0], None
        code = "sponsor_level_ambiguous" if ids else "sponsor_level_unknown"
        return _OPEN, (code, wording.no_level(row, choice, ids))

    # Links and images

    def _links(self, row: Row) -> None:
        missing = tuple(
            session_id
            for session_id in row.sessions
            if not self.applied.links.get((row.source_id, session_id))
            and (
                (Kind.SESSION, session_id) in self.ids or (Kind.SESSION, session_id) in self.coming
            )
        )
        if missing:
            self.out.actions.append(Action(Verb.LINK, row, sessions=missing))

    def _will_exist(self, key: Key) -> bool:
        return key in self.ids or key in self.coming

    def _image(self, row: Row) -> None:
        if row.picture is None:
            return
        sent = self.applied.images.get(row.key)
        if (
            sent is None
            or row.key in self.readdressed
            or sent.sha256 is None
            or sent.code is not None
            or sent.begun
            or (sent.url, sent.version) != (row.picture.url, row.picture.version)
        ):
            self.out.actions.append(Action(Verb.IMAGE, row))

    # What stays behind

    def _orphans(self) -> dict[tuple[Kind, int], Key]:
        """Records whose row is gone from Sessionboard; one that replaces it may take them over.

        A contact that was deleted and made anew, or merged with another, is the same person to
        Swoogo, which must not get a second one.
        """
        wanted = {row.key for row in self.programme.rows}
        refused = {
            (note.kind, note.source_id) for note in self.programme.skips if note.code not in _GONE
        }
        return {
            (entry.kind, entry.swoogo_id): key
            for key, entry in self.applied.mapped.items()
            if key not in wanted
            and (entry.kind.value, entry.source_id) not in refused
            and entry.swoogo_id is not None
            and entry.state is not State.TOMBSTONE
        }

    def _left_over(self) -> None:
        """Nothing is ever removed from Swoogo; what no longer belongs there is listed."""
        taken = {action.replaces for action in self.out.actions}
        for key in self.orphans.values():
            entry = self.applied.mapped[key]
            if entry.kind not in CHOICES and key not in taken:
                note = wording.still_in_swoogo(entry)
                self.out.warnings.append(_entry_note(entry, "still_in_swoogo", note))

    def _removed_links(self) -> None:
        removed: dict[str, list[str]] = {}
        for speaker_id, session_id in sorted(self.applied.links):
            people = self.programme.people.get(session_id)
            there = (Kind.SPEAKER, speaker_id) in self.ids and (
                Kind.SESSION,
                session_id,
            ) in self.ids
            if there and people is not None and speaker_id not in people:
                removed.setdefault(speaker_id, []).append(session_id)
        for speaker_id, sessions in removed.items():
            speaker = self.applied.mapped[Kind.SPEAKER, speaker_id]
            if self.settings.unlink_removed_speakers:
                row = Row(Kind.SPEAKER, speaker_id, speaker.label, {})
                self.out.actions.append(Action(Verb.UNLINK, row, sessions=tuple(sessions)))
                continue
            for session_id in sessions:
                session = self.applied.mapped[Kind.SESSION, session_id]
                note = wording.still_linked(speaker, session)
                self.out.warnings.append(_entry_note(speaker, "still_linked", note))

    def _settled(self) -> None:
        """Strike failures that are over: nothing differs any more, or nobody wants it any more."""
        tried = {
            (Verb.IMAGE if action.verb is Verb.IMAGE else Verb.UPDATE, action.row.key)
            for action in self.out.actions
            if action.verb not in {Verb.LINK, Verb.UNLINK}
        }
        tried |= {(Verb.UPDATE, key) for key in self.applied.intents}
        failed = [
            (Verb.UPDATE, key)
            for key, entry in self.applied.mapped.items()
            if entry.state is State.FAILED
        ]
        failed += [
            (Verb.IMAGE, key)
            for key, image in self.applied.images.items()
            if image.code is not None
        ]
        self.out.settled += [one for one in failed if one not in tried]


class _Open:
    """Stands for a value that can't be told now."""


_OPEN = _Open()
_Problem: TypeAlias = tuple[str, str]
"""Code and sentence."""

_GONE = frozenset(
    {
        "session_not_accepted",
        "session_without_status",
        "session_deleted",
        "session_undated",
        "session_is_submission",
        "subsession",
        "speaker_not_on_session",
    }
)
"""Reasons for which a record should no longer be seen in Swoogo."""


def _entry_note(entry: Mapped, code: str, message: str) -> Note:
    return Note(entry.kind.value, entry.source_id, entry.label, code, message)


def _note(row: Row, code: str, message: str) -> Note:
    return Note(row.kind.value, row.source_id, row.label, code, message)
