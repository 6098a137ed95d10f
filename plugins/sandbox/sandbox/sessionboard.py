"""Sessionboard's public API v1, its reading half (Sessionboard Public API, OpenAPI file)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from sandbox.answers import Refusal, answer
from sandbox.clock import from_stamp, to_stamp
from sandbox.gateway import Admission
from sandbox.sessionboard_search import (
    STATUSES,
    Page,
    Search,
    check_query,
    expand_of,
    page_of,
    search_of,
)
from sandbox.sessionboard_shapes import Shapes

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.store import Record
    from sandbox.world import World

TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's credentials are public
MASKED_TOKEN = "sandbox-masked-token"  # noqa: S105
OTHER_REGION_TOKEN = "sandbox-eu-token"  # noqa: S105
NO_SCOPE_TOKEN = "sandbox-noscope-token"  # noqa: S105
_ERRORS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
_EVENTS = "/v1/events"


class Sessionboard:
    """The vendor's side: who may call, how often, and what an error looks like."""

    name = "sessionboard"

    def __init__(self, world: World) -> None:
        self._world = world
        self.app = Starlette(
            routes=_routes(),
            exception_handlers={Refusal: self._refused, HTTPException: self._not_routed},
        )
        self.app.state.world = world

    def admit(self, request: Request, path: str) -> Admission:
        """Checks token, scope and rate limit.

        Raises:
            Refusal: 401, 403 or 429.
        """
        token = request.headers.get("x-access-token")
        if token is None:
            scheme, _, credential = request.headers.get("authorization", "").partition(" ")
            token = credential if scheme.lower() == "bearer" else None
        if token == OTHER_REGION_TOKEN:
            raise Refusal(401, "This token belongs to another region")
        if token not in {TOKEN, MASKED_TOKEN, NO_SCOPE_TOKEN}:
            raise Refusal(401, "Missing or invalid access token")
        if token == NO_SCOPE_TOKEN and path != _EVENTS:
            raise Refusal(403, "The token lacks the scope for this resource")
        request.state.masked = token == MASKED_TOKEN
        headers: dict[str, str] = {}
        if request.method == "GET" and path != _EVENTS and self._world.settings.rate_limit_enabled:
            headers = self._count(token)
        return Admission(headers=headers)

    def _count(self, token: str) -> dict[str, str]:
        """Counts a limited call; the limits are per token (docs, Rate limits)."""
        settings, now = self._world.settings, self._world.clock.now()
        used: dict[str, Any] = self._world.store.meta.get("rate_limits", {})
        since, count = used.get(token, [to_stamp(now), 0])
        end = from_stamp(since) + timedelta(seconds=settings.rate_limit_seconds)
        if now >= end:
            since, count = to_stamp(now), 0
            end = now + timedelta(seconds=settings.rate_limit_seconds)
        left = settings.rate_limit_requests - count
        self._world.store.set_meta("rate_limits", used | {token: [since, count + (left > 0)]})
        seconds = max(1, round((end - now).total_seconds()))
        headers = {
            "RateLimit-Limit": str(settings.rate_limit_requests),
            "RateLimit-Remaining": str(max(0, left - 1)),
            "RateLimit-Reset": str(seconds),
        }
        if left > 0:
            return headers
        as_date = settings.retry_after == "date"
        headers["Retry-After"] = format_datetime(end, usegmt=True) if as_date else str(seconds)
        raise Refusal(429, "Rate limit exceeded", headers)

    def error(self, request: Request, status: int, message: object) -> Response:
        """An error in the vendor's form."""
        return answer(request, {"error": _ERRORS.get(status, "Error"), "message": message}, status)

    def is_write(self, request: Request, path: str) -> bool:
        """The sandbox serves only the reading half: a POST is a search."""
        del request, path
        return False

    async def _refused(self, request: Request, refusal: Any) -> Response:
        return self.error(request, refusal.status, refusal.message)

    async def _not_routed(self, request: Request, error: Any) -> Response:
        return self.error(request, error.status_code, error.detail)


Endpoint = Callable[["Request"], Awaitable["Response"]]


