"""The sandbox's switches: how generous, slow or stale the two vendors are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

_CHOICES = "choices"


def _one_of(*choices: str) -> str:
    return field(default=choices[0], metadata={_CHOICES: choices})


@dataclass(frozen=True)
class Settings:
    """Every switch with its default; set by ``PUT /_sandbox/faults``.

    Those of the first group concern Swoogo, those of the second answer what Sessionboard's
    documentation leaves open.
    """

    latency_ms: int = 0
    quota_enabled: bool = True
    quota_credits: int = 2000
    quota_window_seconds: int = 600
    token_seconds: int = 1800
    list_lag_seconds: int = 0
    list_lag_calls: int = 0
    null_contact_id: bool = False

    after_inclusive: bool = True
    speaker_edit_bumps_session: bool = False
    participant_edit_bumps_session: bool = True
    speakers_include_moderators: bool = False
    status_filters_people: bool = False
    participants_listed: bool = True
    envelope: str = _one_of("results", "data", "array")
    retry_after: str = _one_of("seconds", "date")
    stale_seconds: int = 0
    rate_limit_enabled: bool = True
    rate_limit_requests: int = 100
    rate_limit_seconds: int = 900

    def changed(self, changes: dict[str, Any]) -> Settings:
        """These settings with some of them changed.

        Raises:
            ValueError: An unknown name, or a value of the wrong kind.
        """
        known = {one.name: one for one in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in known:
                message = f"unknown setting {name!r}; known are {', '.join(known)}"
                raise ValueError(message)
            kind = type(known[name].default)
            choices = known[name].metadata.get(_CHOICES)
            if type(value) is not kind or (choices and value not in choices):
                wanted = " or ".join(choices) if choices else f"of type {kind.__name__}"
                message = f"setting {name!r} must be {wanted}, not {value!r}"
                raise ValueError(message)
        return dataclasses.replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """All settings by name."""
        return dataclasses.asdict(self)
