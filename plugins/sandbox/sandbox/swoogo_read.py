"""Swoogo's reading calls: lists and single records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from sandbox.answers import Refusal, answer
from sandbox.clock import from_stamp
from sandbox.swoogo_query import check_parameters, expansions, field_names, list_query
from sandbox.swoogo_resources import RESOURCES, SPONSOR_FIELDS, Reader

if TYPE_CHECKING:
    from sandbox.store import Record
    from sandbox.world import World

Endpoint = Callable[[Request], Awaitable[Response]]


def found(request: Request, kind: str) -> Record:
    """The record that the path names.

    Raises:
        Refusal: 404 when there is none.
    """
    row: Record | None = request.app.state.world.store.swoogo[kind].get(request.path_params["id"])
    if row is None:
        raise Refusal(404, f"Object not found: {request.path_params['id']}")
    return row


def lister(kind: str) -> Endpoint:
    """The list call of a record type."""
    resource = RESOURCES[kind]

    async def list_records(request: Request) -> Response:
        query = list_query(request.query_params, resource)
        rows = list(request.app.state.world.store.swoogo[kind].values())
        if resource.of_event:
            event_id = _event_id(request)
            rows = [row for row in rows if row["event_id"] == event_id]
        reader = Reader(request.app.state.world)
        rows = query.pick(
            _listed(request.app.state.world, rows), lambda row, name: reader.value(kind, row, name)
        )
        page = query.envelope(kind, dict(request.query_params), rows)
        page["items"] = [
            reader.show(kind, row, query.fields, query.expand) for row in page["items"]
        ]
        return answer(request, page)

    return list_records


def getter(kind: str) -> Endpoint:
    """The call for a single record of a type."""
    resource = RESOURCES[kind]

    async def get_record(request: Request) -> Response:
        query = request.query_params
        check_parameters(query, {"fields", "expand"})
        names = field_names(query, resource, resource.fields)
        row, reader = found(request, kind), Reader(request.app.state.world)
        return answer(request, reader.show(kind, row, names, expansions(query, resource)))

    return get_record


async def sponsor_fields(request: Request) -> Response:
    """The sponsor form's fields; that of attribute ``level`` has the event's levels as choices."""
    query = list_query(request.query_params, SPONSOR_FIELDS)
    event = request.app.state.world.store.swoogo["events"][_event_id(request)]
    rows = [
        {"id": number, "name": name, "attribute": attribute, "type": kind, "sort": number}
        for number, (name, attribute, kind) in enumerate(
            (
                ("Name", "name", "text"),
                ("Website", "website", "text"),
                ("Description", "description", "textarea"),
                ("Level", "level", "select"),
                ("Logo", "logo_id", "file"),
                ("Notes", "notes", "textarea"),
            ),
            start=1,
        )
    ]
    for row in rows:
        row["choices"] = event["levels"] if row["attribute"] == "level" else []
    rows = query.pick(rows, dict.__getitem__)
    page = query.envelope("sponsors/fields", dict(request.query_params), rows)
    names = [name for name in SPONSOR_FIELDS.fields if name in {*query.fields, *query.expand}]
    page["items"] = [{name: row[name] for name in names} for row in page["items"]]
    return answer(request, page)


def _event_id(request: Request) -> int:
    text = request.query_params.get("event_id", "")
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "Missing or invalid required parameter: event_id")
    if int(text) not in request.app.state.world.store.swoogo["events"]:
        raise Refusal(404, f"Object not found: {text}")
    return int(text)


def _listed(world: World, rows: list[Record]) -> list[Record]:
    """The rows without those that a lagging list does not show yet."""
    settings = world.settings
    calls = world.store.meta.get("list_calls", 0) + 1
    world.store.set_meta("list_calls", calls)
    lag = settings.list_lag_calls
    if lag:
        rows = [row for row in rows if "_calls" not in row or calls - row["_calls"] > lag]
    if settings.list_lag_seconds:
        since = world.clock.now() - timedelta(seconds=settings.list_lag_seconds)
        rows = [row for row in rows if "_made" not in row or from_stamp(row["_made"]) <= since]
    return rows
