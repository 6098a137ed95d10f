"""Swoogo's side: tokens, credits, and which call goes where (Swoogo API v1 reference)."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from sandbox import swoogo_read, swoogo_write
from sandbox.answers import Refusal, answer
from sandbox.clock import from_stamp, swoogo_stamp, to_stamp
from sandbox.gateway import Admission
from sandbox.swoogo_forms import FORMS
from sandbox.swoogo_resources import RESOURCES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.world import World

KEY, SECRET = "sandbox-key", "sandbox-secret"
LIST_PRICE, PRICE = 10, 1
_TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
_DELETABLE = ("sessions", "speakers")
_NAMES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    418: "I'm a teapot",
    422: "Unprocessable entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Swoogo:
    """The vendor's side: who may call, what it costs, and what an error looks like."""

    name = "swoogo"

    def __init__(self, world: World) -> None:
        self._world = world
        self.app = Starlette(
            routes=_routes(),
            exception_handlers={Refusal: self._refused, HTTPException: self._not_routed},
        )
        self.app.state.world = world

    def admit(self, request: Request, path: str) -> Admission:
        """Checks the token and takes the call's credits.

        Raises:
            Refusal: 401 or 429.
        """
        key = self._key(request, path)
        if key is None:
            settings = self._world.settings
            headers = self._headers(settings.quota_credits, settings.quota_window_seconds)
            raise Refusal(401, "Your request was made with invalid credentials.", headers)
        return self._charge(key, price(request.method, path))

    def _key(self, request: Request, path: str) -> str | None:
        """The consumer key that the request proves to hold."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if path == _TOKEN_PATH:
            return _basic_key(credential) if scheme.lower() == "basic" else None
        token = self._world.store.meta.get("tokens", {}).get(credential)
        if scheme.lower() != "bearer" or token is None:
            return None
        expired = from_stamp(token["expires_at"]) <= self._world.clock.now()
        return None if expired else str(token["key"])

    def _charge(self, key: str, cost: int) -> Admission:
        settings, now = self._world.settings, self._world.clock.now()
        window = timedelta(seconds=settings.quota_window_seconds)
        quotas: dict[str, Any] = self._world.store.meta.get("quotas", {})
        since, used = quotas.get(key, [to_stamp(now), 0])
        if now >= from_stamp(since) + window:
            since, used = to_stamp(now), 0
        seconds = round((from_stamp(since) + window - now).total_seconds())
        spent = settings.quota_enabled and used + cost > settings.quota_credits
        used += 0 if spent else cost
        self._world.store.set_meta("quotas", quotas | {key: [since, used]})
        headers = self._headers(max(0, settings.quota_credits - used), max(1, seconds))
        if spent:
            raise Refusal(429, "Rate limit exceeded.", headers)
        return Admission(cost, headers)

    def _headers(self, remaining: int, seconds: int) -> dict[str, str]:
        return {
            "X-Rate-Limit-Limit": str(self._world.settings.quota_credits),
            "X-Rate-Limit-Remaining": str(remaining),
            "X-Rate-Limit-Reset": str(seconds),
        }

    def credits_left(self) -> int:
        """What the consumer key may still spend in the present window."""
        settings = self._world.settings
        since, used = self._world.store.meta.get("quotas", {}).get(KEY, [None, 0])
        window = timedelta(seconds=settings.quota_window_seconds)
        if since is None or self._world.clock.now() >= from_stamp(since) + window:
            return settings.quota_credits
        return max(0, settings.quota_credits - int(used))

    def error(self, request: Request, status: int, message: object) -> Response:
        """An error in the vendor's form: field errors bare, all else an object."""
        if isinstance(message, list):
            return answer(request, message, status)
        name = _NAMES.get(status, "Error")
        return answer(
            request, {"name": name, "message": message, "code": 0, "status": status}, status
        )

    def is_write(self, request: Request, path: str) -> bool:
        """All but reads and the token."""
        return request.method not in {"GET", "HEAD"} and path != _TOKEN_PATH

    async def _refused(self, request: Request, refusal: Any) -> Response:
        return self.error(request, refusal.status, refusal.message)

    async def _not_routed(self, request: Request, error: Any) -> Response:
        return self.error(request, error.status_code, error.detail)


def price(method: str, path: str) -> int:
    """The credits that a call costs: a list 10, any other 1."""
    is_list = method == "GET" and not path.rpartition("/")[2].isdigit()
    return LIST_PRICE if is_list else PRICE


def _basic_key(credential: str) -> str | None:
    try:
        pair = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    key, _, secret = pair.partition(":")
    return key if (unquote(key), unquote(secret)) == (KEY, SECRET) else None


async def _token(request: Request) -> Response:
    """A token for the consumer key, good for 30 minutes (Authentication, step 3)."""
    fields = await swoogo_write.form_fields(request)
    if fields != {"grant_type": "client_credentials"}:
        raise Refusal(400, "grant_type must be client_credentials, and nothing else is taken")
    world: World = request.app.state.world
    expires = world.clock.now() + timedelta(seconds=world.settings.token_seconds)
    token = secrets.token_urlsafe(30)
    held = world.store.meta.get("tokens", {})
    record = {"key": KEY, "expires_at": to_stamp(expires)}
    world.store.set_meta("tokens", held | {token: record})
    shown = {"access_token": token, "expires_at": swoogo_stamp(expires), "type": "bearer"}
    return answer(request, shown)


def _routes() -> list[Route]:
    routes = [
        Route(_TOKEN_PATH, _token, methods=["POST"]),
        Route("/sponsors/fields", swoogo_read.sponsor_fields, methods=["GET"]),
        Route("/speakers/{id:int}/session", swoogo_write.link, methods=["POST", "DELETE"]),
        Route("/image/{type}/{id:int}/{field}", swoogo_write.put_image, methods=["PUT"]),
    ]
    for kind in FORMS:
        routes += [
            Route(f"/{kind}/create", swoogo_write.creator(kind), methods=["POST"]),
            Route(f"/{kind}/update/{{id:int}}", swoogo_write.updater(kind), methods=["PUT"]),
        ]
    for kind in _DELETABLE:
        path = f"/{kind}/delete/{{id:int}}"
        routes.append(Route(path, swoogo_write.deleter(kind), methods=["DELETE"]))
    for kind in RESOURCES:
        routes += [
            Route(f"/{kind}", swoogo_read.lister(kind), methods=["GET"]),
            Route(f"/{kind}/{{id:int}}", swoogo_read.getter(kind), methods=["GET"]),
        ]
    return routes
