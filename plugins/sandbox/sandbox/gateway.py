"""What every request to a vendor passes: log, faults, admission, and the vendor's own app."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.answers import Refusal
from sandbox.clock import to_stamp

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from starlette.datastructures import UploadFile
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sandbox.connections import Connections
    from sandbox.store import Record
    from sandbox.world import World

_BROKEN_PAGE = "<!doctype html><title>Bad gateway</title><h1>502 Bad Gateway</h1><p>nginx</p>"
_OK, _CREATED = 200, 201


@dataclass
class Admission:
    """What letting a request in cost, and the headers that its answer carries."""

    credits: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class Side(Protocol):
    """A vendor."""

    name: str

    @property
    def app(self) -> ASGIApp:
        """Its calls, once a request is let in."""

    def admit(self, request: Request, path: str) -> Admission:
        """Checks credentials and quota; raises Refusal."""

    def error(self, request: Request, status: int, message: object) -> Response:
        """An error in the vendor's form."""

    def is_write(self, request: Request, path: str) -> bool:
        """Whether the request is meant to change something."""


class Gateway:
    """An ASGI app around a vendor.

    Args:
        world: The sandbox.
        side: The vendor.
        connections: The server's open connections, for faults that break them.
    """

    def __init__(self, world: World, side: Side, connections: Connections) -> None:
        self._world = world
        self._side = side
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            return
        path = _path(scope)
        inner: dict[str, Any] = {**scope, "path": path, "root_path": "", "state": {}}
        inner["app"] = self._side.app
        body = await _read(receive)
        if body is None:
            return
        request = Request(inner, _replay(body))
        do = self._world.strike(self._side.name, request.method, path)
        entry: Record = {
            "time": to_stamp(self._world.clock.now()),
            "side": self._side.name,
            "method": request.method,
            "path": path,
            "query": request.url.query,
            "status": None,
            "credits": 0,
            "write": self._side.is_write(request, path),
        }
        if entry["write"]:
            entry["fields"] = await _fields(inner, body)
        if do:
            entry["fault"] = sorted(do)
        latency = self._world.settings.latency_ms + do.get("latency_ms", 0)
        if latency:
            await asyncio.sleep(latency / 1000)
        response = await self._answer(request, path, body, do, entry)
        if response is not None:
            entry["status"] = response.status_code
        self._world.store.append_log(entry)
        if response is None:
            reset = do.get("reset", False) or do.get("commit_then_reset", False)
            await self._connections.cut(scope, receive, reset=reset)
        elif do.get("truncate"):
            await self._truncate(response, scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _answer(
        self, request: Request, path: str, body: bytes, do: dict[str, Any], entry: Record
    ) -> Response | None:
        """The answer with all its faults; None when the connection is to break instead."""
        if "edit" in do:
            self._world.edit(do["edit"])
        if "hang" in do and not do.get("after_commit"):
            await asyncio.sleep(do["hang"])
        if do.get("drop") or do.get("reset"):
            return None
        if "status" in do and not do.get("after_commit"):
            return self._injected(request, do)
        if do.get("errors_in_200"):
            errors = [{"field": "name", "message": "Name was refused by the sandbox."}]
            return JSONResponse(errors, _OK)
        # Tests edit from a thread of their own: what is being read must not change under the call.
        with self._world.store.lock:
            response = await self._serve(request, path, body, entry)
        if "hang" in do and do.get("after_commit"):
            await asyncio.sleep(do["hang"])
        if do.get("commit_then_drop") or do.get("commit_then_reset"):
            return None
        if "status" in do:
            return self._injected(request, do)
        return _spoilt(response, do)

    async def _serve(self, request: Request, path: str, body: bytes, entry: Record) -> Response:
        try:
            admission = self._side.admit(request, path)
        except Refusal as refusal:
            response = self._side.error(request, refusal.status, refusal.message)
            response.headers.update(refusal.headers)
            return response
        entry["credits"] = admission.credits
        response = await _call(self._side.app, request, body)
        response.headers.update(admission.headers)
        return response

    def _injected(self, request: Request, do: dict[str, Any]) -> Response:
        kind = do.get("body", "json")
        if kind == "html":
            response: Response = HTMLResponse(_BROKEN_PAGE, do["status"])
        elif kind == "empty":
            response = Response(status_code=do["status"])
        else:
            response = self._side.error(request, do["status"], "The sandbox was told to fail")
        if "retry_after" in do:
            response.headers["Retry-After"] = str(do["retry_after"])
        return response

    async def _truncate(
        self, response: Response, scope: Scope, receive: Receive, send: Send
    ) -> None:
        content = bytes(response.body)
        start = {"type": "http.response.start", "status": response.status_code}
        await send({**start, "headers": response.raw_headers})
        half = content[: len(content) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await self._connections.cut(scope, receive, reset=False)


def _path(scope: Scope) -> str:
    """The path within the vendor's API; ``.json`` makes no difference."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path.removeprefix(root).removesuffix(".json") or "/"


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the client was gone before it had sent all of it."""
    chunks, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _call(app: ASGIApp, request: Request, body: bytes) -> Response:
    """The app's whole answer, before any of it is sent."""
    start: MutableMapping[str, Any] = {}
    chunks: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            chunks.append(message.get("body", b""))

    await app(request.scope, _replay(body), keep)
    response = Response(b"".join(chunks), start["status"])
    response.raw_headers = list(start["headers"])
    return response


async def _fields(scope: Scope, body: bytes) -> Record:
    """What a write carries, for the log: form fields, JSON, or what was uploaded."""
    request = Request(scope, _replay(body))
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    try:
        if declared == "multipart/form-data":
            async with request.form() as form:
                return {name: await _described(value) for name, value in form.items()}
        data = json.loads(body or b"{}")
    except Exception:  # noqa: BLE001 - whatever the body is, the log goes on
        return {"body": f"{len(body)} bytes that could not be read"}
    return data if isinstance(data, dict) else {"body": data}


async def _described(value: UploadFile | str) -> Any:
    if isinstance(value, str):
        return value
    content = await value.read()
    return {
        "filename": value.filename,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _spoilt(response: Response, do: dict[str, Any]) -> Response:
    """The answer with what a fault makes of its body."""
    content = bytes(response.body)
    if do.get("html"):
        return HTMLResponse(_BROKEN_PAGE, _OK)
    if do.get("malformed"):
        return _with_body(response, content[: len(content) // 2], response.status_code)
    if do.get("no_id") and response.status_code in {_OK, _CREATED}:
        data = json.loads(content)
        data.pop("id", None)
        return _with_body(response, json.dumps(data).encode(), response.status_code)
    return response


def _with_body(response: Response, body: bytes, status: int) -> Response:
    headers = {k: v for k, v in response.headers.items() if k != "content-length"}
    return Response(body, status, headers)
