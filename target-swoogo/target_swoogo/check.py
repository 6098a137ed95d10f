"""What is fine, and what stands in the way of a sync: the lines of the command check. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from typing import TYPE_CHECKING, Any

from target_swoogo import observe
from target_swoogo.plan import level_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

_ALIKE = 0.85
"""Names that agree so far are the same; with common dates, `_RATHER_ALIKE` is enough."""

_RATHER_ALIKE = 0.6
_SCARCE = 0.25
"""A quota of which less than this share is left is worth a warning."""


class Level(str, Enum):
    """How a line is meant."""

    FINE = "fine"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at.

    Attributes:
        level: How it is meant.
        about: What it concerns, in words.
        found: What was found.
        todo: What to do.
        code: Stable name of what is not fine.
    """

    level: Level
    about: str
    found: str
    todo: str = ""
    code: str | None = None


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of either system.

    Attributes:
        id: Its id.
        name: Its name.
        timezone: Its time zone, as the system names it.
        first: Its first day, ISO text; None where it is not known.
        last: Its last day.
    """

    id: int
    name: str
    timezone: str | None = None
    first: str | None = None
    last: str | None = None

    def overlaps(self, other: EventSeen) -> bool | None:
        """Whether the two have a day in common; None where a date is not known."""
        if not (self.first and self.last and other.first and other.last):
            return None
        return self.first <= other.last and other.first <= self.last


def fine(about: str, found: str, todo: str = "") -> Line:
    """A line about what is as it should be."""
    return Line(Level.FINE, about, found, todo)


def warning(about: str, code: str, found: str, todo: str) -> Line:
    """A line about what a sync can live with."""
    return Line(Level.WARNING, about, found, todo, code)


def error(about: str, code: str, found: str, todo: str) -> Line:
    """A line about what stops a sync."""
    return Line(Level.ERROR, about, found, todo, code)


# Events


def proposals(
    ours: Iterable[EventSeen], theirs: Iterable[EventSeen], mapped: Iterable[tuple[int, int]]
) -> list[tuple[EventSeen, EventSeen]]:
    """Propose pairs of events that are not mapped yet, by their names and dates.

    Args:
        ours: The events of Sessionboard.
        theirs: The events of Swoogo.
        mapped: The pairs there are.

    Returns:
        The likeliest pairs; no event is in two.
    """
    taken = {side: {pair[side] for pair in mapped} for side in (0, 1)}
    scored = sorted(
        (
            (score, one, other)
            for one in ours
            for other in theirs
            if one.id not in taken[0]
            and other.id not in taken[1]
            and (score := _likeness(one, other)) > 0
        ),
        key=lambda scored: (-scored[0], scored[1].id, scored[2].id),
    )
    pairs = []
    for _, one, other in scored:
        if one.id not in taken[0] and other.id not in taken[1]:
            taken[0].add(one.id)
            taken[1].add(other.id)
            pairs.append((one, other))
    return pairs


def _likeness(one: EventSeen, other: EventSeen) -> float:
    """How sure it is that two events are the same; 0 for not at all."""
    overlap = one.overlaps(other)
    ratio = SequenceMatcher(None, _words(one.name), _words(other.name)).ratio()
    # The same conference in another year has the same name.
    if overlap is False or ratio < (_RATHER_ALIKE if overlap else _ALIKE):
        return 0.0
    return ratio + bool(overlap)


def _words(name: str) -> str:
    return " ".join(re.findall(r"\w+", name.casefold()))


def mapping_text(pairs: Iterable[tuple[int, int]]) -> str:
    """Pairs as the setting event_mappings takes them."""
    return json.dumps(
        [{"sessionboard_event_id": ours, "swoogo_event_id": theirs} for ours, theirs in pairs]
    )


def events_known(
    mapping: tuple[int, int],
    ours: Collection[EventSeen] | None,
    theirs: Collection[EventSeen] | None,
) -> list[Line]:
    """Whether both events of a pair are there.

    Args:
        mapping: Sessionboard and Swoogo event id.
        ours: The events of Sessionboard; None where they could not be read.
        theirs: The events of Swoogo; likewise.
    """
    lines = []
    about = pair_name(mapping)
    one, other = ({event.id for event in events or ()} for events in (ours, theirs))
    swapped = "The ids look swapped. " if mapping[0] in other and mapping[1] in one else ""
    if ours is not None and mapping[0] not in one:
        lines.append(
            error(
                about,
                "sessionboard_event_unknown",
                f"Sessionboard has no event {mapping[0]} that this token may see.",
                f"{swapped}Correct sessionboard_event_id in event_mappings, or use a token of the "
                "organisation that has the event.",
            )
        )
    if theirs is not None and mapping[1] not in other:
        lines.append(
            error(
                about,
                "swoogo_event_unknown",
                f"Swoogo has no event {mapping[1]} that this consumer key may see.",
                f"{swapped}Correct swoogo_event_id in event_mappings, or use the key of the "
                "account that has the event.",
            )
        )
    if not lines and ours is not None and theirs is not None:
        lines.append(fine(about, "Both events are there."))
    return lines


def pair_name(mapping: tuple[int, int]) -> str:
    """What lines call a pair."""
    return f"Sessionboard event {mapping[0]} to Swoogo event {mapping[1]}"


def zones(
    mapping: tuple[int, int],
    ours: str | None,
    theirs: str | None,
    starts: Sequence[datetime],
    on_mismatch: str,
) -> Line:
    """Whether both events of a pair keep the same time.

    Args:
        mapping: Sessionboard and Swoogo event id.
        ours: Sessionboard's time zone.
        theirs: Swoogo's.
        starts: When the sessions begin, as far as they are known.
        on_mismatch: The setting timezone_mismatch.
    """
    about = pair_name(mapping)
    one, other = observe.zone_of(ours), observe.zone_of(theirs)
    if one is None:
        return error(
            about,
            "sessionboard_timezone_unknown",
            f"The event has no known time zone in Sessionboard ({ours or 'none'}).",
            "Set it on the event's Details page.",
        )
    if other is not None and observe.same_zone(one, other, starts):
        return fine(about, f"The time zones agree: {ours} and {theirs}.")
    made = warning if on_mismatch == "warn" else error
    return made(
        about,
        "timezone_mismatch",
        f"The time zones differ: {ours} in Sessionboard, {theirs or 'none'} in Swoogo. Every "
        f"session would show at the wrong hour.",
        "Set the same zone in both, or timezone_mismatch to warn.",
    )


# Sponsors


def levels(
    mapping: tuple[int, int],
    offered: Iterable[str],
    tiers: Sequence[str | None],
    tier_field: str,
) -> list[Line]:
    """Whether the sponsors' tiers are among Swoogo's sponsor levels.

    Args:
        mapping: Sessionboard and Swoogo event id.
        offered: Names of the levels.
        tiers: The tier of each sponsor in the ledger; None for one without.
        tier_field: The setting sponsor_tier_field.
    """
    about, names = pair_name(mapping), list(offered)
    listed = ", ".join(names) or "none"
    given = sorted({tier for tier in tiers if tier})
    if not tiers:
        return [fine(about, f"Sponsor levels in Swoogo: {listed}. No sponsors were read yet.")]
    if not given:
        if not names:
            return [fine(about, "Neither the sponsors have tiers, nor Swoogo sponsor levels.")]
        return [
            warning(
                about,
                "sponsor_tiers_missing",
                f'None of the {len(tiers):,} sponsors has a tier in the field "{tier_field}"; '
                f"Swoogo has the levels {listed}.",
                "Set sponsor_tier_field to the name of the custom field that holds the tier in "
                "Sessionboard.",
            )
        ]
    evened = [level_name(name) for name in names]
    lines = [
        warning(
            about,
            "sponsor_level_unknown",
            f'The tier "{tier}" is not among Swoogo\'s sponsor levels ({listed}).',
            "Add the level in Swoogo, or change the tier in Sessionboard.",
        )
        for tier in given
        if level_name(tier) not in evened
    ] + [
        warning(
            about,
            "sponsor_level_ambiguous",
            f'Swoogo has several sponsor levels named "{tier}".',
            "Rename all but one of them in Swoogo.",
        )
        for tier in given
        if evened.count(level_name(tier)) > 1
    ]
    return lines or [
        fine(about, f"Every sponsor tier is a sponsor level in Swoogo: {', '.join(given)}.")
    ]


def required_fields(
    mapping: tuple[int, int],
    sponsor_fields: Iterable[Mapping[str, Any]],
    refusals: Iterable[tuple[str, str]],
) -> list[Line]:
    """Whether custom fields are required that a sync cannot fill.

    Swoogo's API reference documents no call that tells which fields of sessions and speakers are
    required. So what is looked at is what Swoogo refused before, and whether the list of the
    sponsors' fields says `required` of one.

    Args:
        mapping: Sessionboard and Swoogo event id.
        sponsor_fields: The fields of the sponsors.
        refusals: For each record that Swoogo refused, its kind and what Swoogo said.
    """
    about = pair_name(mapping)
    wanted = {
        ("sponsor", str(field.get("attribute")))
        for field in sponsor_fields
        if re.fullmatch(r"c_\d+", str(field.get("attribute"))) and field.get("required") is True
    } | {(kind, name) for kind, said in refusals for name in re.findall(r"\bc_\d+\b", said)}
    lines = [
        warning(
            about,
            "custom_field_required",
            f"Swoogo demands the custom field {name} of every {kind}, which a sync cannot fill.",
            "Make it optional in Swoogo.",
        )
        for kind, name in sorted(wanted)
    ]
    return lines or [
        fine(
            about,
            "No required custom field is known. Swoogo does not tell them all: where there are "
            "any, records are refused as swoogo_refused, with the field's name.",
        )
    ]


# The quota


def quota(spent: int, left: int | None, limit: int) -> Line:
    """How much of Swoogo's quota there is.

    Args:
        spent: Credits that the check took.
        left: Credits left in the window; None where Swoogo did not tell.
        limit: Credits of a whole window.
    """
    took = f"The check took {spent:,} credits"
    if left is None:
        return fine("Swoogo", f"{took}; Swoogo did not tell how many are left.")
    message = f"{took}; {left:,} of {limit:,} are left in this window of ten minutes."
    if left < limit * _SCARCE:
        return warning(
            "Swoogo",
            "quota_low",
            message,
            "See what else uses the same consumer key; a sync that runs out goes on at its next "
            "run.",
        )
    return fine("Swoogo", message)
