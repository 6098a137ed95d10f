# /// script
# requires-python = ">=3.10"
# dependencies = ["dlt==1.31.0", "requests"]
# ///
"""The same sync by dlt: its REST source into a custom destination function.

    dlt_sync.py SESSIONBOARD_URL SWOOGO_URL

Written as dlt's documentation shows it, with its default parallelism: tables are loaded beside each
other, the records of one table one after another. Sessions refer to rooms and tracks, speakers to
sessions; so there are three loads, and ids are kept in memory in between.

What it leaves out, to its advantage: looking for what Swoogo has already (a second run makes
duplicates), updates, the journal, the quota, rules about what may sync, sanitising, fitting of
images, a report. It takes the time zone of the benchmark's programme for granted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dlt
import requests
from dlt.sources.rest_api import rest_api_source

EVENT, SWOOGO_EVENT = 4101, 77001
SESSIONBOARD, SWOOGO = sys.argv[1:]
ZONE = ZoneInfo("America/New_York")
LOADS = (("rooms", "tracks"), ("sessions", "sponsors"), ("speakers",))

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}

http = requests.Session()
http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=20))
ids: dict[str, dict[str, int]] = {}
cast: dict[str, list[int]] = {}
levels: dict[str, int] = {}


def call(method: str, path: str, **options: Any) -> Any:
    response = http.request(method, f"{SWOOGO}/{path}.json", **options)
    response.raise_for_status()
    return response.json() if response.content else None


def create(kind: str, record: dict[str, Any], **values: Any) -> dict[str, Any]:
    form = {"event_id": SWOOGO_EVENT, **values}
    row: dict[str, Any] = call("POST", f"{kind}/create", data=form)
    ids.setdefault(kind, {})[record["id"]] = row["id"]
    return row


def send_image(url: str | None, path: str) -> None:
    if url:
        picture = http.get(url)
        picture.raise_for_status()
        call("PUT", path, files={"file": ("image.jpg", picture.content)})


def write_rooms(room: dict[str, Any]) -> None:
    create("locations", room, name=room["name"], capacity=room["capacity"], use_event_address=1)


def write_tracks(track: dict[str, Any]) -> None:
    create("tracks", track, name=track["name"])


def write_sessions(session: dict[str, Any]) -> None:
    start, end = (_local(session[name]) for name in ("starts_at", "ends_at"))
    row = create(
        "sessions",
        session,
        name=session["title"],
        description=session["description"],
        date=f"{start:%Y-%m-%d}",
        start_time=f"{start:%H:%M:%S}",
        end_time=f"{end:%H:%M:%S}",
        location_id=ids["locations"][session["room"]["id"]],
        track_id=ids["tracks"][session["track"]["id"]],
    )
    for person in session["participants"]:
        cast.setdefault(person["id"], []).append(row["id"])


def write_speakers(person: dict[str, Any]) -> None:
    row = create(
        "speakers",
        person,
        email=person["email"],
        first_name=person["first_name"],
        last_name=person["last_name"],
        job_title=person["title"],
        company=person["company_name"],
        bio=person["about"],
    )
    call("POST", f"speakers/{row['id']}/session", json={"session_ids": cast[person["id"]]})
    send_image(person["photo_url"], f"image/contact/{row['contact_id']}/profile_picture")


def write_sponsors(sponsor: dict[str, Any]) -> None:
    row = create(
        "sponsors",
        sponsor,
        name=sponsor["name"],
        website=sponsor["website_url"],
        description=sponsor["description"],
        level=levels[sponsor["custom_fields"][0]["value"]],
    )
    send_image(sponsor["logo_image_url"], f"image/sponsor/{row['id']}/logo_id")


@dlt.destination(batch_size=10, skip_dlt_columns_and_tables=True, max_table_nesting=0)
def swoogo(items: list[dict[str, Any]], table: dict[str, Any]) -> None:
    for item in items:
        globals()[f"write_{table['name']}"](item)


def source(streams: tuple[str, ...]) -> Any:
    """The lists of Sessionboard, each a POST that is asked for page by page."""
    return rest_api_source(
        {
            "client": {
                "base_url": f"{SESSIONBOARD}/v1/event/{EVENT}/",
                "headers": {"x-access-token": "sandbox-token"},
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "total_path": "pagination.totalPages",
                },
            },
            "resources": [
                {
                    "name": stream,
                    "max_table_nesting": 0,
                    "endpoint": {
                        "path": stream,
                        "method": "POST",
                        "params": {"pageSize": 100},
                        "json": {"filters": {}, "sort": {"order": "createdAt", "sort": "asc"}},
                        "data_selector": "results",
                    },
                }
                for stream in streams
            ],
        }
    )


def _local(moment: str | datetime) -> datetime:
    text = str(moment).replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(ZONE)


def main() -> None:
    answer = http.post(
        f"{SWOOGO}/oauth2/token.json",
        data={"grant_type": "client_credentials"},
        auth=("sandbox-key", "sandbox-secret"),
    )
    answer.raise_for_status()
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    fields = call("GET", "sponsors/fields", params={"event_id": SWOOGO_EVENT})["items"]
    choices = next(field["choices"] for field in fields if field["attribute"] == "level")
    levels.update((choice["name"], choice["id"]) for choice in choices)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("swoogo", pipelines_dir=folder, destination=swoogo)
        for streams in LOADS:
            pipeline.run(source(streams)).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
