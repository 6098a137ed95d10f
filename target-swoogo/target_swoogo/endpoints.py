"""The one table of Swoogo's endpoints, and of what about them is assumed."""

from __future__ import annotations

from typing import Literal, NamedTuple

from target_swoogo.model import Kind
from target_swoogo.quota import CALL_COST, LIST_COST

PER_PAGE = 200
"""Most records on a page of a list."""


class Endpoint(NamedTuple):
    """One call of the API.

    Attributes:
        method: HTTP method.
        path: Below the API's address.
        cost: Credits.
        known: Where it is known from: S the API reference of the seed, D the vendor's current
            documentation, A assumed from its documented siblings.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    cost: int
    known: Literal["S", "D", "A"]


TOKEN = Endpoint("POST", "oauth2/token.json", CALL_COST, "S")
EVENT = Endpoint("GET", "events/{id}.json", CALL_COST, "S")
EVENTS = Endpoint("GET", "events.json", LIST_COST, "S")
LEVELS = Endpoint("GET", "sponsors/fields.json", LIST_COST, "A")
LINK = Endpoint("POST", "speakers/{id}/session.json", CALL_COST, "D")
UNLINK = Endpoint("DELETE", "speakers/{id}/session.json", CALL_COST, "A")
HEADSHOT = Endpoint("PUT", "image/contact/{id}/profile_picture.json", CALL_COST, "A")
LOGO = Endpoint("PUT", "image/sponsor/{id}/logo_id.json", CALL_COST, "A")
LIST = {
    Kind.SESSION: Endpoint("GET", "sessions.json", LIST_COST, "S"),
    Kind.SPEAKER: Endpoint("GET", "speakers.json", LIST_COST, "S"),
    Kind.SPONSOR: Endpoint("GET", "sponsors.json", LIST_COST, "S"),
    Kind.LOCATION: Endpoint("GET", "locations.json", LIST_COST, "A"),
    Kind.TRACK: Endpoint("GET", "tracks.json", LIST_COST, "A"),
}
GET = {
    Kind.SESSION: Endpoint("GET", "sessions/{id}.json", CALL_COST, "S"),
    Kind.SPEAKER: Endpoint("GET", "speakers/{id}.json", CALL_COST, "S"),
    Kind.SPONSOR: Endpoint("GET", "sponsors/{id}.json", CALL_COST, "S"),
}
CREATE = {
    Kind.SESSION: Endpoint("POST", "sessions/create.json", CALL_COST, "S"),
    Kind.SPEAKER: Endpoint("POST", "speakers/create.json", CALL_COST, "A"),
    Kind.SPONSOR: Endpoint("POST", "sponsors/create.json", CALL_COST, "A"),
    Kind.LOCATION: Endpoint("POST", "locations/create.json", CALL_COST, "D"),
    Kind.TRACK: Endpoint("POST", "tracks/create.json", CALL_COST, "A"),
}
UPDATE = {
    Kind.SESSION: Endpoint("PUT", "sessions/update/{id}.json", CALL_COST, "A"),
    Kind.SPEAKER: Endpoint("PUT", "speakers/update/{id}.json", CALL_COST, "A"),
    Kind.SPONSOR: Endpoint("PUT", "sponsors/update/{id}.json", CALL_COST, "A"),
    Kind.LOCATION: Endpoint("PUT", "locations/update/{id}.json", CALL_COST, "A"),
    Kind.TRACK: Endpoint("PUT", "tracks/update/{id}.json", CALL_COST, "A"),
}
FIELDS = {
    Kind.SESSION: "id,name,description,date,start_time,end_time,capacity,location_id,track_id,"
    "direct_link",
    Kind.SPEAKER: "id,email,first_name,last_name,job_title,company,bio,contact_id,direct_link",
    Kind.SPONSOR: "id,name,website,description,level,direct_link",
    Kind.LOCATION: "id,name,capacity",
    Kind.TRACK: "id,name",
}
"""What lists are asked for: their default projection is sparse."""
EVENT_FIELDS = "id,name,timezone,start_date,end_date"
IMAGE_FIELDS = {Kind.SPEAKER: "profile_picture", Kind.SPONSOR: "logo_id"}
"""Where a record tells that it has an image."""
