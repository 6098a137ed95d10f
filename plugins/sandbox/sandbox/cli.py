"""The command line: ``sandbox up | down | status | reset | edit | faults | serve``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

import click

from sandbox.server import HOST, listen, make_server
from sandbox.world import World

_OWN_FILES = ("ledger", "uploads", "media", "state.sqlite", "state.sqlite-wal", "state.sqlite-shm")
_PORT_FILE = "port"
_START_SECONDS, _STOP_SECONDS, _POLL_SECONDS = 30, 10, 0.05
_BAD_REQUEST = 400
Command = TypeVar("Command", bound=Callable[..., Any])

_state_dir = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="SANDBOX_STATE_DIR",
    default=Path(".sandbox"),
    show_default=True,
    help="Where the sandbox's state lives.",
)


def _start_options(command: Command) -> Command:
    options = (
        click.option(
            "--program",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="A programme directory; without it, the demo.",
        ),
        click.option("--as-is", is_flag=True, help="Leave the programme's dates as they are."),
        click.option(
            "--port",
            type=click.IntRange(1, 65535),
            envvar="SANDBOX_PORT",
            default=8722,
            show_default=True,
            help="The port on 127.0.0.1.",
        ),
        click.option("--fresh", is_flag=True, help="Wipe the state first."),
        _state_dir,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """A local Sessionboard and Swoogo, for trying and testing a sync."""


@main.command()
@_start_options
def up(program: Path | None, state_dir: Path, port: int, *, as_is: bool, fresh: bool) -> None:
    """Start the sandbox in the background."""
    running = _health(state_dir)
    if running and not fresh:
        click.echo(f"The sandbox is running already: {running['address']}/")
        return
    if running:
        _stop(state_dir)
    _check_port(port)
    if fresh:
        _wipe(state_dir)
    state_dir.mkdir(parents=True, exist_ok=True)
    options = ["--port", str(port), "--state-dir", str(state_dir)]
    options += ["--program", str(program)] if program else []
    options += ["--as-is"] if as_is else []
    log = state_dir / "server.log"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "sandbox.cli", "serve", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while not (health := _health(state_dir)):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            lines = log.read_text(encoding="utf-8").strip().splitlines()
            reason = lines[-1].removeprefix("Error: ") if lines else f"see {log}"
            message = f"The sandbox did not start: {reason}"
            raise click.ClickException(message)
        time.sleep(_POLL_SECONDS)
    # It outlives this process on purpose; Popen would warn of a child left behind.
    server.returncode = 0
    click.echo(f"The sandbox is running: {health['address']}/")


@main.command()
@_start_options
def serve(program: Path | None, state_dir: Path, port: int, *, as_is: bool, fresh: bool) -> None:
    """Run the sandbox in the foreground."""
    running = _health(state_dir)
    if running:
        message = f"The sandbox is running already: {running['address']}/"
        raise click.ClickException(message)
    _check_port(port)
    if fresh:
        _wipe(state_dir)
    try:
        world = World(state_dir, program=program, as_is=as_is)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    listener = listen(port)
    server = make_server(world, listener)
    (state_dir / _PORT_FILE).write_text(str(port), encoding="utf-8")
    click.echo(f"The sandbox is running: {world.address}/", err=True)
    try:
        server.run([listener])
    finally:
        listener.close()
        world.close()
        (state_dir / _PORT_FILE).unlink(missing_ok=True)


@main.command()
@_state_dir
def down(state_dir: Path) -> None:
    """Stop the sandbox; its state stays."""
    click.echo("The sandbox is stopped." if _stop(state_dir) else "The sandbox is not running.")


@main.command()
@_state_dir
def status(state_dir: Path) -> None:
    """Say whether the sandbox runs, where, and what it holds."""
    health = _health(state_dir)
    if not health:
        click.echo("The sandbox is not running.")
        sys.exit(1)
    click.echo(f"The sandbox is running: {health['address']}/")
    click.echo(f"State: {health['state_dir']}, programme: {health['program'] or 'demo'}")
    click.echo(f"Its clock: {health['clock']}, credits left: {health['credits']}")


@main.command()
@_state_dir
def reset(state_dir: Path) -> None:
    """Wipe all state, a ledger beside it too, and load the programme anew."""
    if _health(state_dir):
        _call(state_dir, "POST", "/reset")
    else:
        _wipe(state_dir)
    click.echo("The sandbox is as new.")


@main.command()
@click.argument("change", required=False)
@_state_dir
def edit(change: str | None, state_dir: Path) -> None:
    """Play the next day of changes, or make the one CHANGE given as JSON."""
    for made in _call(state_dir, "POST", "/edit", _parsed(change))["changes"]:
        click.echo(made["line"])


@main.command()
@click.argument("rules", required=False)
@click.option("--clear", is_flag=True, help="End all faults and set all switches back.")
@_state_dir
def faults(rules: str | None, state_dir: Path, *, clear: bool) -> None:
    """Show the faults and switches, or replace them by RULES, given as JSON.

    RULES has the form {"rules": […], "settings": {…}}; see the README.
    """
    method = "DELETE" if clear else "PUT" if rules else "GET"
    shown = _call(state_dir, method, "/faults", _parsed(rules))
    click.echo(json.dumps(shown, indent=2))


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        message = f"This is not JSON: {error}"
        raise click.ClickException(message) from error


def _request(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = HTTPConnection(HOST, port, timeout=_STOP_SECONDS)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, f"/_sandbox{path}", content)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _health(state_dir: Path) -> Any:
    """What the sandbox of this state directory says of itself; None when it is not running."""
    try:
        port = int((state_dir / _PORT_FILE).read_text(encoding="utf-8"))
        health = _request(port, "GET", "/health")[1]
    except (OSError, ValueError, HTTPException):
        return None
    ours = isinstance(health, dict) and health.get("state_dir") == str(state_dir.resolve())
    return health if ours else None


def _call(state_dir: Path, method: str, path: str, body: Any = None) -> Any:
    health = _health(state_dir)
    if not health:
        message = "The sandbox is not running; start it with: sandbox up"
        raise click.ClickException(message)
    status_code, data = _request(health["port"], method, path, body)
    if status_code >= _BAD_REQUEST:
        raise click.ClickException(data["error"])
    return data


def _stop(state_dir: Path) -> bool:
    """Stops the sandbox of this state directory and waits for its end."""
    health = _health(state_dir)
    if not health:
        return False
    _request(health["port"], "POST", "/stop")
    deadline = time.monotonic() + _STOP_SECONDS
    # The server's last act is to remove this file.
    while (state_dir / _PORT_FILE).exists():
        if time.monotonic() > deadline:
            message = f"The sandbox at {health['address']} does not stop"
            raise click.ClickException(message)
        time.sleep(_POLL_SECONDS)
    return True


def _check_port(port: int) -> None:
    try:
        listen(port).close()
    except OSError as error:
        message = (
            f"Port {port} on {HOST} cannot be used ({error.strerror}): "
            "choose another one with --port or SANDBOX_PORT, which Meltano takes from meltano.yml"
        )
        raise click.ClickException(message) from error


def _wipe(state_dir: Path) -> None:
    for name in _OWN_FILES:
        path = state_dir / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
