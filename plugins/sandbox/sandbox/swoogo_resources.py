"""Swoogo's record types: what can be read of each (Swoogo API v1 reference, Available Fields)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.store import Record
    from sandbox.world import World

_STAMPS = "created_at updated_at"
_PERSON = (
    "prefix first_name middle_name last_name suffix company job_title work_phone mobile_phone "
    "gender birth_date twitter_handle profile_picture bio cc_email"
)
_TICKET = (
    "id name public_short_name admin_short_name description capacity sold_out_message "
    f"min_group_size max_group_size {_STAMPS}"
)
_NOTHING = {"id": None, "value": None}
_NAMED = ("id", "name")
_PERSONAL = ("id", "first_name", "last_name")


@dataclass(frozen=True)
class Resource:
    """A record type.

    Attributes:
        fields: What ``fields`` may name, and what a single GET gives by default.
        listed: What a list gives by default: little.
        expands: What ``expand`` may name.
        of_event: Its list demands an ``event_id``.
    """

    fields: tuple[str, ...]
    listed: tuple[str, ...] = _NAMED
    expands: tuple[str, ...] = ()
    of_event: bool = True


def _resource(fields: str, **more: Any) -> Resource:
    return Resource(tuple(fields.split()), **more)


RESOURCES = {
    "events": _resource(
        "id folder_id status name url hashtag description organizer_id start_date start_time "
        f"end_date end_time timezone capacity target_attendance domain currency {_STAMPS}",
        expands=("location",),
        of_event=False,
    ),
    "sessions": _resource(
        "id event_id name badge_name description date start_time end_time capacity notes type_id "
        f"location location_id track track_id session_included direct_link c_401 {_STAMPS}",
        expands=("speakers", "location", "track"),
    ),
    "speakers": _resource(
        "id event_id contact_id email first_name last_name job_title company profile_picture bio "
        f"direct_link c_501 {_STAMPS}",
        listed=_PERSONAL,
        expands=("sessions",),
    ),
    "sponsors": _resource(
        f"id event_id name website description logo_id level notes direct_link {_STAMPS}"
    ),
    "locations": _resource(f"id event_id name capacity use_event_address {_STAMPS}"),
    "tracks": _resource(f"id event_id name {_STAMPS}"),
    "contacts": _resource(
        f"id email {_PERSON} subscribe_status notes {_STAMPS}",
        listed=_PERSONAL,
        expands=("workAddress", "homeAddress", "billingAddress", "registrants"),
        of_event=False,
    ),
    "registrants": _resource(
        "id event_id group_id session_ids notes reference ip_address individual_net "
        "individual_tax individual_gross group_net group_tax group_gross group_paid "
        f"{_STAMPS} cancelled_at checked_in_at ext_token registration_status group_balance_due "
        f"reg_type_id package_id discount_id payment_plan_id email {_PERSON}",
        listed=_PERSONAL,
        expands=("workAddress", "homeAddress", "billingAddress", "sessions", "paymentPlan"),
    ),
    "event-questions": _resource(
        f"id event_id page_id name attribute type sort {_STAMPS}", expands=("choices", "page")
    ),
    "packages": _resource(_TICKET),
    "reg-types": _resource(_TICKET),
    "pages": _resource(
        f"id parent_id event_id name slug fullUrl type sort icon {_STAMPS}",
        expands=("eventQuestions",),
    ),
    "webhooks": _resource(
        "id name url trigger_object trigger_on_insert trigger_on_update trigger_on_delete "
        "all_fields fields public_user admin_user api_call any_event event_ids notes created_at "
        "created_by updated_at updated_by",
        listed=("id", "name", "url"),
        of_event=False,
    ),
}
SPONSOR_FIELDS = Resource(
    ("id", "name", "attribute", "type", "sort", "choices"),
    listed=("id", "name", "attribute", "choices"),
    expands=("choices",),
)
_BLANK_TEXT = frozenset(_PERSON.split()) - {"gender", "profile_picture"}


class Reader:
    """Renders records of the Swoogo account as its API does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows = world.store.swoogo

    def show(
        self, kind: str, row: Record, names: tuple[str, ...], expand: frozenset[str]
    ) -> Record:
        """A record with the fields named and the related info expanded."""
        shape = {name: self.value(kind, row, name) for name in names}
        return shape | {name: self._expanded(kind, row, name) for name in sorted(expand)}

    def value(self, kind: str, row: Record, name: str) -> Any:
        """One field of a record."""
        special = getattr(self, f"_{kind}_{name}", None)
        if special is not None:
            return special(row)
        if name == "direct_link":
            return f"https://swoogo.example.org/admin/{row['event_id']}/{kind}/{row['id']}"
        if name == "capacity":
            return None if row.get("capacity") is None else str(row["capacity"])
        if kind in {"contacts", "registrants"} and name in _BLANK_TEXT:
            return row.get(name, "")
        return row.get(name)

    def _choice(self, kind: str, row_id: int | None) -> Record:
        row = self._rows[kind].get(row_id)
        return {"id": row["id"], "value": row["name"]} if row else _NOTHING

    def _name(self, kind: str, row_id: int | None) -> str | None:
        row = self._rows[kind].get(row_id)
        return row["name"] if row else None

    def _sessions_location_id(self, row: Record) -> Record:
        return self._choice("locations", row.get("location_id"))

    def _sessions_track_id(self, row: Record) -> Record:
        return self._choice("tracks", row.get("track_id"))

    def _sessions_location(self, row: Record) -> str | None:
        return self._name("locations", row.get("location_id"))

    def _sessions_track(self, row: Record) -> str | None:
        return self._name("tracks", row.get("track_id"))

    def _speakers_contact_id(self, row: Record) -> int | None:
        if self._world.settings.null_contact_id:
            return None
        return int(row["contact_id"]) if row.get("contact_id") else None

    def _speakers_profile_picture(self, row: Record) -> str:
        contact = self._rows["contacts"].get(row.get("contact_id"))
        return contact["profile_picture"] if contact else ""

    def _sponsors_level(self, row: Record) -> Record:
        for level in self._rows["events"][row["event_id"]]["levels"]:
            if level["id"] == row.get("level"):
                return {"id": level["id"], "value": level["name"]}
        return _NOTHING

    def _registrants_reg_type_id(self, row: Record) -> Record:
        return self._choice("reg-types", row.get("reg_type_id"))

    def _registrants_package_id(self, row: Record) -> Record:
        return self._choice("packages", row.get("package_id"))

    def _registrants_gender(self, row: Record) -> Record:
        del row
        return _NOTHING

    _contacts_gender = _registrants_gender

    def _expanded(self, kind: str, row: Record, name: str) -> Any:
        expand = getattr(self, f"_expand_{kind.replace('-', '_')}_{name}", None)
        return expand(row) if expand else None

    def _expand_speakers_sessions(self, row: Record) -> list[Record]:
        return [self._summary("sessions", key) for key in row["session_ids"]]

    _expand_registrants_sessions = _expand_speakers_sessions

    def _expand_sessions_speakers(self, row: Record) -> list[Record]:
        speakers = self._rows["speakers"].values()
        linked = [one for one in speakers if row["id"] in one["session_ids"]]
        return [self._summary("speakers", speaker["id"]) for speaker in linked]

    def _expand_sessions_location(self, row: Record) -> Record | None:
        return self._summary("locations", row["location_id"]) if row.get("location_id") else None

    def _expand_sessions_track(self, row: Record) -> Record | None:
        return self._summary("tracks", row["track_id"]) if row.get("track_id") else None

    def _expand_event_questions_choices(self, row: Record) -> list[Record]:
        return list(row["choices"])

    def _expand_event_questions_page(self, row: Record) -> Record:
        return self._summary("pages", row["page_id"])

    def _expand_pages_eventQuestions(self, row: Record) -> list[Record]:  # noqa: N802 - Swoogo's name
        return self._related("event-questions", "page_id", row["id"])

    def _expand_contacts_registrants(self, row: Record) -> list[Record]:
        return self._related("registrants", "contact_id", row["id"])

    def _summary(self, kind: str, row_id: int) -> Record:
        row = self._rows[kind][row_id]
        return self.show(kind, row, RESOURCES[kind].fields, frozenset())

    def _related(self, kind: str, name: str, row_id: int) -> list[Record]:
        rows = self._rows[kind].values()
        return [self._summary(kind, row["id"]) for row in rows if row.get(name) == row_id]
