"""Answers of both vendors: JSON with media addresses filled in, and refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request


class Refusal(Exception):
    """A request that the vendor refuses.

    Args:
        status: HTTP status.
        message: What is wrong, as the vendor says it; or, for a 422, the list of field errors.
        headers: Headers that belong to the refusal, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        message: str | list[dict[str, str]],
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def answer(request: Request, data: Any, status: int = 200) -> Response:
    """A JSON answer."""
    address: str = request.app.state.world.address
    text = json.dumps(data, ensure_ascii=False).replace("{media}", f"{address}/media")
    return Response(text, status, media_type="application/json")


async def json_body(request: Request) -> Any:
    """The request's JSON body.

    Raises:
        Refusal: 415 when the body is not declared as JSON, 400 when it is none.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise Refusal(415, f"Content-Type must be application/json, not {declared or 'absent'}")
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise Refusal(400, f"The body is not JSON: {error}") from error
