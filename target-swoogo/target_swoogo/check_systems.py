"""Asks Swoogo and Sessionboard whether a sync could read and write there. Changes nothing."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from target_swoogo import check, observe
from target_swoogo.answers import SwoogoError
from target_swoogo.check import EventSeen, Line, error, fine, warning
from target_swoogo.errors import TargetError
from target_swoogo.quota import Quota, QuotaSpent
from target_swoogo.sessionboard import REGIONS, SCOPES, Sessionboard, SessionboardError
from target_swoogo.settings_validation import is_safe
from target_swoogo.swoogo import Swoogo
from target_swoogo.values import label_of, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from target_swoogo.settings import Settings

_MOST_DATED = 20
"""Sessionboard's events have no dates; those of so many are found out from their sessions."""


_SECONDS = 60


@dataclass
class SwoogoSeen:
    """What Swoogo answered.

    Attributes:
        lines: What is to be said of it.
        events: Its events; None where they could not be read.
        sponsor_fields: The fields of the sponsors of mapped events.
        spent: The credits that it took.
        left: The credits left.
    """

    lines: list[Line] = field(default_factory=list)
    events: list[EventSeen] | None = None
    sponsor_fields: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    spent: int = 0
    left: int | None = None


@dataclass
class SessionboardSeen:
    """What Sessionboard answered.

    Attributes:
        lines: What is to be said of it.
        events: Its events; None where they could not be read.
        starts: When the sessions of an event begin.
    """

    lines: list[Line] = field(default_factory=list)
    events: list[EventSeen] | None = None
    starts: dict[int, list[datetime]] = field(default_factory=dict)


# Swoogo


def ask_swoogo(settings: Settings) -> SwoogoSeen:
    """Ask Swoogo for its events, and for the sponsors' fields of those that are mapped.

    Args:
        settings: The settings.
    """
    seen = SwoogoSeen()
    credentials = settings.consumer_key and settings.consumer_secret
    if not credentials or not is_safe(settings.api_url):
        return seen  # the settings' lines say so
    # Credits are not waited for: a person waits for the answer.
    quota = Quota(0, time.monotonic() + _SECONDS, sleep=lambda _: True)
    client = Swoogo(
        settings.api_url,
        settings.consumer_key,
        settings.consumer_secret,
        quota,
        user_agent=_user_agent(),
    )
    with closing(client):
        try:
            seen.events = [_swoogo_event(raw) for raw in client.events()]
            seen.lines.append(
                fine("Swoogo", f"The consumer key works; it sees {_count(seen.events)}.")
            )
            there = {event.id for event in seen.events}
            for _, event_id in settings.event_mappings:
                if event_id in there:
                    seen.sponsor_fields[event_id] = client.sponsor_fields(event_id)
        except TargetError as problem:
            seen.lines.append(_swoogo_problem(problem.code, str(problem)))
        except SwoogoError as problem:
            seen.lines.append(_swoogo_problem(problem.code, f"Swoogo could not be read: {problem}"))
        except QuotaSpent:
            seen.lines.append(
                warning(
                    "Swoogo",
                    "quota_spent",
                    "Swoogo's quota is used up, so not all could be looked at.",
                    "Check again in ten minutes, and see what else uses the same consumer key.",
                )
            )
    seen.spent, seen.left = quota.spent, quota.left
    if seen.events is not None:
        seen.lines.append(check.quota(quota.spent, quota.left, quota.limit))
    return seen


def _swoogo_problem(code: str, sentence: str) -> Line:
    found, _, todo = sentence.partition(": ")
    return error("Swoogo", code, f"{found.rstrip('.')}.", f"{todo[:1].upper()}{todo[1:]}")


def _swoogo_event(raw: Mapping[str, Any]) -> EventSeen:
    return EventSeen(
        int(raw["id"]),
        label_of(str(raw.get("name") or ""), None, "Event"),
        line(str(raw.get("timezone") or "")),
        line(str(raw.get("start_date") or "")),
        line(str(raw.get("end_date") or raw.get("start_date") or "")),
    )


# Sessionboard


