"""The sentences about records: each names its record and says what to do. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from target_swoogo.actions import Action, Verb
from target_swoogo.model import Choice, Found, Kind, Mapped, Ref, Row

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_swoogo.model import Value


def name(row: Row) -> str:
    """How a sentence begins: the record's kind and name."""
    return row.label if row.kind is Kind.SPEAKER else f'{row.kind.value.capitalize()} "{row.label}"'


def deleted_in_swoogo(row: Row) -> str:
    """For a tombstone."""
    return (
        f"{name(row)} was deleted in Swoogo and is not sent again; to send it anew: "
        f"meltano invoke target-swoogo:restore {row.kind.value} {row.source_id}"
    )


def sessions_gone(row: Row) -> str:
    """For a speaker whose sessions were all deleted in Swoogo."""
    return (
        f"{name(row)} was not linked: its sessions were deleted in Swoogo; restore those that "
        f"should be there."
    )


def ambiguous(row: Row, matches: Collection[Found]) -> str:
    """For a record that Swoogo has several times."""
    ids = ", ".join(str(found.swoogo_id) for found in matches)
    return (
        f"{name(row)} exists {len(matches)} times in Swoogo (ids {ids}), so it is not clear which "
        f"one to use; delete all but one of them there."
    )


def outcome_unknown(row: Row) -> str:
    """For a create whose answer was lost."""
    return (
        f"{name(row)} was sent to Swoogo but the answer was lost; the next run looks whether it "
        f"arrived before anything is repeated. Nothing needs to be done."
    )


def choice_missing(row: Row, kind: Kind) -> str:
    """For a record whose room or track is not in Swoogo."""
    return (
        f"{name(row)} goes without its {kind.value}, which is not in Swoogo; see what is said of "
        f"the {kind.value}."
    )


def no_level(row: Row, tier: Choice, ids: Collection[int]) -> str:
    """For a sponsor whose tier is no sponsor level, or several."""
    if ids:
        return (
            f"{name(row)} goes without its level: Swoogo has {len(ids)} sponsor levels named "
            f'"{tier.name}"; rename all but one of them there.'
        )
    return (
        f'{name(row)} goes without its level: Swoogo has no sponsor level named "{tier.name}"; '
        f"add it there or change the tier in Sessionboard."
    )


def still_in_swoogo(entry: Mapped) -> str:
    """For a record that no longer belongs to what is synced."""
    where = f" ({entry.direct_link})" if entry.direct_link else ""
    return (
        f'{entry.kind.value.capitalize()} "{entry.label}" no longer belongs to what is synced '
        f"but is still in Swoogo{where}; delete it there by hand if attendees should not see it."
    )


def still_linked(speaker: Mapped, session: Mapped) -> str:
    """For a person who is no longer on a session."""
    where = f" ({session.direct_link})" if session.direct_link else ""
    return (
        f'{speaker.label} is no longer on session "{session.label}" in Sessionboard but is still '
        f"linked to it in Swoogo{where}; remove the link there by hand, or set "
        f"unlink_removed_speakers."
    )


def waits_for_record(row: Row) -> str:
    """For what hangs on a record that could not be written."""
    return f"{name(row)} waits for a record that is not in Swoogo yet; a later run completes it."


_WHAT = {
    Verb.CREATE: "was not created",
    Verb.ADOPT: "was not updated",
    Verb.UPDATE: "was not updated",
    Verb.LINK: "was not linked to its sessions",
    Verb.UNLINK: "was not taken off its sessions",
    Verb.IMAGE: "got no new image",
}


def refused(action: Action, why: str) -> str:
    """For an action that Swoogo refused."""
    return (
        f"{name(action.row)} {_WHAT[action.verb]}: Swoogo refuses it ({why}); correct the field in "
        f"Sessionboard."
    )


def failed(action: Action, why: str) -> str:
    """For an action that failed otherwise."""
    return f"{name(action.row)} {_WHAT[action.verb]}: {why}."


def unavailable(action: Action, why: str) -> str:
    """For an action to which Swoogo gave no usable answer."""
    return f"{name(action.row)} {_WHAT[action.verb]}: {why}; the next run tries again."


def shown(field: str, value: Value) -> str | int | None:
    """A field's value for people: references as words, e-mail addresses masked."""
    if isinstance(value, Ref):
        return f"new {value.kind.value}"
    if isinstance(value, Choice):
        return value.name
    if field == "email" and isinstance(value, str):
        return masked(value)
    return value


def masked(email: str) -> str:
    """An e-mail address that can be recognised by those who know it, and used by nobody else."""
    return re.sub(r"(?<=^.)[^@]*|(?<=@.)[^.]*", "***", email)
