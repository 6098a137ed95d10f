"""The same sync by a target written the usual way.

The SDK's `RecordSink`, one call of `requests` after another: each record is looked up by its
natural key, then created or updated; a speaker is linked to each session by a call of its own, and
each picture is fetched and sent. Ids are kept in memory.

What it leaves out, to its advantage: a ledger (so every run costs what the first did), the journal
against duplicates, the quota, retries, rules about what may sync, sanitising, fitting of images,
time zones, a report. It takes the time zone of the benchmark's programme for granted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import requests
from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import RecordSink

_TIMEOUT = 60
_ZONE = ZoneInfo("America/New_York")


class SwoogoSink(RecordSink):
    """Writes each record as it comes."""

    def __init__(self, target: UsualTarget, *args: Any, **kwargs: Any) -> None:
        super().__init__(target, *args, **kwargs)
        self.run = target
        self.ids = target.ids
        self.event = self.config["swoogo_event_id"]

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        del context
        if write := getattr(self, f"write_{self.stream_name}", None):
            write(record)

    def write_rooms(self, room: dict[str, Any]) -> None:
        values = {"name": room["name"], "capacity": room["capacity"], "use_event_address": 1}
        self.upsert("locations", room, values, f"name={room['name']}")

    def write_tracks(self, track: dict[str, Any]) -> None:
        self.upsert("tracks", track, {"name": track["name"]}, f"name={track['name']}")

    def write_sessions(self, session: dict[str, Any]) -> None:
        start, end = (_local(session[name]) for name in ("starts_at", "ends_at"))
        values = {
            "name": session["title"],
            "description": session["description"],
            "date": f"{start:%Y-%m-%d}",
            "start_time": f"{start:%H:%M:%S}",
            "end_time": f"{end:%H:%M:%S}",
            "location_id": self.ids["locations"][session["room"]["id"]]["id"],
            "track_id": self.ids["tracks"][session["track"]["id"]]["id"],
        }
        row = self.upsert("sessions", session, values, f"name={session['title']}")
        for person in session["participants"]:
            self.run.cast.setdefault(person["id"], []).append(row["id"])

    def write_speakers(self, person: dict[str, Any]) -> None:
        values = {
            "email": person["email"],
            "first_name": person["first_name"],
            "last_name": person["last_name"],
            "job_title": person["title"],
            "company": person["company_name"],
            "bio": person["about"],
        }
        row = self.upsert("speakers", person, values, f"email={person['email']}")
        for session_id in self.run.cast.get(person["id"], ()):
            self.call("POST", f"speakers/{row['id']}/session", json={"session_ids": [session_id]})
        self.send_image(person["photo_url"], f"image/contact/{row['contact_id']}/profile_picture")

    def write_sponsors(self, sponsor: dict[str, Any]) -> None:
        if self.run.levels is None:
            fields = self.call("GET", "sponsors/fields", params={"event_id": self.event})["items"]
            choices = next(f["choices"] for f in fields if f["attribute"] == "level")
            self.run.levels = {choice["name"]: choice["id"] for choice in choices}
        values = {
            "name": sponsor["name"],
            "website": sponsor["website_url"],
            "description": sponsor["description"],
            "level": self.run.levels[sponsor["custom_fields"][0]["value"]],
        }
        row = self.upsert("sponsors", sponsor, values, f"name={sponsor['name']}")
        self.send_image(sponsor["logo_image_url"], f"image/sponsor/{row['id']}/logo_id")

    def upsert(
        self, kind: str, record: dict[str, Any], values: dict[str, Any], search: str
    ) -> dict[str, Any]:
        form = {"event_id": self.event, **{k: v for k, v in values.items() if v is not None}}
        params = {"event_id": self.event, "search": search, "fields": "id,contact_id"}
        if kind != "speakers":
            params["fields"] = "id"
        found = self.call("GET", kind, params=params)["items"]
        if found:
            self.call("PUT", f"{kind}/update/{found[0]['id']}", data=form)
        row = found[0] if found else self.call("POST", f"{kind}/create", data=form)
        self.ids.setdefault(kind, {})[record["id"]] = row
        return row

    def send_image(self, url: str | None, path: str) -> None:
        if url:
            picture = requests.get(url, timeout=_TIMEOUT)
            picture.raise_for_status()
            self.call("PUT", path, files={"file": ("image.jpg", picture.content)})

    def call(self, method: str, path: str, **options: Any) -> Any:
        response = requests.request(
            method,
            f"{self.config['api_url']}/{path}.json",
            headers={"Authorization": f"Bearer {self.run.token()}"},
            timeout=_TIMEOUT,
            **options,
        )
        response.raise_for_status()
        return response.json() if response.content else None


class UsualTarget(Target):
    """The target."""

    name = "usual-target"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("consumer_key", th.StringType, required=True),
        th.Property("consumer_secret", th.StringType, required=True),
        th.Property("swoogo_event_id", th.IntegerType, required=True),
    ).to_dict()
    default_sink_class = SwoogoSink

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ids: dict[str, dict[str, Any]] = {}
        self.cast: dict[str, list[int]] = {}
        self.levels: dict[str, int] | None = None
        self._token: str | None = None

    def token(self) -> str:
        if self._token is None:
            answer = requests.post(
                f"{self.config['api_url']}/oauth2/token.json",
                data={"grant_type": "client_credentials"},
                auth=(self.config["consumer_key"], self.config["consumer_secret"]),
                timeout=_TIMEOUT,
            )
            answer.raise_for_status()
            self._token = answer.json()["access_token"]
        return self._token


def _local(moment: datetime | str) -> datetime:
    instant = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return instant.astimezone(_ZONE)


if __name__ == "__main__":
    UsualTarget.cli()