def ask_sessionboard(settings: Settings, environ: Mapping[str, str]) -> SessionboardSeen:
    """Ask Sessionboard what the token may see.

    Args:
        settings: The settings.
        environ: Where the tap's own settings may stand.
    """
    seen = SessionboardSeen()
    token = settings.sessionboard_access_token or environ.get("TAP_SESSIONBOARD_ACCESS_TOKEN")
    if not token:
        seen.lines.append(
            error(
                "Sessionboard",
                "sessionboard_token_missing",
                "There is no access token, so Sessionboard cannot be read.",
                "Set TAP_SESSIONBOARD_ACCESS_TOKEN in .env.",
            )
        )
        return seen
    address = settings.sessionboard_api_url or environ.get("TAP_SESSIONBOARD_API_URL")
    region = settings.sessionboard_region
    if region == "us":  # which is what it is when nobody has set it
        region = environ.get("TAP_SESSIONBOARD_REGION") or region
    url = address or REGIONS.get(region, "")
    if not is_safe(url):
        wrong = "address is not an https one" if address else "region is none of us, eu and me"
        seen.lines.append(
            error(
                "Sessionboard",
                "setting_invalid",
                f"Sessionboard's {wrong}.",
                "Correct sessionboard_api_url and sessionboard_region, or the tap's settings "
                "api_url and region.",
            )
        )
        return seen
    client = Sessionboard(url, token.strip(), _user_agent())
    try:
        events = [_sessionboard_event(raw) for raw in client.events()]
        seen.lines.append(
            fine("Sessionboard", f"The token works at {client.host}; it sees {_count(events)}.")
        )
        seen.events = events
        _look_into_events(client, seen, [ours for ours, _ in settings.event_mappings])
    except SessionboardError as problem:
        seen.lines.append(_sessionboard_problem(problem, client, None if address else region))
    return seen


def _sessionboard_event(raw: Mapping[str, Any]) -> EventSeen:
    event_id = raw.get("id")
    if not isinstance(event_id, int):
        raise SessionboardError(
            "sessionboard_unreachable", "Sessionboard's list of events has an unknown shape."
        )
    name = label_of(str(raw.get("name") or ""), None, "Event")
    return EventSeen(event_id, name, line(str(raw.get("timezone") or "")))


def _look_into_events(client: Sessionboard, seen: SessionboardSeen, mapped: Sequence[int]) -> None:
    """Which scopes the token has, and on which days the events are."""
    events = {event.id: event for event in seen.events or ()}
    chosen = [event_id for event_id in mapped if event_id in events] or list(events)[:1]
    if chosen:
        seen.lines += _scopes(client, chosen[0])
    for event_id in list(dict.fromkeys([*chosen, *events]))[:_MOST_DATED]:
        try:
            seen.starts[event_id] = client.starts(event_id)
        except SessionboardError:
            continue  # the scopes' lines say so
        events[event_id] = dated(events[event_id], seen.starts[event_id])
    seen.events = list(events.values())


def _scopes(client: Sessionboard, event_id: int) -> Iterator[Line]:
    missing = [what for what in SCOPES if not client.may_read(event_id, what)]
    if "speakers" not in missing and client.masks(event_id):
        yield error(
            "Sessionboard",
            "sessionboard_masked",
            f"The token sees masked e-mail addresses only (event {event_id}), with which no "
            f"speaker can be sent.",
            "Use a token that may see personal data.",
        )
    for scope in dict.fromkeys(SCOPES[what] for what in missing):
        lists = " and ".join(what for what in missing if SCOPES[what] == scope)
        yield error(
            "Sessionboard",
            "sessionboard_scope_missing",
            f"The token may not read the {lists} of event {event_id} (HTTP 403).",
            f"Give it the scope {scope} in Sessionboard.",
        )
    if not missing:
        yield fine("Sessionboard", "The token has every scope that a sync needs.")


def dated(event: EventSeen, starts: Sequence[datetime]) -> EventSeen:
    """An event with the days on which its first and its last session begin."""
    zone = observe.zone_of(event.timezone)
    if not starts or zone is None:
        return event
    days = [f"{moment.astimezone(zone):%Y-%m-%d}" for moment in (min(starts), max(starts))]
    return replace(event, first=days[0], last=days[1])


def _sessionboard_problem(
    problem: SessionboardError, client: Sessionboard, region: str | None
) -> Line:
    if problem.code == "sessionboard_credentials":
        if region is None:
            todo = "Correct the token, or the tap's api_url, which is used in place of a region."
        else:
            others = [
                other
                for other, url in REGIONS.items()
                if other != region and replace(client, url=url).works()
            ]
            todo = (
                f"The token belongs to the region {others[0]}: set sessionboard_region, and the "
                f"tap's region, to {others[0]} (they are {region})."
                if others
                else f"Correct the token; no region knows it (the region is {region})."
            )
    elif problem.code == "sessionboard_scope_missing":
        todo = "Give it the scope read:events in Sessionboard."
    else:
        todo = (
            "Check the network, and the setting "
            f"{'sessionboard_api_url' if region is None else 'sessionboard_region'}."
        )
    return error("Sessionboard", problem.code, str(problem), todo)


def _count(events: Sequence[EventSeen]) -> str:
    return f"{len(events):,} event{'' if len(events) == 1 else 's'}"


def _user_agent() -> str:
    return f"target-swoogo/{version('target-swoogo')}"