def _routes() -> list[Route]:
    event = "/v1/event/{event_id}"
    single = [
        Route(f"{event}/sessions/{{id}}", _session, methods=["GET"]),
        Route(f"{event}/speakers/{{id}}", _person, methods=["GET"]),
        Route(f"{event}/contacts/{{id}}", _person, methods=["GET"]),
        Route(f"{event}/sponsors/{{id}}", _sponsor, methods=["GET"]),
    ]
    lists = [
        Route(_EVENTS, _events, methods=["GET"]),
        Route(f"{event}/sessions", _search_sessions, methods=["POST"]),
        Route(f"{event}/sessions", _list_sessions, methods=["GET"]),
        Route(f"{event}/sessions/status", _search_statuses, methods=["POST"]),
        Route(f"{event}/speakers", _search_people(speakers_only=True), methods=["POST"]),
        Route(f"{event}/contacts", _search_people(speakers_only=False), methods=["POST"]),
        Route(f"{event}/sponsors", _search_records("sponsors"), methods=["POST"]),
        Route(f"{event}/rooms", _search_records("rooms"), methods=["POST"]),
        Route(f"{event}/tracks", _search_records("tracks"), methods=["POST"]),
        Route(f"{event}/rooms", _list_records("rooms"), methods=["GET"]),
        Route(f"{event}/tracks", _list_records("tracks"), methods=["GET"]),
    ]
    return lists + single


def _shapes(request: Request) -> Shapes:
    return Shapes(
        request.app.state.world,
        masked=request.state.masked,
        searching=request.method == "POST",
    )


def _event_id(request: Request) -> int:
    text = request.path_params["event_id"]
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, f"eventId must be an integer, not {text!r}")
    if int(text) not in request.app.state.world.store.programme["events"]:
        raise Refusal(404, "Event not found")
    return int(text)


def _paged(
    request: Request, page: Page, rows: list[Record], shape: Callable[[Record], Record]
) -> Response:
    """A page in the envelope of the paginated searches."""
    envelope = request.app.state.world.settings.envelope
    shapes = [shape(row) for row in page.cut(rows)]
    if envelope == "array":
        return answer(request, shapes)
    pagination = {
        "currentPage": page.number,
        "pageSize": page.size,
        "totalPages": page.total(rows),
        "totalResults": len(rows),
    }
    return answer(request, {envelope: shapes, "pagination": pagination})


async def _events(request: Request) -> Response:
    rows = list(request.app.state.world.store.programme["events"].values())
    return _paged(request, page_of(request), rows, dict)


def _dated(request: Request, rows: list[Record], search: Search) -> list[Record]:
    return search.dated(rows, inclusive=request.app.state.world.settings.after_inclusive)


async def _search_sessions(request: Request) -> Response:
    event_id, page = _event_id(request), page_of(request)
    search, shapes = await search_of(request, "sessions"), _shapes(request)
    rows = [
        row
        for row in _living(shapes, event_id, search.expand)
        if search.status in {None, row["status"]}
        and search.is_abstract in {None, row.get("is_abstract", False)}
    ]
    rows = _dated(request, rows, search)
    return _paged(request, page, rows, lambda row: shapes.session(row, search.expand))


def _living(shapes: Shapes, event_id: int, expand: frozenset[str]) -> list[Record]:
    """Sessions that are not deleted, nor composed into another one unless asked for."""
    return [
        row
        for row in shapes.of_event("sessions", event_id)
        if not row["deleted_at"]
        and (
            "linked_sources" in expand
            or (row.get("composition_status") or {}).get("role") != "source"
        )
    ]


