"""The server's open connections, so that a fault can break one as a network would."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Connections:
    """The transports by the address of their client."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Uvicorn's HTTP protocol, which registers its transports here."""
        transports = self._open

        class Registered(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it so, too
                super().connection_made(transport)
                transports[transport.get_extra_info("peername")] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.client, None)  # type: ignore[arg-type] # a pair, once made
                super().connection_lost(exc)

        return Registered

    async def cut(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        """Ends a request's connection without (further) answer.

        Args:
            scope: The request's scope.
            receive: The request's channel, by which the end is awaited.
            reset: Ends it with a TCP reset rather than an orderly close.
        """
        transport: Any = self._open[tuple(scope["client"])]
        if reset:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            transport.abort()
        else:
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass
