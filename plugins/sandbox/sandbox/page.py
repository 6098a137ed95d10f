"""The page at ``/``: the programme as Sessionboard has it beside the agenda as Swoogo has it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse

from sandbox.clock import from_stamp
from sandbox.swoogo_account import FIRST_EVENT
from sandbox.swoogo_resources import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from sandbox.store import Record
    from sandbox.world import World

_PAGES = Environment(loader=PackageLoader("sandbox"), autoescape=True, trim_blocks=True)
_LAST_REQUESTS = 25
_UNDATED = "Without a date"


async def show_page(request: Request) -> HTMLResponse:
    """The page for one event, the first unless ``?event=`` names another."""
    world: World = request.app.state.world
    events = list(world.store.programme["events"].values())
    chosen = request.query_params.get("event")
    number = next((n for n, event in enumerate(events) if str(event["id"]) == chosen), 0)
    swoogo_event = world.store.swoogo["events"][FIRST_EVENT + number]
    left = _sessionboard(world, events[number])
    right = _swoogo(world, swoogo_event)
    html = _PAGES.get_template("page.html").render(
        events=events,
        event=events[number],
        swoogo_event=swoogo_event,
        sides=(left, right),
        days=_days(left["sessions"], right["sessions"]),
        tiers=list(dict.fromkeys([*left["tiers"], *right["tiers"]])),
        requests=_last_calls(world.store.log),
        clock=world.clock.now(),
        credits=request.app.state.swoogo.credits_left(),
        quota=world.settings.quota_credits,
        faults=len(world.rules),
    )
    return HTMLResponse(html.replace("{media}", f"{world.address}/media"))


def _last_calls(log: list[Record]) -> list[Record]:
    """The last requests, newest first; without the images, most of which this page asks for."""
    calls = (entry for entry in reversed(log) if entry["side"] != "media")
    return list(islice(calls, _LAST_REQUESTS))


def _day_name(day: str) -> str:
    if day == _UNDATED:
        return day
    when = date.fromisoformat(day)
    return f"{when:%A}, {when.day} {when:%B %Y}"


def _days(*sides: list[Record]) -> list[Record]:
    """The days, each with its starting times, each with what starts then on either side."""
    slots = sorted(
        {(row["day"] == _UNDATED, row["day"], row["start"]) for rows in sides for row in rows}
    )
    days: defaultdict[str, list[Any]] = defaultdict(list)
    for _, day, start in slots:
        cells = [
            [row for row in rows if (row["day"], row["start"]) == (day, start)] for rows in sides
        ]
        days[day].append({"start": start, "cells": cells})
    return [{"name": _day_name(day), "slots": found} for day, found in days.items()]


def _grouped(rows: list[Record], key: Callable[[Record], str]) -> dict[str, list[Record]]:
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def _side(name: str, sessions: list[Record], people: list[Record], sponsors: list[Any]) -> Record:
    sessions.sort(key=lambda row: row["title"])
    people.sort(key=lambda row: row["name"].lower())
    return {
        "name": name,
        "sessions": sessions,
        "people": people,
        "tiers": _grouped(sponsors, lambda row: row["tier"]),
        "counts": {
            "sessions": len(sessions),
            "people": len(people),
            "sponsors": len(sponsors),
        },
    }


def _sessionboard(world: World, event: Record) -> Record:
    rows = world.store.programme
    zone = ZoneInfo(event["timezone"])

    def own(kind: str) -> list[Record]:
        return [row for row in rows[kind].values() if row["event_id"] == event["id"]]

    def moment(row: Record, name: str, form: str) -> str:
        return f"{from_stamp(row[name]).astimezone(zone):{form}}" if row.get(name) else ""

    sessions = [
        {
            "title": row["title"] or "(no title)",
            "day": moment(row, "starts_at", "%Y-%m-%d") or _UNDATED,
            "start": moment(row, "starts_at", "%H:%M"),
            "end": moment(row, "ends_at", "%H:%M"),
            "room": rows["rooms"].get(row["room_id"], {}).get("name"),
            "track": rows["tracks"].get(row["track_id"], {}).get("name"),
            "status": row["status"],
            "notes": [
                *(["abstract"] if row.get("is_abstract") else []),
                *(["online"] if row.get("external_url") and not row["room_id"] else []),
                *([f"{len(row['subsessions'])} subsessions"] if row["subsessions"] else []),
            ],
            "people": [
                rows["people"][entry["id"]]["full_name"]
                for entry in row["people"]
                if entry["id"] in rows["people"]
            ],
        }
        for row in own("sessions")
        if not row["deleted_at"]
    ]
    people = [
        {
            "name": row.get("full_name") or "(no name)",
            "line": row.get("company_name") or "",
            "image": row.get("photo_url"),
        }
        for row in own("people")
    ]
    sponsors = [
        {"name": row["name"], "tier": _tier(row), "image": row.get("logo_image_url")}
        for row in own("sponsors")
    ]
    return _side("Sessionboard", sessions, people, sponsors)


def _tier(row: Record) -> str:
    values = [one.get("value") for one in row.get("custom_fields") or [] if one["name"] == "Tier"]
    return str(values[0]) if values and values[0] else "No tier"


def _swoogo(world: World, event: Record) -> Record:
    rows = world.store.swoogo
    reader = Reader(world)

    def own(kind: str) -> list[Record]:
        return [row for row in rows[kind].values() if row["event_id"] == event["id"]]

    speakers: defaultdict[int, list[str]] = defaultdict(list)
    for speaker in own("speakers"):
        for session_id in speaker["session_ids"]:
            speakers[session_id].append(f"{speaker['first_name']} {speaker['last_name']}")
    sessions = [
        {
            "title": row["name"],
            "day": row["date"] or _UNDATED,
            "start": (row["start_time"] or "")[:5],
            "end": (row["end_time"] or "")[:5],
            "room": reader.value("sessions", row, "location"),
            "track": reader.value("sessions", row, "track"),
            "status": None,
            "notes": [],
            "people": speakers[row["id"]],
        }
        for row in own("sessions")
    ]
    people = [
        {
            "name": f"{row['first_name']} {row['last_name']}",
            "line": row["company"] or "",
            "image": reader.value("speakers", row, "profile_picture"),
        }
        for row in own("speakers")
    ]
    sponsors = [
        {
            "name": row["name"],
            "tier": reader.value("sponsors", row, "level")["value"] or "No tier",
            "image": row.get("logo_id"),
        }
        for row in own("sponsors")
    ]
    return _side("Swoogo", sessions, people, sponsors)
