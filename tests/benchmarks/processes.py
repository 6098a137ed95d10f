"""Starts programs, joins them by pipes, and says what they took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
_MEGABYTE = 1024 * 1024
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024
_TOLD_ON_FAILURE = 2_000

Command = list[str]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Spent:
    """What a run took.

    Attributes:
        seconds: From its start to its end, as a clock on the wall shows.
        cpu: Seconds of processor time, of each of its programs.
        peak: The largest resident set in MB, of each of its programs.
    """

    seconds: float
    cpu: tuple[float, ...]
    peak: tuple[float, ...]


def program(name: str, *arguments: str | Path) -> Command:
    """One of the project's own programs, as it is installed."""
    return [str(Path(sys.executable).with_name(name)), *map(str, arguments)]


def competitor(name: str, *arguments: str | Path) -> Command:
    """A competitor that runs in the project's environment."""
    return [sys.executable, str(HERE / "competitors" / f"{name}.py"), *map(str, arguments)]


def foreign(name: str, *arguments: str | Path) -> Command:
    """A competitor with an environment of its own, which uv makes when it is first needed."""
    script = HERE / "competitors" / f"{name}.py"
    subprocess.run(["uv", "sync", "--quiet", "--script", script], check=True)  # noqa: S603, S607 - our own script, by the tool that runs us
    found = subprocess.run(  # noqa: S603 - likewise
        ["uv", "python", "find", "--script", script],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return [found.stdout.strip(), str(script), *map(str, arguments)]


def in_new_process(work: Callable[..., _T], *arguments: object) -> _T:
    """Do work of our own in a process that ends with it.

    The system counts the memory of whoever starts a program as that program's: so the one that
    measures programs must not have worked itself.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def run(
    *commands: Command,
    folder: Path,
    stdin: Path | None = None,
    stdout: Path | None = None,
) -> Spent:
    """Run programs, each reading what the one before it writes, and wait for all of them.

    Args:
        commands: The programs.
        folder: Their working directory; what they log is kept there.
        stdin: What the first one reads; nothing where None.
        stdout: Where the output of the last one goes; nowhere where None.

    Returns:
        What they took.

    Raises:
        RuntimeError: One of them failed.
    """
    log = folder / "benchmark.log"
    with ExitStack() as files:
        errors = files.enter_context(log.open("wb"))
        source = files.enter_context((stdin or Path(os.devnull)).open("rb"))
        sink = files.enter_context((stdout or Path(os.devnull)).open("wb"))
        began = time.perf_counter()
        children = _start(commands, folder, source.fileno(), sink.fileno(), errors.fileno())
        ends = [os.wait4(child.pid, 0) for child in children]
        seconds = time.perf_counter() - began
    for child, (_, status, _) in zip(children, ends, strict=True):
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            message = f"{child.args!r} failed: {log.read_text()[-_TOLD_ON_FAILURE:]}"
            raise RuntimeError(message)
    return Spent(
        seconds,
        tuple(usage.ru_utime + usage.ru_stime for _, _, usage in ends),
        tuple(usage.ru_maxrss * _BYTES_PER_MAXRSS / _MEGABYTE for _, _, usage in ends),
    )


def _start(
    commands: Sequence[Command], folder: Path, source: int, sink: int, errors: int
) -> list[subprocess.Popen[bytes]]:
    children: list[subprocess.Popen[bytes]] = []
    reader: int = source
    for command in commands:
        last = command is commands[-1]
        child = subprocess.Popen(  # noqa: S603 - programs of the project and of the comparison
            command,
            cwd=folder,
            stdin=reader,
            stdout=sink if last else subprocess.PIPE,
            stderr=errors,
        )
        if children and (pipe := children[-1].stdout) is not None:
            pipe.close()  # else the writer would not notice the reader's end
        if child.stdout is not None:
            reader = child.stdout.fileno()
        children.append(child)
    return children
