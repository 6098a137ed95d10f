"""Sessionboard's searches: what a request asks for, checked as its OpenAPI file says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.answers import Refusal, json_body
from sandbox.clock import from_stamp, to_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from sandbox.store import Record

STATUSES = ("accepted", "accept_queue", "pending", "decline_queue", "declined")
EXPANDS = ("translated_fields", "subsession_details", "linked_sources", "composition")
_STAMPS = {"createdAt": "created_at", "updatedAt": "updated_at", "deletedAt": "deleted_at"}
_MAX_PAGE, _MAX_PAGE_SIZE, _PAGE_SIZE = 999, 100, 25


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    number: int
    size: int

    def cut(self, rows: list[Record]) -> list[Record]:
        """The rows of this page."""
        return rows[(self.number - 1) * self.size : self.number * self.size]

    def total(self, rows: list[Record]) -> int:
        """How many pages there are."""
        return -(-len(rows) // self.size)


@dataclass(frozen=True)
class Search:
    """A search body, checked."""

    ranges: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    status: str | None = None
    is_abstract: bool | None = None
    order: str = "created_at"
    descending: bool = False
    expand: frozenset[str] = frozenset()

    def dated(self, rows: list[Record], *, inclusive: bool) -> list[Record]:
        """The rows within the date ranges, sorted."""
        rows = [row for row in rows if self._within(row, inclusive=inclusive)]
        return sorted(rows, key=lambda row: row.get(self.order) or "", reverse=self.descending)

    def _within(self, row: Record, *, inclusive: bool) -> bool:
        for name, bounds in self.ranges.items():
            stamp: str = row.get(name) or ""
            if bounds and not stamp:
                return False
            if "before" in bounds and stamp >= bounds["before"]:
                return False
            if "after" in bounds and (
                stamp < bounds["after"] or (stamp == bounds["after"] and not inclusive)
            ):
                return False
        return True


def page_of(request: Request, size_name: str = "pageSize", known: tuple[str, ...] = ()) -> Page:
    """The page asked for in the query string.

    Raises:
        Refusal: 400 for an unknown parameter, or a page or size out of bounds.
    """
    check_query(request, ("page", size_name, *known))
    query = request.query_params
    return Page(
        _bounded("page", query.get("page", "1"), _MAX_PAGE),
        _bounded(size_name, query.get(size_name, str(_PAGE_SIZE)), _MAX_PAGE_SIZE),
    )


def check_query(request: Request, known: tuple[str, ...]) -> None:
    """Refuses query parameters that the call does not have.

    Raises:
        Refusal: 400, naming them.
    """
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise Refusal(400, f"Unknown query parameter: {', '.join(unknown)}")


def _bounded(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise Refusal(400, f"{name} must be an integer from 1 to {most}, not {text!r}")
    return int(text)


def expand_of(values: object, *, known: tuple[str, ...] | None = EXPANDS) -> frozenset[str]:
    """The expansions asked for.

    Raises:
        Refusal: 400 for anything but an array of known names.
    """
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refusal(400, "expand must be an array of strings")
    unknown = sorted(set(values) - set(known)) if known else []
    if unknown:
        raise Refusal(400, f"expand must be among {', '.join(EXPANDS)}, not {', '.join(unknown)}")
    return frozenset(values)


async def search_of(request: Request, kind: str) -> Search:
    """The search in the request's body.

    Args:
        request: The request.
        kind: ``sessions``, ``statuses`` or ``records``: they differ in what they filter and sort
            by (SessionSearchBody, the body of sessions/status, RecordSearchBody).

    Raises:
        Refusal: 400 for a body that the OpenAPI file does not allow.
    """
    if not await request.body():
        return Search()
    try:
        body = await json_body(request)
    except Refusal as refusal:
        raise Refusal(400, refusal.message) from refusal
    body = _object("body", body, ("filters", "sort", "expand"))
    stamps = [*_STAMPS] if kind == "statuses" else ["createdAt", "updatedAt"]
    checks: dict[str, Callable[[str, Any], Any]] = dict.fromkeys(stamps, _range)
    checks["status"] = _one_of(STATUSES)
    if kind == "sessions":
        checks["isAbstract"] = _boolean
    filters = _object("filters", body.get("filters", {}), tuple(checks))
    found = {name: checks[name](f"filters.{name}", value) for name, value in filters.items()}
    sort = _object("sort", body.get("sort", {}), ("order", "sort"))
    order = _one_of(tuple(stamps))("sort.order", sort.get("order", "createdAt"))
    direction = _one_of(("asc", "desc"))("sort.sort", sort.get("sort", "asc"))
    return Search(
        ranges={_STAMPS[name]: found[name] for name in stamps if name in found},
        status=found.get("status"),
        is_abstract=found.get("isAbstract"),
        order=_STAMPS[order],
        descending=direction == "desc",
        expand=expand_of(body.get("expand", []), known=None if kind == "statuses" else EXPANDS),
    )


def _object(name: str, value: Any, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(400, f"{name} must be an object")
    unknown = sorted(value.keys() - set(known))
    if unknown:
        raise Refusal(400, f"{name} has no {', '.join(unknown)}; it has {', '.join(known)}")
    return value


def _range(name: str, value: object) -> dict[str, str]:
    bounds: dict[str, str] = {}
    for bound, text in _object(name, value, ("before", "after")).items():
        try:
            bounds[bound] = to_stamp(from_stamp(text))
        except (ValueError, AttributeError) as error:
            message = f"{name}.{bound} must be a date-time with an offset, not {text!r}"
            raise Refusal(400, message) from error
    return bounds


def _one_of(choices: tuple[str, ...]) -> Callable[[str, Any], str]:
    def check(name: str, value: object) -> str:
        if value not in choices:
            raise Refusal(400, f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Refusal(400, f"{name} must be true or false, not {value!r}")
    return value
