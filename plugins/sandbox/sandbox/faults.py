"""Faults by request: which request goes wrong, how, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_MATCH_KEYS = {"side": str, "method": str, "path": str, "nth": int}
_SIDES = ("sessionboard", "swoogo", "media")
_BODIES = ("json", "html", "empty")
DO_KEYS: dict[str, tuple[type, ...]] = {
    "latency_ms": (int,),
    "status": (int,),
    "body": (str,),
    "retry_after": (int, str),
    "drop": (bool,),
    "commit_then_drop": (bool,),
    "reset": (bool,),
    "commit_then_reset": (bool,),
    "truncate": (bool,),
    "html": (bool,),
    "no_id": (bool,),
    "errors_in_200": (bool,),
    "malformed": (bool,),
    "hang": (int, float),
    "after_commit": (bool,),
    "edit": (dict, str),
}


@dataclass
class Rule:
    """A fault: the requests it is meant for, what happens to them, how many times.

    Attributes:
        match: ``side``, ``method``, ``path`` (a regular expression, searched in the path after the
            API's prefix) and ``nth`` (only the nth such request, from 1); all optional.
        do: What goes wrong; see the package's README for each kind.
        times: How many requests it may hit; None for all of them.
    """

    match: dict[str, Any]
    do: dict[str, Any]
    times: int | None = 1
    seen: int = 0
    fired: int = 0

    @classmethod
    def from_json(cls, data: object) -> Rule:
        """Reads a rule.

        Raises:
            ValueError: The rule has an unknown key or a value of the wrong kind.
        """
        if not isinstance(data, dict) or not isinstance(data.get("do"), dict) or not data["do"]:
            message = f"a fault needs the form {{'match': {{…}}, 'times': 1, 'do': {{…}}}}: {data}"
            raise ValueError(message)
        match, times = data.get("match", {}), data.get("times", 1)
        _check_keys("fault", data, {"match", "do", "times", "seen", "fired"})
        _check_keys("match", match, set(_MATCH_KEYS))
        _check_keys("do", data["do"], set(DO_KEYS))
        for name, value in match.items():
            _check_type(name, value, (_MATCH_KEYS[name],))
        for name, value in data["do"].items():
            _check_type(name, value, DO_KEYS[name])
        if times is not None:
            _check_type("times", times, (int,))
        _check_choice("side", match.get("side", _SIDES[0]), _SIDES)
        _check_choice("body", data["do"].get("body", _BODIES[0]), _BODIES)
        try:
            re.compile(match.get("path", ""))
        except re.error as error:
            message = f"the path of the fault is no regular expression: {error}"
            raise ValueError(message) from error
        return cls(match, data["do"], times, data.get("seen", 0), data.get("fired", 0))

    def hits(self, side: str, method: str, path: str) -> bool:
        """Counts the request and says whether this rule strikes it."""
        wanted = self.match
        if (
            wanted.get("side", side) != side
            or wanted.get("method", method).upper() != method
            or not re.search(wanted.get("path", ""), path)
        ):
            return False
        self.seen += 1
        if wanted.get("nth", self.seen) != self.seen:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule with its counts."""
        return dict(vars(self))


def strike(rules: list[Rule], side: str, method: str, path: str) -> dict[str, Any]:
    """What goes wrong with this request: the sum of all rules that strike it."""
    do: dict[str, Any] = {}
    for rule in rules:
        if rule.hits(side, method, path):
            do |= rule.do
    return do


def _check_keys(what: str, data: object, known: set[str]) -> None:
    if not isinstance(data, dict) or not data.keys() <= known:
        message = f"{what} must be an object with keys among {', '.join(sorted(known))}: {data}"
        raise ValueError(message)


def _check_type(name: str, value: object, kinds: tuple[type, ...]) -> None:
    if type(value) not in kinds:
        message = f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}, not {value!r}"
        raise ValueError(message)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        message = f"{name} must be one of {', '.join(choices)}, not {value!r}"
        raise ValueError(message)
