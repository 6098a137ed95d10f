"""The server: in this process for tests, in the foreground for the command line."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from sandbox.app import make_app
from sandbox.connections import Connections
from sandbox.world import World

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from typing_extensions import Self

    from sandbox.store import Record, Store

HOST = "127.0.0.1"


def listen(port: int = 0) -> socket.socket:
    """A socket on 127.0.0.1; port 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """
    # Named as TCP, its connections are served without Nagle's delay; asyncio looks at the name.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener


def make_server(world: World, listener: socket.socket) -> uvicorn.Server:
    """A server for the world, which learns its address from the listener."""
    port = listener.getsockname()[1]
    world.address = f"http://{HOST}:{port}"
    connections = Connections()
    app = make_app(world, connections)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )

    def stop() -> None:
        server.should_exit = True

    app.state.port = port
    app.state.stop = stop
    return server


class Sandbox:
    """A sandbox for tests: a server in a thread of this process, on a free port.

    Args:
        state_dir: Where state lives; what is there goes on.
        program: A programme directory; None for the demo.
        as_is: Leaves the programme's dates as they are.
        now: A moment at which the sandbox's clock stands until `advance`; None for the wall clock.
        sessions: The size of the demo programme; people and sponsors follow.
    """

    def __init__(
        self,
        state_dir: Path,
        program: Path | None = None,
        *,
        as_is: bool = False,
        now: datetime | None = None,
        sessions: int = 150,
    ) -> None:
        self.world = World(state_dir, program=program, as_is=as_is, now=now, sessions=sessions)
        self._listener = listen()
        self._server = make_server(self.world, self._listener)
        # The socket listens already: a request sent before the server is up waits in its queue.
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The page's address, without a slash at the end."""
        return self.world.address

    @property
    def sessionboard_url(self) -> str:
        """The tap's base URL."""
        return f"{self.url}/sessionboard"

    @property
    def swoogo_url(self) -> str:
        """The target's ``api_url``."""
        return f"{self.url}/swoogo/api/v1"

    @property
    def state(self) -> Store:
        """The store itself: ``state.programme[kind][id]`` and ``state.swoogo[kind][id]``."""
        return self.world.store

    @property
    def log(self) -> list[Record]:
        """The requests so far."""
        return list(self.world.store.log)

    def faults(self, *rules: dict[str, Any], **settings: Any) -> None:
        """Replaces all faults and switches; without arguments nothing goes wrong any more."""
        self.world.set_faults(rules, settings)

    def edit(self, edit: dict[str, Any] | None = None) -> list[Record]:
        """Makes one edit, or plays the next day of changes."""
        return self.world.edit(edit)

    def advance(self, seconds: float) -> None:
        """Moves the sandbox's clock."""
        self.world.advance(seconds)

    def reset(self) -> None:
        """Wipes all state and loads the programme anew."""
        self.world.reset()

    def close(self) -> None:
        """Stops the server; the state stays."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self.world.close()
