"""Swoogo's lists: fields, expand, search, sort and pages (Swoogo API v1 reference, Searching)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.store import Record
    from sandbox.swoogo_resources import Resource

_PER_PAGE, _MOST_PER_PAGE, _MOST_IDS = 20, 200, 100
_CLAUSE = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"(?P<operator>%contains%|%beginswith%|%endswith%|\*contains\*|!=|>=|<=|=|>|<)"
    r"(?P<value>.*)",
    re.DOTALL,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    ">=": lambda a, b: bool(a >= b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    "<": lambda a, b: bool(a < b),
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "%contains%": lambda a, b: b in a,
    "*contains*": lambda a, b: b in a,
    "%beginswith%": str.startswith,
    "%endswith%": str.endswith,
}


@dataclass(frozen=True)
class ListQuery:
    """A list call's parameters, checked."""

    fields: tuple[str, ...]
    expand: frozenset[str]
    clauses: tuple[tuple[str, str, str], ...]
    order: tuple[tuple[str, bool], ...]
    ids: frozenset[int] | None
    page: int
    per_page: int

    def pick(self, rows: Iterable[Record], value: Callable[[Record, str], Any]) -> list[Record]:
        """The rows that the search finds, in the order asked for.

        Args:
            rows: The candidates.
            value: Reads a field of a row as the API shows it.
        """
        found = [
            row
            for row in rows
            if (self.ids is None or row["id"] in self.ids)
            and all(_holds(value(row, name), op, text) for name, op, text in self.clauses)
        ]
        for name, descending in reversed((*self.order, ("id", False))):
            found.sort(key=lambda row: _sort_key(value(row, name)), reverse=descending)
        return found

    def envelope(self, path: str, query: Mapping[str, str], rows: list[Record]) -> Record:
        """The page of rows with its links and counts; past the end comes the last page again."""
        pages = -(-len(rows) // self.per_page)
        current = max(1, min(self.page, pages))
        names = {"self": current, "first": 1, "last": max(1, pages)}
        if current > 1:
            names["prev"] = current - 1
        if current < pages:
            names["next"] = current + 1
        return {
            "items": rows[(current - 1) * self.per_page : current * self.per_page],
            "_links": {
                name: {"href": f"{path}.json?{urlencode({**query, 'page': number})}"}
                for name, number in names.items()
            },
            "_meta": {
                "totalCount": len(rows),
                "pageCount": pages,
                "currentPage": current,
                "perPage": self.per_page,
            },
        }


def list_query(query: Mapping[str, str], resource: Resource) -> ListQuery:
    """Checks a list call's parameters, ``event_id`` apart.

    Raises:
        Refusal: 400 for an unknown parameter, field, expansion, operator or a bad number.
    """
    own = {"event_id"} if resource.of_event else set()
    known = {"fields", "expand", "search", "sort", "ids", "page", "per-page"} | own
    check_parameters(query, known)
    return ListQuery(
        fields=field_names(query, resource, resource.listed),
        expand=expansions(query, resource),
        clauses=tuple(_clauses(query.get("search", ""), resource)),
        order=tuple(_order(query.get("sort", ""), resource)),
        ids=_ids(query.get("ids")),
        page=_positive("page", query.get("page", "1")),
        per_page=min(_MOST_PER_PAGE, _positive("per-page", query.get("per-page", str(_PER_PAGE)))),
    )


def check_parameters(query: Mapping[str, str], known: set[str]) -> None:
    """Refuses query parameters that the call does not have.

    Raises:
        Refusal: 400, naming them.
    """
    unknown = sorted(set(query) - known)
    if unknown:
        raise Refusal(400, f"Unknown parameter: {', '.join(unknown)}")


def field_names(
    query: Mapping[str, str], resource: Resource, default: tuple[str, ...]
) -> tuple[str, ...]:
    """The fields asked for.

    Raises:
        Refusal: 400 for a field that the record type does not have.
    """
    return _names(query.get("fields", ""), "fields", resource.fields) or default


def expansions(query: Mapping[str, str], resource: Resource) -> frozenset[str]:
    """The expansions asked for.

    Raises:
        Refusal: 400 for an expansion that the record type does not have.
    """
    return frozenset(_names(query.get("expand", ""), "expand", resource.expands))


def _names(text: str, parameter: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refusal(400, f"{parameter} cannot name {', '.join(unknown)}")
    return names


def _clauses(text: str, resource: Resource) -> Iterable[tuple[str, str, str]]:
    for part in text.split(",") if text else []:
        match = _CLAUSE.fullmatch(part.lstrip())
        if match is None:
            raise Refusal(400, f"search cannot be read at {part!r}")
        if match["name"] not in resource.fields:
            raise Refusal(400, f"search cannot look at {match['name']}")
        yield match["name"], match["operator"], match["value"]


def _order(text: str, resource: Resource) -> Iterable[tuple[str, bool]]:
    for part in text.split(",") if text else []:
        name = part.strip().removeprefix("-")
        if name not in resource.fields:
            raise Refusal(400, f"sort cannot name {name!r}")
        yield name, part.strip().startswith("-")


def _ids(text: str | None) -> frozenset[int] | None:
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise Refusal(400, "ids must be integers, separated by commas")
    if len(parts) > _MOST_IDS:
        raise Refusal(400, f"ids can hold at most {_MOST_IDS} ids, not {len(parts)}")
    return frozenset(map(int, parts))


def _positive(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise Refusal(400, f"{name} must be a positive integer, not {text!r}")
    return int(text)


def _plain(value: Any) -> str:
    """A field as the database compares it: without case, without trailing spaces."""
    if isinstance(value, dict):
        value = value.get("id")
    return "" if value is None else str(value).rstrip().lower()


def _holds(value: Any, operator: str, text: str) -> bool:
    have, want = _plain(value), _plain(text)
    if operator in _TEXT:
        return _TEXT[operator](have, want)
    if _is_number(have) and _is_number(want):
        return _COMPARE[operator](float(have), float(want))
    return _COMPARE[operator](have, want)


def _sort_key(value: Any) -> tuple[bool, float, str]:
    text = _plain(value)
    number = _is_number(text)
    return (not number, float(text) if number else 0, text)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", text))
