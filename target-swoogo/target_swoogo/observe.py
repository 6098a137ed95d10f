"""Asks Swoogo only what the plan must know: is the event right, what exists, which choices."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from target_swoogo import match
from target_swoogo.actions import Observed
from target_swoogo.answers import NotFound
from target_swoogo.endpoints import GET
from target_swoogo.model import Found, Key, Kind, Row
from target_swoogo.plan import level_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_swoogo.ledger import Pair
    from target_swoogo.model import Intent, Mapped, Value
    from target_swoogo.swoogo import Swoogo

LEVELS_AGE_SECONDS = 3600.0
"""A tier that Swoogo does not know is looked for anew after this time, if nothing else is to do."""

_LONGEST_PROGRAMME = timedelta(days=60)
_SEARCH_FIELD = {Kind.SESSION: "date", Kind.SPEAKER: "email"}
"""What is searched by. Names are not: they hold characters that the search syntax gives a meaning,
and a search by name would miss the same name in other spacing; so the other kinds are listed."""

_SYNTAX = frozenset(",&%*=<>!")
"""Characters with a meaning in a search; the two documents differ in the rest of the syntax."""


class PairError(Exception):
    """One event pair can't be synced; the others can.

    Attributes:
        code: Stable name of the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_event(client: Swoogo, pair: Pair) -> None:
    """Look up the Swoogo event and remember its name and zone in the pair.

    Args:
        client: Swoogo.
        pair: The pair.

    Raises:
        PairError: There is no such event.
    """
    try:
        event = client.event(pair.swoogo_event_id)
    except NotFound:
        raise PairError(
            "swoogo_event_unknown",
            f"Swoogo has no event {pair.swoogo_event_id} that this consumer key may see; correct "
            f"swoogo_event_id in event_mappings, or use the key of the account that has the event.",
        ) from None
    pair.observed["name"] = event.get("name")
    pair.observed["timezone"] = event.get("timezone")


def zone_of(name: str | None) -> ZoneInfo | None:
    """A time zone by its name; None when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def same_zone(ours: ZoneInfo, theirs: ZoneInfo, instants: Sequence[datetime]) -> bool:
    """Whether two zones agree over the time of a programme.

    `US/Eastern` is `America/New_York`; two zones that differ only in another season are the same.

    Args:
        ours: The one zone.
        theirs: The other.
        instants: The starts of the sessions.

    Returns:
        Whether their offsets agree in every hour from the first to the last.
    """
    if not instants:
        instants = [datetime.now(timezone.utc)]
    moment, last = min(instants), max(instants)
    last = min(last, moment + _LONGEST_PROGRAMME)
    while moment <= last:
        if moment.astimezone(ours).utcoffset() != moment.astimezone(theirs).utcoffset():
            return False
        moment += timedelta(hours=1)
    return True


def read_levels(client: Swoogo, pair: Pair, now: float) -> None:
    """Read the event's sponsor levels and remember them in the pair.

    Args:
        client: Swoogo.
        pair: The pair.
        now: Seconds since the epoch.
    """
    pair.observed["levels"] = [
        [choice["id"], choice["name"]]
        for choice in client.levels(pair.swoogo_event_id)
        if isinstance(choice.get("id"), int) and isinstance(choice.get("name"), str)
    ]
    pair.observed["levels_read_at"] = now


def remembered_levels(pair: Pair) -> dict[str, list[int]] | None:
    """The sponsor levels as last read: ids by evened-out name; None before the first time."""
    if "levels" not in pair.observed:
        return None
    levels: dict[str, list[int]] = defaultdict(list)
    for choice_id, name in pair.observed["levels"]:
        levels[level_name(name)].append(choice_id)
    return dict(levels)


def find(
    client: Swoogo, pair: Pair, rows: Iterable[Row], intents: Mapping[Key, Intent]
) -> dict[Key, list[Found]]:
    """Look for records in Swoogo by their natural keys.

    Args:
        client: Swoogo.
        pair: The pair.
        rows: What to look for.
        intents: Creates whose answer is not known; their records carry the values of that time.

    Returns:
        For each record, what Swoogo has of its natural key.
    """
    by_kind: dict[Kind, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)

    def of_kind(kind: Kind) -> dict[Key, list[Found]]:
        values = {row.key: _values(row, intents) for row in by_kind[kind]}
        records = _records(client, pair, kind, [v for known in values.values() for v in known])
        return {
            key: match.candidates(kind, {match.natural_key(kind, v) for v in known}, records)
            for key, known in values.items()
        }

    with ThreadPoolExecutor(client.workers) as pool:
        return {key: found for one in pool.map(of_kind, by_kind) for key, found in one.items()}


def find_unlisted(
    client: Swoogo,
    rows: Iterable[Row],
    matches: dict[Key, list[Found]],
    left_over: Iterable[Mapped],
) -> None:
    """Look by their ids for records that the lists may not show yet.

    A contact that is deleted and made anew within minutes of its first sync is the same person to
    Swoogo, whose lists may not know that person yet.

    Args:
        client: Swoogo.
        rows: What was looked for.
        matches: What was found, to which this adds.
        left_over: Entries of the ID map that no row has any more.
    """
    by_key: dict[tuple[Kind, tuple[str, ...]], list[int]] = defaultdict(list)
    for entry in left_over:
        if entry.kind in GET and entry.swoogo_id is not None:
            natural = match.natural_key(entry.kind, entry.applied)
            by_key[entry.kind, natural].append(entry.swoogo_id)
    for row in rows:
        for swoogo_id in by_key.get((row.kind, match.natural_key(row.kind, row.fields)), ()):
            if all(found.swoogo_id != swoogo_id for found in matches[row.key]):
                with suppress(NotFound):
                    matches[row.key].append(match.found(client.get(row.kind, swoogo_id)))


def observed(pair: Pair, matches: Mapping[Key, list[Found]]) -> Observed:
    """What the plan must know of Swoogo."""
    return Observed(remembered_levels(pair), matches)


def _values(row: Row, intents: Mapping[Key, Intent]) -> list[Mapping[str, Value]]:
    intent = intents.get(row.key)
    return [row.fields, intent.fields] if intent else [row.fields]


def _records(
    client: Swoogo, pair: Pair, kind: Kind, values: Sequence[Mapping[str, Value]]
) -> list[Found]:
    """By whichever is cheaper in credits: one search per record, or one listing per 200."""
    field = _SEARCH_FIELD.get(kind)
    terms = sorted({str(fields[field]) for fields in values}) if field else []
    searchable = bool(terms) and not any(_SYNTAX & set(term) for term in terms)
    if searchable and len(terms) == 1:
        return _all(client, pair, kind, f"{field}={terms[0]}")
    first = client.page(kind, pair.swoogo_event_id)
    records = [match.found(item) for item in first.items]
    if searchable and len(terms) < first.pages - 1:
        for term in terms:
            records += _all(client, pair, kind, f"{field}={term}")
    else:
        for number in range(2, first.pages + 1):
            page = client.page(kind, pair.swoogo_event_id, number)
            records += [match.found(item) for item in page.items]
    return list({record.swoogo_id: record for record in records}.values())


def _all(client: Swoogo, pair: Pair, kind: Kind, search: str) -> list[Found]:
    page = client.page(kind, pair.swoogo_event_id, search=search)
    records = [match.found(item) for item in page.items]
    for number in range(2, page.pages + 1):
        page = client.page(kind, pair.swoogo_event_id, number, search)
        records += [match.found(item) for item in page.items]
    return records
