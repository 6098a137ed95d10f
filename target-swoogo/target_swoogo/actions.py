"""What a plan is made of, and made from. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from target_swoogo.model import Choice, Found, Key, Kind, Mapped, Note, Ref, Row
from target_swoogo.quota import CALL_COST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_swoogo.model import Intent, Scalar, Uploaded, Value

CHOICES = frozenset({Kind.LOCATION, Kind.TRACK})
"""What other records refer to."""


class Verb(str, Enum):
    """What an action does in Swoogo."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    LINK = "link"
    UNLINK = "unlink"
    IMAGE = "image"


class Stage(IntEnum):
    """Actions run stage by stage; each stage needs the ids that the earlier ones make."""

    CHOICES = 0
    RECORDS = 1
    LINKS = 2
    IMAGES = 3


class Change(NamedTuple):
    """A field's value as Swoogo was last told, and as it should be."""

    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Action:
    """One step towards what Swoogo should have.

    Attributes:
        verb: What it does.
        row: The record it serves.
        changes: For creates, adoptions and updates: the fields to be sent.
        found: For an adoption: the record that Swoogo has.
        sessions: For a link: the Sessionboard ids of the sessions to add or to remove.
        replaces: For an adoption: the row that had the record before, and is gone.
    """

    verb: Verb
    row: Row
    changes: dict[str, Change] = field(default_factory=dict)
    found: Found | None = None
    sessions: tuple[str, ...] = ()
    replaces: Key | None = None

    @property
    def stage(self) -> Stage:
        """When it runs."""
        if self.verb in {Verb.LINK, Verb.UNLINK}:
            return Stage.LINKS
        if self.verb is Verb.IMAGE:
            return Stage.IMAGES
        return Stage.CHOICES if self.row.kind in CHOICES else Stage.RECORDS

    @property
    def cost(self) -> int:
        """Its price in credits.

        An adoption without changes makes no call. An update of a session must carry its name, and
        reads it first unless it changes.
        """
        if self.verb in {Verb.ADOPT, Verb.UPDATE}:
            if not self.changes:
                return 0
            if self.row.kind is Kind.SESSION and "name" not in self.changes:
                return 2 * CALL_COST
        return CALL_COST


def part(verb: Verb) -> str:
    """What of a record an action is about; a create, an adoption and an update are one."""
    return "record" if verb in {Verb.CREATE, Verb.ADOPT, Verb.UPDATE} else verb.value


def digest(action: Action) -> str:
    """What an action would do, in short: the same only for the very same new values.

    The old ones do not count: a run that was cut off may have forgotten them.
    """
    said = [
        action.verb.value,
        *action.row.key,
        sorted((name, repr(change.new)) for name, change in action.changes.items()),
        action.sessions,
    ]
    return blake2b(repr(said).encode(), digest_size=16).hexdigest()


class HeldBack(NamedTuple):
    """An action that a guard holds back until somebody approves it.

    Attributes:
        action: The action, of one record; the rest of what it needs goes on.
        code: Stable name of the guard.
        message: One sentence that says why.
    """

    action: Action
    code: str
    message: str


@dataclass(slots=True)
class Plan:
    """What a run will do for one event pair.

    Attributes:
        actions: The actions, in order.
        unchanged: The records that are as they should be.
        skips: Records that are left alone, each with its reason.
        warnings: What a person should know although it syncs.
        waiting: Records that wait for a later run.
        dead: Intents that came to nothing and are no longer wanted.
        settled: Failures on record that are over: of an update or an image, and of which record.
        held: Actions that are held back until somebody approves them.
    """

    actions: list[Action] = field(default_factory=list)
    unchanged: list[Row] = field(default_factory=list)
    skips: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    waiting: list[Note] = field(default_factory=list)
    dead: list[Key] = field(default_factory=list)
    settled: list[tuple[Verb, Key]] = field(default_factory=list)
    held: list[HeldBack] = field(default_factory=list)

    @property
    def cost(self) -> int:
        """Its price in credits."""
        return sum(action.cost for action in self.actions)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the ledger knows of one event pair.

    Attributes:
        mapped: The ID map.
        links: Speaker and session ids of the links: True where made, False where only begun.
        images: The images that were sent.
        intents: The creates whose answer is not known.
    """

    mapped: Mapping[Key, Mapped]
    links: Mapping[tuple[str, str], bool]
    images: Mapping[Key, Uploaded]
    intents: Mapping[Key, Intent]


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen in Swoogo.

    Attributes:
        levels: Ids of the sponsor levels by evened-out name; None where they were never read.
        matches: For records to be created, what Swoogo has of the same natural key.
    """

    levels: Mapping[str, list[int]] | None = None
    matches: Mapping[Key, list[Found]] = field(default_factory=dict)


def values_to_send(action: Action, ids: Mapping[Key, int]) -> dict[str, Scalar]:
    """The values an action sends, with references resolved.

    Args:
        action: A create, an adoption or an update.
        ids: The Swoogo ids as they are by now.

    Returns:
        Field names and values; a reference that still can't be resolved is left for a later run.
    """
    values: dict[str, Scalar] = {}
    for name, change in action.changes.items():
        new = change.new
        if isinstance(new, Ref):
            if (new.kind, new.source_id) not in ids:
                continue
            new = ids[new.kind, new.source_id]
        if not isinstance(new, Choice):
            values[name] = new
    return values
