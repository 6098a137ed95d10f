"""The whole sandbox as one ASGI app: both vendors, the images, the control interface, the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.control import control_routes
from sandbox.gateway import Admission, Gateway
from sandbox.page import show_page
from sandbox.sessionboard import Sessionboard
from sandbox.swoogo import Swoogo

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.connections import Connections
    from sandbox.world import World


class Media:
    """The images of both sides, with the headers by which a client need not fetch them again."""

    name = "media"

    def __init__(self, world: World) -> None:
        self.app = Starlette(routes=[Route("/{path:path}", _image, methods=["GET"])])
        self.app.state.world = world

    def admit(self, request: Request, path: str) -> Admission:
        """Images are public."""
        del request, path
        return Admission()

    def error(self, request: Request, status: int, message: object) -> Response:
        """An error as plain text."""
        del request
        return Response(str(message), status, media_type="text/plain")

    def is_write(self, request: Request, path: str) -> bool:
        """Images are only read."""
        del request, path
        return False


def _image(request: Request) -> Response:
    """An image; drawing a large one takes a moment, so this runs in a thread."""
    try:
        image = request.app.state.world.image(request.path_params["path"])
    except OSError:
        return Response("No such image", 404, media_type="text/plain")
    content, kind, etag, modified = image
    headers = {"ETag": etag, "Last-Modified": modified, "Cache-Control": "no-cache"}
    known = request.headers.get("if-none-match")
    if known is not None:
        fresh = etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}
    else:
        fresh = request.headers.get("if-modified-since") == modified
    if fresh:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)


def make_app(world: World, connections: Connections) -> Starlette:
    """Puts the sandbox together."""
    swoogo = Swoogo(world)
    app = Starlette(
        routes=[
            Mount("/sessionboard", Gateway(world, Sessionboard(world), connections)),
            Mount("/swoogo/api/v1", Gateway(world, swoogo, connections)),
            Mount("/media", Gateway(world, Media(world), connections)),
            Mount("/_sandbox", routes=control_routes()),
            Route("/", show_page, methods=["GET"]),
        ]
    )
    app.state.world = world
    app.state.swoogo = swoogo
    return app
