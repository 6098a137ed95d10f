"""The sandbox in a process of its own, so that it does not share the programs' interpreter."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

from benchmarks.processes import program

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

HOST = "127.0.0.1"
_START_SECONDS = 60
_POLL_SECONDS = 0.05
_BAD_REQUEST = 400
_ENDLESS = 1_000_000_000


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port.

    Raises:
        TimeoutError: Nobody does.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(_POLL_SECONDS)
        else:
            return
    message = f"nobody listens on port {port}"
    raise TimeoutError(message)


class Sandbox:
    """A running sandbox.

    Args:
        folder: Where its state lives.
        programme: A programme directory.
    """

    def __init__(self, folder: Path, programme: Path) -> None:
        self._port = free_port()
        self.url = f"http://{HOST}:{self._port}"
        command = program("sandbox", "serve", "--as-is", "--port", str(self._port))
        self._process = subprocess.Popen(  # noqa: S603 - the project's own
            [*command, "--program", programme, "--state-dir", folder / "sandbox"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def switch(self, **settings: Any) -> None:
        """Set its switches; those that are not named go back to their defaults.

        Unless it is named, there is more quota than anybody can use.
        """
        self._control("PUT", "/faults", {"settings": {"quota_credits": _ENDLESS, **settings}})

    def edit(self, edit: dict[str, Any]) -> None:
        """Make one edit."""
        self._control("POST", "/edit", edit)

    def reset(self) -> None:
        """Load the programme anew."""
        self._control("POST", "/reset")

    def log(self) -> list[dict[str, Any]]:
        """The requests so far."""
        log: list[dict[str, Any]] = self._control("GET", "/log")
        return log

    def forget(self) -> None:
        """Empty the log of requests."""
        self._control("DELETE", "/log")

    def _control(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection(HOST, self._port)
        try:
            connection.request(
                method, f"/_sandbox{path}", None if body is None else json.dumps(body)
            )
            response = connection.getresponse()
            answer = json.loads(response.read())
        except HTTPException as error:
            message = f"the sandbox did not answer {method} {path}"
            raise RuntimeError(message) from error
        finally:
            connection.close()
        if response.status >= _BAD_REQUEST:
            raise RuntimeError(answer)
        return answer