async def _list_sessions(request: Request) -> Response:
    """The list of the CRUD proxy: other names, another envelope."""
    filters = ("is_abstract", "expand", "status", "track_id", "tag_id", "search")
    event_id, page = _event_id(request), page_of(request, "page_size", filters)
    query, shapes = request.query_params, _shapes(request)
    expand = _query_expand(request)
    abstract = query.get("is_abstract")
    if abstract not in {None, "true", "false"}:
        raise Refusal(400, f"is_abstract must be true or false, not {abstract!r}")
    if query.get("status", STATUSES[0]) not in STATUSES:
        raise Refusal(400, f"status must be one of {', '.join(STATUSES)}")
    rows = [
        row
        for row in _living(shapes, event_id, expand)
        if query.get("status") in {None, row["status"]}
        and abstract in {None, str(row.get("is_abstract", False)).lower()}
        and query.get("track_id") in {None, row["track_id"]}
        and query.get("tag_id") in {None, *(tag["id"] for tag in row.get("tags") or [])}
        and query.get("search", "").lower() in (row["title"] or "").lower()
    ]
    pagination = {
        "current_page": page.number,
        "page_size": page.size,
        "total_pages": page.total(rows),
        "total_results": len(rows),
    }
    data = [shapes.session(row, expand) for row in page.cut(rows)]
    return answer(request, {"data": data, "pagination": pagination})


def _query_expand(request: Request) -> frozenset[str]:
    values = request.query_params.getlist("expand")
    return expand_of([name for value in values for name in value.split(",")])


async def _search_statuses(request: Request) -> Response:
    event_id, page = _event_id(request), page_of(request)
    search, shapes = await search_of(request, "statuses"), _shapes(request)
    rows = [
        row
        for session in shapes.of_event("sessions", event_id)
        for row in shapes.statuses(session)
        if search.status in {None, row["status"]}
    ]
    return _paged(request, page, _dated(request, rows, search), shapes.status)


def _search_people(*, speakers_only: bool) -> Endpoint:
    async def search_people(request: Request) -> Response:
        event_id, page = _event_id(request), page_of(request)
        search, shapes = await search_of(request, "records"), _shapes(request)
        settings = request.app.state.world.settings
        rows = shapes.of_event("people", event_id)
        if speakers_only and not settings.speakers_include_moderators:
            rows = [row for row in rows if row["_speaker"]]
        if search.status and settings.status_filters_people:
            seen = {
                entry["id"]
                for session in _living(shapes, event_id, frozenset())
                if session["status"] == search.status
                for entry in session["people"]
            }
            rows = [row for row in rows if row["id"] in seen]
        return _paged(request, page, _dated(request, rows, search), shapes.contact)

    return search_people


def _search_records(kind: str) -> Endpoint:
    async def search_records(request: Request) -> Response:
        event_id, page = _event_id(request), page_of(request)
        search, shapes = await search_of(request, "records"), _shapes(request)
        rows = _dated(request, shapes.of_event(kind, event_id), search)
        shape = shapes.sponsor if kind == "sponsors" else shapes.choice
        return _paged(request, page, rows, shape)

    return search_records


def _list_records(kind: str) -> Endpoint:
    async def list_records(request: Request) -> Response:
        event_id = _event_id(request)
        check_query(request, ())
        shapes = _shapes(request)
        rows = sorted(shapes.of_event(kind, event_id), key=lambda row: row.get("order") or 0)
        return answer(request, [shapes.choice(row) for row in rows])

    return list_records


def _found(request: Request, kind: str, shapes: Shapes) -> Record:
    event_id = _event_id(request)
    check_query(request, ("expand",))
    row = shapes.all(kind).get(request.path_params["id"])
    if row is None or row["event_id"] != event_id or row.get("deleted_at"):
        raise Refusal(404, f"No such record among the event's {kind}")
    return row


async def _session(request: Request) -> Response:
    shapes = _shapes(request)
    expand = _query_expand(request)
    for row in shapes.of_event("sessions", _event_id(request)):
        for sub in row["subsessions"]:
            if sub["id"] == request.path_params["id"] and not row["deleted_at"]:
                return answer(request, shapes.single_subsession(row, sub, expand))
    return answer(request, shapes.session(_found(request, "sessions", shapes), expand))


async def _person(request: Request) -> Response:
    shapes = _shapes(request)
    return answer(request, shapes.contact(_found(request, "people", shapes)))


async def _sponsor(request: Request) -> Response:
    shapes = _shapes(request)
    return answer(request, shapes.sponsor(_found(request, "sponsors", shapes)))
