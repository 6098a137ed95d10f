"""The least possible requests of a first sync, from the log of one."""

from __future__ import annotations

import base64
import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from benchmarks.processes import Spent, competitor, run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Request = tuple[str, str, dict[str, str], str]
    Entry = dict[str, Any]

LIST_CREDITS = 10
_LISTS = ("locations", "tracks", "sessions", "speakers", "sponsors")
_CHOICES = ("/locations/create", "/tracks/create")
_BOUNDARY = "benchmark"


def least_credits(log: Iterable[Entry]) -> int:
    """What a first sync into an empty event costs when nothing is asked or sent in vain.

    The token, the event, the sponsor levels, one page of each list, and each write once.
    """
    writes = sum(_is_write(entry) for entry in log)
    return 2 + LIST_CREDITS * (1 + len(_LISTS)) + writes


def credits_spent(log: Iterable[Entry]) -> int:
    """What Swoogo charged."""
    return sum(entry["credits"] for entry in log)


def calls(log: Iterable[Entry]) -> int:
    """How many requests Swoogo got."""
    return sum(entry["side"] == "swoogo" for entry in log)


def done(log: Iterable[Entry]) -> dict[str, int]:
    """What was written to Swoogo, however many calls it took."""
    writes = [entry for entry in log if _is_write(entry)]
    return {
        "records": sum(entry["path"].endswith("/create") for entry in writes),
        "links": sum(
            len(entry["fields"]["session_ids"])
            for entry in writes
            if entry["path"].endswith("/session")
        ),
        "images": sum(entry["path"].startswith("/image/") for entry in writes),
    }


def send(log: Iterable[Entry], folder: Path, url: str, workers: int) -> Spent:
    """Send the least possible requests by a bare pool.

    Each wave needs what the one before has made: lookups, rooms and tracks, records, and last the
    links and images.

    Args:
        log: The log of a first sync.
        folder: A working directory.
        url: The sandbox, with nothing in Swoogo yet.
        workers: How many requests are sent at once.
    """
    log = [entry for entry in log if entry["side"] in {"swoogo", "media"}]
    bearer = {"Authorization": f"Bearer {_token(url)}", "Accept": "application/json"}
    lookups = [
        _request("GET", f"/swoogo/api/v1/{name}.json?event_id=77001&per-page=200", bearer)
        for name in (*_LISTS, "sponsors/fields")
    ]
    lookups.append(_request("GET", "/swoogo/api/v1/events/77001.json", bearer))
    writes = [entry for entry in log if _is_write(entry)]
    choices = [e for e in writes if e["path"] in _CHOICES]
    records = [e for e in writes if e["path"].endswith("/create") and e["path"] not in _CHOICES]
    rest = [e for e in writes if not e["path"].endswith("/create")]
    pictures = [e["path"] for e in log if e["side"] == "media"]
    photo = _picture(url, pictures[0]) if pictures else b""
    extras = [_write(entry, bearer, photo) for entry in rest]
    extras += [_request("GET", f"/media{path}", {}) for path in pictures]
    waves = [lookups, *([_write(e, bearer, photo) for e in wave] for wave in (choices, records))]
    file = folder / "least.jsonl"
    file.write_text("\n".join(json.dumps(wave) for wave in (*waves, extras)), encoding="utf-8")
    address = urlsplit(url)
    command = competitor("bare_pool", str(address.hostname), str(address.port), str(workers))
    return run(command, folder=folder, stdin=file)


def _is_write(entry: Entry) -> bool:
    return entry["side"] == "swoogo" and bool(entry["write"])


def _request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Request:
    return method, path, headers, base64.b64encode(body).decode()


def _write(entry: Entry, bearer: dict[str, str], photo: bytes) -> Request:
    path, fields = f"/swoogo/api/v1{entry['path']}.json", entry["fields"]
    if entry["path"].startswith("/image/"):
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="image.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        body = head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
    elif entry["path"].endswith("/session"):
        body, kind = json.dumps(fields).encode(), "application/json"
    else:
        body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
    return _request(entry["method"], path, bearer | {"Content-Type": kind}, body)


def _token(url: str) -> str:
    body = urlencode({"grant_type": "client_credentials"})
    key = base64.b64encode(b"sandbox-key:sandbox-secret").decode()
    headers = {
        "Authorization": f"Basic {key}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    token: str = json.loads(_ask(url, "POST", "/swoogo/api/v1/oauth2/token.json", body, headers))[
        "access_token"
    ]
    return token


def _picture(url: str, path: str) -> bytes:
    return _ask(url, "GET", f"/media{path}")


def _ask(
    url: str, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
) -> bytes:
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse().read()
    connection.close()
    return answer
