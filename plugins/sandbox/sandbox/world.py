"""The sandbox as a whole: clock, store, switches, faults, programme and images."""

from __future__ import annotations

import hashlib
import mimetypes
import shutil
import threading
from email.utils import format_datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sandbox import edits
from sandbox.clock import Clock, from_stamp
from sandbox.demo import SESSIONS, make_demo
from sandbox.edit_day import play_day
from sandbox.faults import Rule, strike
from sandbox.loader import load
from sandbox.pictures import draw
from sandbox.programme import Programme, read_programme
from sandbox.settings import Settings
from sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.store import Record

STATE_FILE = "state.sqlite"
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg"}
mimetypes.add_type("image/webp", ".webp")


class World:
    """Everything that the two vendors, the page and the control interface share.

    Args:
        state_dir: Where state lives; an existing state there goes on.
        program: A programme directory; None for the demo.
        as_is: Leaves the programme's dates as they are.
        now: A moment at which the sandbox's clock stands still; None follows the wall clock.
        sessions: The size of the demo programme.

    Raises:
        ValueError: The programme cannot be read, or the state holds another one.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        program: Path | None = None,
        as_is: bool = False,
        now: datetime | None = None,
        sessions: int = SESSIONS,
    ) -> None:
        self.state_dir = state_dir
        self.address = ""
        self._source = {
            "program": str(program.resolve()) if program else None,
            "as_is": as_is,
            "sessions": sessions,
        }
        self.clock = Clock(now)
        self.store = Store(state_dir / STATE_FILE, self.clock)
        self.clock.offset = self.store.meta.get("clock", 0)
        held = self.store.meta.get("source")
        if held is None:
            try:
                self._load()
            except ValueError:
                self.store.close()
                raise
        elif program and held != self._source:
            self.store.close()
            message = (
                f"{state_dir} holds another programme ({held['program'] or 'the demo'}); "
                f"start with --fresh to wipe it and load {program}"
            )
            raise ValueError(message)
        else:
            self._source = held
        self.settings = Settings(**self.store.meta.get("settings", {}))
        self.rules = [Rule.from_json(rule) for rule in self.store.meta.get("rules", [])]

    def _load(self) -> None:
        load(self._programme(), self.store, self.clock.now(), as_is=bool(self._source["as_is"]))
        self.store.set_meta("source", self._source)
        self.store.set_meta("loaded_at", self.clock.stamp())

    def _programme(self) -> Programme:
        program = self._source["program"]
        if program is None:
            return make_demo(int(self._source["sessions"] or SESSIONS))
        return read_programme(Path(str(program)))

    def reset(self) -> None:
        """Wipes all state, the demo's ledger beside it too, and loads the programme anew."""
        self.store.wipe()
        for folder in ("ledger", "uploads", "media"):
            shutil.rmtree(self.state_dir / folder, ignore_errors=True)
        self.clock.offset = 0
        self._load()
        self.settings, self.rules = Settings(), []

    def advance(self, seconds: float) -> None:
        """Moves the sandbox's clock."""
        self.clock.offset += seconds
        self.store.set_meta("clock", self.clock.offset)

    @property
    def program(self) -> str | None:
        """The programme directory; None for the demo."""
        program = self._source["program"]
        return None if program is None else str(program)

    @property
    def draws_images(self) -> bool:
        """Whether new images can be drawn; a programme directory brings its own."""
        return self._source["program"] is None

    def set_faults(self, rules: Sequence[object], settings: dict[str, Any]) -> None:
        """Replaces all faults and switches.

        Raises:
            ValueError: A rule or a setting is malformed; then nothing changes.
        """
        new_rules = [Rule.from_json(rule) for rule in rules]
        self.settings = Settings().changed(settings)
        self.rules = new_rules
        self.store.set_meta("settings", self.settings.as_json())
        self._keep_rules()

    def faults(self) -> dict[str, Any]:
        """The faults with their counts, and the switches."""
        return {
            "rules": [rule.as_json() for rule in self.rules],
            "settings": self.settings.as_json(),
        }

    def strike(self, side: str, method: str, path: str) -> dict[str, Any]:
        """What is to go wrong with this request."""
        if not self.rules:
            return {}
        do = strike(self.rules, side, method, path)
        self._keep_rules()
        return do

    def _keep_rules(self) -> None:
        self.store.set_meta("rules", [rule.as_json() for rule in self.rules])

    def image(self, path: str) -> tuple[bytes, str, str, str]:
        """An image's bytes, media type, ETag and Last-Modified.

        Raises:
            FileNotFoundError: There is no such image.
        """
        versions: dict[str, list[Any]] = self.store.meta.get("images", {})
        version, since = versions.get(path, [0, self.store.meta["loaded_at"]])
        content = self._image_file(path, version).read_bytes()
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return content, kind, etag, format_datetime(from_stamp(since), usegmt=True)

    def replace_image(self, path: str) -> None:
        """Gives an image of the programme another picture at the same address."""
        versions: dict[str, list[Any]] = self.store.meta.get("images", {})
        version = versions.get(path, [0])[0] + 1
        self.store.set_meta("images", versions | {path: [version, self.clock.stamp()]})

    def _image_file(self, path: str, version: int) -> Path:
        parts = PurePosixPath(path)
        if ".." in parts.parts or parts.suffix.lower() not in _IMAGE_SUFFIXES:
            raise FileNotFoundError(path)
        if parts.parts[0] == "uploads":
            return self.state_dir / parts
        program = self._source["program"]
        if program is not None and not version:
            return Path(str(program)) / "media" / parts
        drawn = self.state_dir / "media" / str(version) / parts
        if not drawn.exists():
            drawn.parent.mkdir(parents=True, exist_ok=True)
            part = drawn.with_name(f"{drawn.name}.{threading.get_ident()}")
            part.write_bytes(draw(parts, version))
            part.replace(drawn)
        return drawn

    def keep_upload(self, name: str, content: bytes) -> str:
        """Keeps an uploaded image; returns its address, ``{media}`` standing for the server's."""
        path = self.state_dir / "uploads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"{{media}}/uploads/{name}"

    def edit(self, edit: dict[str, Any] | str | None = None) -> list[Record]:
        """Makes one edit, or plays the next day of changes.

        Args:
            edit: A single edit (see `sandbox.edits.apply`); None or ``"day"`` for a day of them.

        Raises:
            ValueError: The edit is malformed or names what does not exist.
        """
        with self.store.lock:
            if isinstance(edit, dict):
                return edits.apply(self, edit)
            if edit not in {None, "day"}:
                message = f"an edit is an object or 'day', not {edit!r}"
                raise ValueError(message)
            return play_day(self)

    def close(self) -> None:
        """Closes the store."""
        self.store.close()
