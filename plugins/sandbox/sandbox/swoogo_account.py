"""The Swoogo account as it stands before the first sync: events, forms, a few registrants."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox.clock import from_stamp, swoogo_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sandbox.store import Record, Store

FIRST_EVENT = 77001
OTHER_EVENT = 77099
_OLD_ZONES = {
    "America/Anchorage": "US/Alaska",
    "America/Chicago": "US/Central",
    "America/Denver": "US/Mountain",
    "America/Detroit": "US/Michigan",
    "America/Los_Angeles": "US/Pacific",
    "America/New_York": "US/Eastern",
    "America/Phoenix": "US/Arizona",
    "Pacific/Honolulu": "US/Hawaii",
}
_TIERS = ("Platinum", "Gold", "Silver", "Bronze")
_REGISTRANTS = (("Wren", "Halloran"), ("Ottilie", "Marsh"), ("Bas", "Verhoeven"))


def open_account(store: Store, now: datetime) -> None:
    """Gives every Sessionboard event its Swoogo twin, and the account one event without a twin."""
    stamps = {"created_at": swoogo_stamp(now), "updated_at": swoogo_stamp(now)}
    events = store.programme["events"].values()
    for number, event in enumerate(events):
        twin = FIRST_EVENT + number
        zone = _OLD_ZONES.get(event["timezone"]) or event["timezone"]
        row = _event(twin, event["name"], zone, _days(store, event, now)) | stamps
        store.load("swoogo", "events", [row | {"levels": _levels(store, event["id"], twin)}])
        _furnish(store, twin, stamps)
    day = f"{now + timedelta(days=60):%Y-%m-%d}"
    other = _event(OTHER_EVENT, "Members' Evening, Sydney", "Australia/Sydney", (day, day))
    store.load("swoogo", "events", [other | stamps | {"levels": []}])
    webhook = {"id": 41, "name": "Agenda changes", "url": "https://hooks.example.org/agenda"}
    flags = ("insert", "update", "delete")
    webhook |= {"trigger_object": "session", "notes": None, "fields": None, "event_ids": None}
    webhook |= {f"trigger_on_{flag}": "true" for flag in flags}
    webhook |= dict.fromkeys(("all_fields", "public_user", "admin_user", "any_event"), "true")
    webhook |= {"api_call": "true", "created_by": 1, "updated_by": 1}
    store.load("swoogo", "webhooks", [webhook | stamps])


def _days(store: Store, event: Record, now: datetime) -> tuple[str, str]:
    """The days that the programme spans, of what is still to come or of all."""
    zone = ZoneInfo(event["timezone"])
    stamps = [
        from_stamp(row[name])
        for row in store.programme["sessions"].values()
        if row["event_id"] == event["id"]
        for name in ("starts_at", "ends_at")
        if row.get(name)
    ] or [now]
    coming = [moment for moment in stamps if moment >= now] or stamps
    return f"{min(coming).astimezone(zone):%Y-%m-%d}", f"{max(coming).astimezone(zone):%Y-%m-%d}"


def _levels(store: Store, event_id: int, twin: int) -> list[Record]:
    """The sponsor levels: the programme's tiers, the usual ones in their usual order."""
    tiers = {
        custom["value"]
        for row in store.programme["sponsors"].values()
        if row["event_id"] == event_id
        for custom in row.get("custom_fields") or []
        if custom["name"] == "Tier" and custom.get("value")
    }
    ranks = {tier: rank for rank, tier in enumerate(_TIERS)}
    ordered = sorted(tiers, key=lambda tier: (ranks.get(tier, len(ranks)), tier))
    first = (twin - FIRST_EVENT) * 100 + 601
    return [{"id": first + i, "name": tier, "sort": i + 1} for i, tier in enumerate(ordered)]


def _event(event_id: int, name: str, zone: str, days: tuple[str, str]) -> Record:
    return {
        "id": event_id,
        "folder_id": 0,
        "status": "live",
        "name": name,
        "url": "".join(c if c.isalnum() else "-" for c in name.lower()),
        "hashtag": "",
        "description": "",
        "organizer_id": 1,
        "start_date": days[0],
        "start_time": "08:00:00",
        "end_date": days[1],
        "end_time": "18:00:00",
        "timezone": zone,
        "capacity": None,
        "target_attendance": None,
        "domain": "swoogo.example.org",
        "currency": "USD",
    }


def _furnish(store: Store, event_id: int, stamps: Record) -> None:
    """What an event has besides its agenda, small."""
    rows: defaultdict[str, list[Record]] = defaultdict(list)
    base = {"event_id": event_id, **stamps}
    first = (event_id - FIRST_EVENT) * 100 + 1
    for kind, names in (
        ("reg-types", ("Attendee", "Exhibitor")),
        ("packages", ("Full programme", "One day")),
    ):
        for number, name in enumerate(names):
            rows[kind].append(base | _ticket(first + number, name))
    for number, (name, slug) in enumerate(_pages()):
        page = {"id": first + number, "parent_id": None, "name": name, "slug": slug}
        url = f"https://swoogo.example.org/{event_id}/{slug}"
        page |= {"fullUrl": url, "type": "registration", "sort": number + 1, "icon": None}
        rows["pages"].append(base | page)
    for number, (name, attribute, kind) in enumerate(
        (
            ("Email Address", "email", "email"),
            ("First Name", "first_name", "text"),
            ("Last Name", "last_name", "text"),
            ("How did you hear of us?", "c_301", "select"),
        )
    ):
        question = {"id": first + number, "page_id": first + 1, "name": name, "sort": number + 1}
        question |= {"attribute": attribute, "type": kind, "choices": []}
        rows["event-questions"].append(base | question)
    rows["event-questions"][-1]["choices"] = [
        {"id": first, "name": "A friend", "sort": 1},
        {"id": first + 1, "name": "The newsletter", "sort": 2},
    ]
    for number, (first_name, last_name) in enumerate(_REGISTRANTS):
        contact = make_contact(
            store, f"{first_name}.{last_name}@example.org".lower(), stamps["created_at"]
        )
        person = {"first_name": first_name, "last_name": last_name, "email": contact["email"]}
        store.save("swoogo", "contacts", contact | person)
        ids = {"id": first + number, "contact_id": contact["id"], "group_id": first + number}
        kinds = {"reg_type_id": first, "package_id": first, "session_ids": []}
        state = {"registration_status": "confirmed"}
        rows["registrants"].append(base | person | ids | kinds | state)
    for kind, records in rows.items():
        store.load("swoogo", kind, records)


def _pages() -> Iterator[tuple[str, str]]:
    yield "Begin Registration", "begin"
    yield "Personal Information", "personal_info"
    yield "Agenda", "agenda"


def _ticket(row_id: int, name: str) -> Record:
    return {
        "id": row_id,
        "name": name,
        "public_short_name": "",
        "admin_short_name": "",
        "description": "",
        "capacity": None,
        "sold_out_message": "Sold Out",
        "min_group_size": None,
        "max_group_size": None,
    }


def make_contact(store: Store, email: str, created_at: str) -> Record:
    """The account's one contact of this e-mail address, made when there is none yet."""
    for contact in store.swoogo["contacts"].values():
        if contact["email"].lower() == email.lower():
            return contact
    stamps = {"created_at": created_at, "updated_at": created_at}
    new = {"id": store.next_id("contacts", 900001), "email": email, "profile_picture": ""}
    return store.save("swoogo", "contacts", new | {"subscribe_status": "subscribed"} | stamps)
