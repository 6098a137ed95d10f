"""A Swoogo that repeats in its errors whatever it was sent, in front of the sandbox."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD_HEADERS = "bad headers"


@dataclass(frozen=True)
class Fault:
    """Which calls are answered with an echo, and how.

    Attributes:
        calls: A regular expression, searched in the method and the path.
        status: The status.
        form: ``object``, ``complaints`` (Swoogo's 422), ``html``, ``text`` or ``bad headers``.
    """

    calls: str
    status: int
    form: str


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault: Fault | None = self.server.fault
        if fault is not None and re.search(fault.calls, f"{self.command} {self.path}"):
            self._echo(fault, body)
        else:
            self._forward(body, odd=fault is not None and fault.form == BAD_HEADERS)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _forward(self, body: bytes, *, odd: bool) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        answer = requests.request(
            self.command, self.server.upstream + self.path, data=body, headers=headers, timeout=30
        )
        kept = {k: v for k, v in answer.headers.items() if k.lower().startswith("x-rate")}
        kept["Content-Type"] = answer.headers.get("Content-Type", "")
        if odd:
            # The first one breaks what the client's library takes for headers.
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(answer.content))
            self.wfile.write(b"not a header\r\n\r\n" + answer.content)
            self.close_connection = True
        else:
            self._answer(answer.status_code, answer.content, kept)

    def _echo(self, fault: Fault, body: bytes) -> None:
        text = unquote_plus(body.decode(errors="replace"))
        said = f"{self.command} {unquote_plus(self.path)} {dict(self.headers.items())} {text}"
        content: Any = {"name": "Error", "message": said, "status": fault.status}
        if fault.form == "complaints":
            content = [{"field": "email", "message": said}, {"field": "name", "message": said}]
        shown = json.dumps(content) if fault.form in {"object", "complaints"} else said
        kind = "text/html" if fault.form == "html" else "application/json"
        self._answer(fault.status, shown.encode(), {"Content-Type": kind, "Retry-After": "0"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@contextmanager
def echoing(upstream: str, fault: Fault | None) -> Iterator[str]:
    """Run the server; its address stands for the upstream one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.upstream, server.fault = upstream, fault  # type: ignore[attr-defined] # its handlers read them
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
