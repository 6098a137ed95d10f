"""Connections over which an answer is there by a deadline, however slowly it comes."""

from __future__ import annotations

import http.client
import io
from time import monotonic
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer
    from urllib3.util import Url

_CONNECT_SECONDS = 5.0


class _PunctualReader(io.RawIOBase):
    """Reads from a socket until a deadline; its own time-out begins anew with each packet."""

    def __init__(self, source: io.RawIOBase, connection: socket.socket) -> None:
        self._source = source
        self._connection = connection
        self._deadline = monotonic() + (connection.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


class _PunctualResponse(http.client.HTTPResponse):
    """An answer whose time-out counts for the whole, from its first header to its last byte."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: io.BufferedReader = io.BufferedReader(_PunctualReader(self.fp.detach(), sock))


class _HttpConnection(HTTPConnection):
    response_class = _PunctualResponse


class _HttpsConnection(HTTPSConnection):
    response_class = _PunctualResponse


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


POOLS = {"http": _HttpPool, "https": _HttpsPool}
"""What keeps connections, by scheme."""


def ask(
    pool: HTTPConnectionPool, url: Url, headers: dict[str, str], deadline: float
) -> urllib3.BaseHTTPResponse:
    """Asks a server; once more if it hangs up, for it may just have let a kept connection go.

    Args:
        pool: The connections to the server, one of `POOLS`.
        url: What to ask for.
        headers: What to send along.
        deadline: By when the whole answer must be there, on the clock of `time.monotonic`.

    Returns:
        The answer, its body yet to be read.

    Raises:
        HTTPError: There is none.
    """

    def once() -> urllib3.BaseHTTPResponse:
        left = deadline - monotonic()
        return pool.urlopen(
            "GET",
            url.request_uri,
            headers=headers,
            timeout=urllib3.Timeout(connect=min(left, _CONNECT_SECONDS), read=left),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    try:
        return once()
    except ProtocolError:
        return once()
