"""The vocabulary that rules, plan, apply and report share. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime


class Kind(str, Enum):
    """A kind of Swoogo record that the target writes, named as in the report."""

    LOCATION = "location"
    TRACK = "track"
    SESSION = "session"
    SPEAKER = "speaker"
    SPONSOR = "sponsor"

    @property
    def plural(self) -> str:
        """The word for several of them."""
        return f"{self.value}s"


@dataclass(frozen=True, slots=True)
class Ref:
    """The Swoogo id of another record, which may not exist yet."""

    kind: Kind
    source_id: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the choices that Swoogo offers for a field, by name."""

    name: str


Scalar: TypeAlias = str | int | None
Value: TypeAlias = Scalar | Ref | Choice


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that a record should have.

    Attributes:
        url: Where Sessionboard serves it.
        version: `updated_at` of the record; it moves when the picture may have changed.
    """

    url: str
    version: str


@dataclass(frozen=True, slots=True)
class Row:
    """A record as Swoogo should have it.

    Attributes:
        kind: What it is.
        source_id: Its Sessionboard id.
        label: Its name for people.
        fields: Swoogo field names and the values they should have.
        order: Sorts the soonest session first.
        picture: Its headshot or logo.
        sessions: For a speaker, the Sessionboard ids of the sessions to be linked.
    """

    kind: Kind
    source_id: str
    label: str
    fields: dict[str, Value]
    order: str = ""
    picture: Picture | None = None
    sessions: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Identifies the row within its event pair."""
        return (self.kind, self.source_id)


Key: TypeAlias = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about one record.

    Attributes:
        kind: What the record is, a `Kind` or "event".
        source_id: Its Sessionboard id.
        label: Its name for people.
        code: Stable name of the reason.
        message: One sentence that names the record and says what to do.
    """

    kind: str
    source_id: str
    label: str
    code: str
    message: str


@dataclass(slots=True)
class Programme:
    """What the rules made of one event's source records.

    Attributes:
        rows: The records that should be in Swoogo.
        skips: The records that should not, each with its reason.
        warnings: What syncs, but not quite as Sessionboard has it.
        people: Per session that is or was to be synced, the people on it.
        ends: Per accepted session that is not over, when it is; empty if past sessions sync too.
    """

    rows: list[Row] = field(default_factory=list)
    skips: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    people: dict[str, frozenset[str]] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)


class State(str, Enum):
    """How a record of the ID map stands."""

    SYNCED = "synced"
    FAILED = "failed"
    PENDING = "pending"
    AMBIGUOUS = "ambiguous"
    TOMBSTONE = "tombstone"


@dataclass(slots=True)
class Mapped:
    """An entry of the ID map: what Swoogo was last told of one record.

    Attributes:
        kind: What it is.
        source_id: Its Sessionboard id.
        label: Its name for people.
        swoogo_id: Its id in Swoogo; None before it exists there.
        applied: The fields as last sent, or as found when the record was adopted.
        state: How it stands.
        code: Stable name of the reason, where there is one.
        message: That reason as a sentence.
        adopted: Whether it was found in Swoogo rather than created.
        contact_id: For a speaker, the Swoogo contact that carries the headshot.
        direct_link: Address of the record's page in Swoogo.
    """

    kind: Kind
    source_id: str
    label: str
    swoogo_id: int | None = None
    applied: dict[str, Scalar] = field(default_factory=dict)
    state: State = State.PENDING
    code: str | None = None
    message: str | None = None
    adopted: bool = False
    contact_id: int | None = None
    direct_link: str | None = None

    @property
    def key(self) -> Key:
        """Identifies the entry within its event pair."""
        return (self.kind, self.source_id)


@dataclass(slots=True)
class Uploaded:
    """What is known of an image that was sent, or failed to be.

    Attributes:
        url: Where it was fetched.
        version: `updated_at` of its record at that time.
        etag: The source's entity tag.
        sha256: Digest of the source's bytes; None when nothing was sent yet.
        code: Stable name of the failure, if it failed last.
        message: That failure as a sentence.
        begun: Whether an upload was begun whose answer is not known: Swoogo may have another image
            than `sha256` says.
        width: Of the image as sent, in pixels; None where it is not known, or has none.
        height: Likewise.
    """

    url: str
    version: str
    etag: str | None = None
    sha256: str | None = None
    code: str | None = None
    message: str | None = None
    begun: bool = False
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was begun and whose answer is not known.

    Attributes:
        fields: The values that the POST carried.
        opened_at: When it was begun, in seconds since the epoch.
    """

    fields: dict[str, Scalar]
    opened_at: float


@dataclass(frozen=True, slots=True)
class Found:
    """A record as Swoogo has it.

    Attributes:
        swoogo_id: Its id.
        fields: Its values, in the form in which they are written.
        raw: The record as answered.
    """

    swoogo_id: int
    fields: dict[str, Scalar]
    raw: dict[str, Any]

    def carries(self, intent: Intent | None, name: str) -> bool:
        """Whether a field has the value that a create of ours sent."""
        return intent is not None and intent.fields.get(name) == self.fields.get(name)


@dataclass(frozen=True, slots=True)
class Told:
    """What Swoogo was told of a record, and what came of it.

    Attributes:
        kind: What the record is.
        source_id: Its Sessionboard id.
        at: When, in UTC.
        action: What was done, an action's verb.
        outcome: What came of it.
        code: Stable name of the reason, if it did not end well.
        message: That reason as a sentence.
        changes: Field names, each with its old and new value, as shown to people.
    """

    kind: Kind
    source_id: str
    at: str
    action: str
    outcome: str
    code: str | None
    message: str | None
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A change that a guard held back.

    Attributes:
        kind: What the record is.
        source_id: Its Sessionboard id.
        action: What would be done, an action's verb.
        code: Stable name of the guard.
        digest: Of the change; another change must be approved anew.
        label: The record's name for people.
        message: One sentence that says why, and how to let it through.
        approved: Whether a person let it through.
    """

    kind: Kind
    source_id: str
    action: str
    code: str
    digest: str
    label: str
    message: str
    approved: bool = False


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that came to an end.

    Attributes:
        run_id: Names it.
        started_at: When it began, in UTC.
        ended_at: When it was done.
        summary: Its figures, as `report.RunReport.summary` gives them.
    """

    run_id: str
    started_at: str
    ended_at: str
    summary: dict[str, Any]
