"""The control interface: state, log, faults, edits and the clock, for tests and demos."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.sessionboard_shapes import Shapes

if TYPE_CHECKING:
    from sandbox.store import Record
    from sandbox.world import World

Endpoint = Callable[[Request], Awaitable[Response]]
_DETAILED = frozenset({"subsession_details"})


def control_routes() -> list[Route]:
    """The routes under ``/_sandbox``."""
    return [
        Route("/health", _health, methods=["GET"]),
        Route("/state", _state, methods=["GET"]),
        Route("/log", _log, methods=["GET"]),
        Route("/log", _clear_log, methods=["DELETE"]),
        Route("/faults", _faults, methods=["GET"]),
        Route("/faults", _set_faults, methods=["PUT"]),
        Route("/faults", _clear_faults, methods=["DELETE"]),
        Route("/edit", _edit, methods=["POST"]),
        Route("/clock", _clock, methods=["POST"]),
        Route("/reset", _reset, methods=["POST"]),
        Route("/stop", _stop, methods=["POST"]),
    ]


def state_of(world: World) -> Record:
    """The whole state: programme, Swoogo records with uploads, switches, clock."""
    shapes = Shapes(world, masked=False, searching=True)
    programme: Record = {"events": list(world.store.programme["events"].values())}
    programme["sessions"] = [
        shapes.session(row, _DETAILED)
        | {"event_id": row["event_id"], "deleted_at": row["deleted_at"]}
        for row in world.store.programme["sessions"].values()
    ]
    programme["speakers"] = [
        shapes.contact(row) | {"event_id": row["event_id"], "in_speakers": row["_speaker"]}
        for row in world.store.programme["people"].values()
    ]
    for kind in ("sponsors", "rooms", "tracks"):
        programme[kind] = list(world.store.programme[kind].values())
    return {
        "programme": programme,
        "swoogo": {kind: list(rows.values()) for kind, rows in world.store.swoogo.items()},
        "clock": world.clock.stamp(),
        **world.faults(),
    }


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Turns what is wrong with a request into a 400 that says so."""

    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return guarded


def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


async def _object(request: Request) -> dict[str, Any]:
    data = await request.json() if await request.body() else {}
    if not isinstance(data, dict):
        message = "the body must be a JSON object"
        raise ValueError(message)  # noqa: TRY004 - answered as a 400 like all that is malformed
    return data


async def _health(request: Request) -> Response:
    world = _world(request)
    return JSONResponse(
        {
            "sandbox": True,
            "state_dir": str(world.state_dir.resolve()),
            "address": world.address,
            "port": request.app.state.port,
            "program": world.program,
            "credits": request.app.state.swoogo.credits_left(),
            "clock": world.clock.stamp(),
        }
    )


async def _state(request: Request) -> Response:
    world = _world(request)
    text = json.dumps(state_of(world), ensure_ascii=False)
    text = text.replace("{media}", f"{world.address}/media")
    return Response(text, media_type="application/json")


@_guarded
async def _log(request: Request) -> Response:
    since = int(request.query_params.get("since", "0"))
    return JSONResponse([entry for entry in _world(request).store.log if entry["n"] > since])


async def _clear_log(request: Request) -> Response:
    _world(request).store.clear_log()
    return JSONResponse([])


async def _faults(request: Request) -> Response:
    return JSONResponse(_world(request).faults())


@_guarded
async def _set_faults(request: Request) -> Response:
    data = await _object(request)
    if not data.keys() <= {"rules", "settings"}:
        message = "the body must be {'rules': […], 'settings': {…}}"
        raise ValueError(message)
    _world(request).set_faults(data.get("rules", []), data.get("settings", {}))
    return JSONResponse(_world(request).faults())


async def _clear_faults(request: Request) -> Response:
    _world(request).set_faults([], {})
    return JSONResponse(_world(request).faults())


@_guarded
async def _edit(request: Request) -> Response:
    edit = await _object(request)
    return JSONResponse({"changes": _world(request).edit(edit or None)})


@_guarded
async def _clock(request: Request) -> Response:
    data = await _object(request)
    seconds = data.get("advance_seconds")
    if set(data) != {"advance_seconds"} or not isinstance(seconds, (int, float)):
        message = "the body must be {'advance_seconds': NUMBER}"
        raise ValueError(message)
    _world(request).advance(seconds)
    return JSONResponse({"clock": _world(request).clock.stamp()})


async def _reset(request: Request) -> Response:
    _world(request).reset()
    return JSONResponse({"clock": _world(request).clock.stamp()})


async def _stop(request: Request) -> Response:
    request.app.state.stop()
    return JSONResponse({"stopping": True})
