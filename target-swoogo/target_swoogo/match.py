"""Recognises a record in Swoogo by its natural key. Pure.

Swoogo keeps no external id and no uniqueness rule, so a record is known by what people know it by:
a speaker by e-mail address, a session by name, date and start, anything else by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_swoogo.model import Found, Kind
from target_swoogo.values import line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from target_swoogo.model import Key, Scalar, Value

KEYS = {
    Kind.SESSION: ("name", "date", "start_time"),
    Kind.SPEAKER: ("email",),
    Kind.SPONSOR: ("name",),
    Kind.LOCATION: ("name",),
    Kind.TRACK: ("name",),
}
_INTEGERS = frozenset({"capacity", "location_id", "track_id", "level"})


def natural_key(kind: Kind, fields: Mapping[str, Value]) -> tuple[str, ...]:
    """What a record is recognised by, with case, spacing and what `line` changes evened out.

    Args:
        kind: What it is.
        fields: Its Swoogo fields.

    Returns:
        The key.
    """
    return tuple((line(str(fields.get(name) or "")) or "").casefold() for name in KEYS[kind])


def found(raw: Mapping[str, Any]) -> Found:
    """Bring an answered record into the form in which its fields are written.

    Args:
        raw: The record as answered.

    Returns:
        The record; choices as their ids, numbers as integers, empty text as None.
    """
    fields = {name: _written(name, value) for name, value in raw.items() if name != "id"}
    return Found(int(raw["id"]), fields, dict(raw))


def _written(name: str, value: Any) -> Scalar:
    if isinstance(value, dict):
        value = value.get("id")
    if value is None or value == "":
        return None
    if name in _INTEGERS:
        try:
            return int(value)
        except (TypeError, ValueError):
            return str(value)
    return value if isinstance(value, int) else str(value)


def candidates(
    kind: Kind, keys: Collection[tuple[str, ...]], records: Iterable[Found]
) -> list[Found]:
    """The records that carry one of some natural keys.

    Args:
        kind: What they are.
        keys: The keys.
        records: What Swoogo has.

    Returns:
        Those that match.
    """
    return [record for record in records if natural_key(kind, record.fields) in keys]


def assign(
    wanted: Mapping[Key, Mapping[str, Value]], matches: Mapping[Key, Collection[Found]]
) -> dict[Key, Found | None]:
    """Give each row that looks for its record one of the records that match it.

    Rows may share a natural key, such as two lunches at one time; the record that agrees in the
    most values goes to each. Where more records than rows match, only one that agrees in every
    value is sure enough.

    Args:
        wanted: The values each row should have, or those its lost POST carried.
        matches: The records that match each row.

    Returns:
        For each row that matches any record: its record; None where that cannot be told.
    """
    offers = sorted(
        (-_agreement(wanted[key], found), place, found.swoogo_id)
        for place, key in enumerate(matches)
        for found in matches[key]
    )
    keys, by_id = list(matches), {f.swoogo_id: f for found in matches.values() for f in found}
    given: dict[Key, Found | None] = {}
    taken: set[int] = set()
    for _, place, swoogo_id in offers:
        if keys[place] not in given and swoogo_id not in taken:
            given[keys[place]] = by_id[swoogo_id]
            taken.add(swoogo_id)
    for key, found in matches.items():
        left = [f for f in found if f.swoogo_id not in taken]
        chosen = given.get(key)
        if left and chosen is not None and best(wanted[key], [chosen, *left]) is not chosen:
            given[key] = None
    return given


def _agreement(fields: Mapping[str, Value], found: Found) -> int:
    return sum(found.fields.get(name) == value for name, value in fields.items())


def best(fields: Mapping[str, Value], matches: Collection[Found]) -> Found | None:
    """Choose between records of one natural key.

    Args:
        fields: The values the record should have, or those a lost POST carried.
        matches: The candidates.

    Returns:
        The only candidate, or the only one that agrees in every value; None where that does not
        decide.
    """
    if len(matches) == 1:
        return next(iter(matches))
    same = [
        match
        for match in matches
        if all(match.fields.get(name) == value for name, value in fields.items())
    ]
    return same[0] if len(same) == 1 else None
