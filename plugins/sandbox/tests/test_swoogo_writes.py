"""Swoogo's writes: what is taken, what is refused, what it leads to."""

from __future__ import annotations

import hashlib
import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sandbox.pictures import draw

if TYPE_CHECKING:
    from sandbox.server import Sandbox

EVENT = {"event_id": 77001}
PERSON = {**EVENT, "first_name": "Ada", "last_name": "Strand", "email": "ada@example.org"}
GOOD = {"sessions": {**EVENT, "name": "One"}, "speakers": PERSON}
GOOD |= {kind: {**EVENT, "name": "One"} for kind in ("sponsors", "locations", "tracks")}


def test_session(swoogo: Any) -> None:
    location = swoogo.create("locations", name="Hall", capacity=80, use_event_address=1)
    track = swoogo.create("tracks", name="Energy")
    times = {"date": "2026-02-14", "start_time": "09:00:00", "end_time": "23:59:59"}
    made = swoogo.create(
        "sessions",
        name="Opening",
        description="<p>Hello</p>",
        capacity=60,
        location_id=location["id"],
        track_id=track["id"],
        c_401="Beginner",
        **times,
    )
    assert made.items() >= times.items()
    assert made["capacity"] == "60"
    assert made["location_id"] == {"id": location["id"], "value": "Hall"}
    assert made["track_id"] == {"id": track["id"], "value": "Energy"}
    assert (made["location"], made["track"]) == ("Hall", "Energy")
    assert made["c_401"] == "Beginner"
    assert made["direct_link"].endswith(str(made["id"]))
    assert swoogo.get(f"/sessions/{made['id']}") == made
    shown = swoogo.get(f"/sessions/{made['id']}", expand="location,track,speakers", fields="id")
    assert shown["location"]["use_event_address"] == 1
    assert shown["track"]["name"] == "Energy"
    assert shown["speakers"] == []


def test_two_posts_make_two_records(swoogo: Any) -> None:
    for kind, fields in GOOD.items():
        first, second = (swoogo.create(kind, **fields)["id"] for _ in range(2))
        assert first != second


def update(swoogo: Any, kind: str, row_id: int, **fields: Any) -> Any:
    return swoogo("PUT", f"/{kind}/update/{row_id}.json", data=fields)


def test_partial_update(sandbox: Sandbox, swoogo: Any) -> None:
    made = swoogo.create("sessions", name="One", description="Text", capacity=5)
    sandbox.advance(60)
    changed = update(swoogo, "sessions", made["id"], **EVENT, name="Two").json()
    assert changed == {**made, "name": "Two", "updated_at": "2026-01-15 12:01:00"}
    for missing in ({"name": "Two"}, EVENT):
        answer = update(swoogo, "sessions", made["id"], **missing)
        assert answer.status_code == 422
    speaker = swoogo.create("speakers", **PERSON)
    assert update(swoogo, "speakers", speaker["id"], bio="Hi").json()["last_name"] == "Strand"


def test_blank_clears(swoogo: Any) -> None:
    location = swoogo.create("locations", name="Hall")["id"]
    full = {"location_id": location, "description": "Text", "date": "2026-02-14", "capacity": 4}
    made = swoogo.create("sessions", name="One", **full)
    answer = update(swoogo, "sessions", made["id"], **EVENT, name="One", **dict.fromkeys(full, ""))
    cleared = answer.json()
    assert cleared["location_id"] == {"id": None, "value": None}
    assert cleared["location"] is cleared["description"] is cleared["date"] is None
    assert cleared["capacity"] is None


@pytest.mark.parametrize(
    ("kind", "wrong", "field"),
    [
        ("sessions", {"event_id": ""}, "event_id"),
        ("sessions", {"event_id": "1"}, "event_id"),
        ("sessions", {"event_id": "x"}, "event_id"),
        ("sessions", {"name": " "}, "name"),
        ("sessions", {"name": "x" * 256}, "name"),
        ("sessions", {"date": "14.02.2026"}, "date"),
        ("sessions", {"date": "2026-02-30"}, "date"),
        ("sessions", {"date": "2026-2-3"}, "date"),
        ("sessions", {"start_time": "9:00"}, "start_time"),
        ("sessions", {"start_time": "09:00"}, "start_time"),
        ("sessions", {"end_time": "24:00:00"}, "end_time"),
        ("sessions", {"capacity": "many"}, "capacity"),
        ("sessions", {"capacity": "-1"}, "capacity"),
        ("sessions", {"capacity": "1.5"}, "capacity"),
        ("sessions", {"location_id": "1"}, "location_id"),
        ("sessions", {"track_id": "Energy"}, "track_id"),
        ("sessions", {"title": "One"}, "title"),
        ("sessions", {"c_999": "x"}, "c_999"),
        ("sessions", {"location": "Hall"}, "location"),
        ("sessions", {"id": "5"}, "id"),
        ("speakers", {"email": "ada"}, "email"),
        ("speakers", {"email": "a***@e***.org"}, "email"),
        ("speakers", {"email": "ada @example.org"}, "email"),
        ("speakers", {"email": ""}, "email"),
        ("speakers", {"last_name": ""}, "last_name"),
        ("speakers", {"company": "x" * 256}, "company"),
        ("speakers", {"name": "Ada"}, "name"),
        ("sponsors", {"level": "Gold"}, "level"),
        ("sponsors", {"level": "1"}, "level"),
        ("sponsors", {"website": "x" * 256}, "website"),
        ("sponsors", {"logo_id": "x"}, "logo_id"),
        ("locations", {"use_event_address": "true"}, "use_event_address"),
        ("locations", {"capacity": "10 people"}, "capacity"),
        ("tracks", {"color": "#fff"}, "color"),
    ],
)
def test_refused_fields(sandbox: Sandbox, swoogo: Any, kind: str, wrong: Any, field: str) -> None:
    answer = swoogo("POST", f"/{kind}/create.json", data={**GOOD[kind], **wrong})
    assert answer.status_code == 422
    assert [set(error) for error in answer.json()] == [{"field", "message"}]
    assert answer.json()[0]["field"] == field
    assert not sandbox.state.swoogo[kind]
    made = swoogo.create(kind, **GOOD[kind])
    answer = update(swoogo, kind, made["id"], **{**GOOD[kind], **wrong})
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()}
    assert swoogo.get(f"/{kind}/{made['id']}") == made


def test_every_missing_field_is_named(swoogo: Any) -> None:
    answer = swoogo("POST", "/speakers/create", data={"event_id": "77001", "x": "y"})
    fields = [error["field"] for error in answer.json()]
    assert fields == ["x", "email", "first_name", "last_name"]


def test_another_events_records_are_refused(swoogo: Any) -> None:
    other = {"event_id": 77002, "name": "Theirs"}
    for kind, field in (("locations", "location_id"), ("tracks", "track_id")):
        theirs = swoogo("POST", f"/{kind}/create", data=other).json()["id"]
        data = {**GOOD["sessions"], field: theirs}
        assert swoogo("POST", "/sessions/create", data=data).status_code == 422
    level = swoogo.get("/sponsors/fields", event_id=77002, search="attribute=level")
    theirs = level["items"][0]["choices"][0]["id"]
    data = {**GOOD["sponsors"], "level": theirs}
    assert swoogo("POST", "/sponsors/create", data=data).status_code == 422
    mine = swoogo.create("sessions", name="One")
    answer = update(swoogo, "sessions", mine["id"], event_id=77002, name="One")
    assert answer.status_code == 422


def test_bodies_of_the_wrong_kind(swoogo: Any) -> None:
    speaker = swoogo.create("speakers", **PERSON)["id"]
    session = swoogo.create("sessions", name="One")["id"]
    for method, path, body in (
        ("POST", "/sessions/create", {"json": GOOD["sessions"]}),
        ("POST", "/sessions/create", {"files": {"name": "x"}}),
        ("PUT", f"/speakers/update/{speaker}", {"json": {"bio": "x"}}),
        ("POST", f"/speakers/{speaker}/session", {"data": {"session_ids": session}}),
        ("PUT", f"/image/contact/{speaker}/profile_picture", {"data": {"file": "x"}}),
    ):
        answer = swoogo(method, path, **body)
        assert answer.status_code == 415, path
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body, status in ((b"name=%FF", 400), (b"event_id=77001&name=\xff", 400)):
        answer = swoogo("POST", "/tracks/create", data=body, headers=headers)
        assert answer.status_code == status
    answer = swoogo("POST", "/tracks/create?event_id=77001", data={"name": "x"})
    assert answer.status_code == 400


def test_one_contact_per_email(swoogo: Any) -> None:
    first = swoogo.create("speakers", **PERSON)
    same = swoogo.create("speakers", **{**PERSON, "event_id": 77002, "email": "ADA@example.org"})
    other = swoogo.create("speakers", **{**PERSON, "email": "bo@example.org"})
    assert first["contact_id"] == same["contact_id"] != other["contact_id"]
    moved = update(swoogo, "speakers", other["id"], email="ada@example.org").json()
    assert moved["contact_id"] == first["contact_id"]
    assert swoogo.get(f"/contacts/{first['contact_id']}")["first_name"] == "Ada"


def test_links(swoogo: Any) -> None:
    speaker = swoogo.create("speakers", **PERSON)["id"]
    one, two = (swoogo.create("sessions", name=name)["id"] for name in ("One", "Two"))
    path = f"/speakers/{speaker}/session.json"
    assert swoogo("POST", path, json={"session_ids": [one]}).status_code == 200
    assert swoogo("POST", path, json={"session_ids": [two, one]}).status_code == 200
    shown = swoogo.get("/speakers", **EVENT, expand="sessions")["items"][0]
    assert [session["id"] for session in shown["sessions"]] == [one, two]
    assert swoogo("DELETE", path, json={"session_ids": [one]}).status_code == 200
    shown = swoogo.get(f"/sessions/{two}", expand="speakers")
    assert [speaker["email"] for speaker in shown["speakers"]] == ["ada@example.org"]
    assert swoogo.get(f"/sessions/{one}", expand="speakers")["speakers"] == []


def test_refused_links(swoogo: Any) -> None:
    speaker = swoogo.create("speakers", **PERSON)["id"]
    session = swoogo.create("sessions", name="One")["id"]
    theirs = swoogo.create("sessions", name="One", event_id=77002)["id"]
    path = f"/speakers/{speaker}/session"
    for body in (
        {"session_ids": [theirs]},
        {"session_ids": [session, 1]},
        {"session_ids": []},
        {"session_ids": session},
        {"session_ids": [str(session)]},
        {"session_ids": [True]},
        {"session_ids": [session], "event_id": 77001},
        {"ids": [session]},
        [session],
    ):
        answer = swoogo("POST", path, json=body)
        assert answer.status_code == 422, body
        assert answer.json()[0]["field"] == "session_ids"
    assert swoogo.get(f"/speakers/{speaker}", expand="sessions")["sessions"] == []
    missing = swoogo("POST", "/speakers/1/session", json={"session_ids": [session]})
    assert missing.status_code == 404
    headers = {"Content-Type": "application/json"}
    assert swoogo("POST", path, data="[", headers=headers).status_code == 400


def test_deletes(sandbox: Sandbox, swoogo: Any) -> None:
    speaker = swoogo.create("speakers", **PERSON)["id"]
    session = swoogo.create("sessions", name="One")["id"]
    swoogo("POST", f"/speakers/{speaker}/session", json={"session_ids": [session]})
    registrant = next(iter(sandbox.state.swoogo["registrants"]))
    edit: dict[str, Any] = {"op": "update", "side": "swoogo", "kind": "registrants"}
    edit["id"] = registrant
    sandbox.edit({**edit, "fields": {"session_ids": [session]}})
    assert swoogo("DELETE", f"/sessions/delete/{session}.json").status_code == 422
    sandbox.edit({**edit, "fields": {"session_ids": []}})
    answer = swoogo("DELETE", f"/sessions/delete/{session}.json")
    assert (answer.status_code, answer.json()) == (200, None)
    assert swoogo("DELETE", f"/sessions/delete/{session}.json").status_code == 404
    assert update(swoogo, "sessions", session, **EVENT, name="One").status_code == 404
    assert swoogo("GET", f"/sessions/{session}").status_code == 404
    assert swoogo.get(f"/speakers/{speaker}", expand="sessions")["sessions"] == []
    assert swoogo("DELETE", f"/speakers/delete/{speaker}.json").status_code == 200
    assert swoogo.create("sessions", name="One")["id"] > session


def upload(swoogo: Any, path: str, name: str, content: bytes, part: str = "file") -> Any:
    return swoogo("PUT", f"/image/{path}.json", files={part: (name, content, "image/jpeg")})


def test_headshot_and_logo(sandbox: Sandbox, swoogo: Any) -> None:
    speaker = swoogo.create("speakers", **PERSON)
    twin = swoogo.create("speakers", **{**PERSON, "event_id": 77002})
    assert speaker["profile_picture"] == ""
    content = draw(PurePosixPath("4101/people/ada.jpg"))
    path = f"contact/{speaker['contact_id']}/profile_picture"
    assert upload(swoogo, path, "ada.jpg", content).status_code == 200
    urls = {swoogo.get(f"/speakers/{row['id']}")["profile_picture"] for row in (speaker, twin)}
    assert len(urls) == 1
    assert swoogo.session.get(urls.pop(), timeout=10).content == content
    (kept,) = sandbox.state.swoogo["uploads"].values()
    assert kept["sha256"] == hashlib.sha256(content).hexdigest()
    assert kept["size"] == len(content)
    assert sandbox.log[-4]["fields"]["file"]["sha256"] == kept["sha256"]
    sponsor = swoogo.create("sponsors", name="One")
    assert sponsor["logo_id"] is None
    svg = draw(PurePosixPath("4101/logos/one.svg"))
    assert upload(swoogo, f"sponsor/{sponsor['id']}/logo_id", "a.svg", svg).status_code == 200
    assert swoogo.get(f"/sponsors/{sponsor['id']}")["logo_id"].endswith(".svg")


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "gif", "webp", "svg"])
def test_image_formats(swoogo: Any, ending: str) -> None:
    sponsor = swoogo.create("sponsors", name="One")["id"]
    content = draw(PurePosixPath(f"4101/people/one.{ending}"))
    assert upload(swoogo, f"sponsor/{sponsor}/logo_id", f"a.{ending}", content).status_code == 200


def noise(size: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((size, size), 100).save(out, "PNG")
    return out.getvalue()


def test_refused_images(sandbox: Sandbox, swoogo: Any) -> None:
    sponsor = swoogo.create("sponsors", name="One")["id"]
    path = f"sponsor/{sponsor}/logo_id"
    png = draw(PurePosixPath("4101/logos/one.png"))
    big = noise(1100)
    assert len(big) > 1_000_000
    for name, content in (
        ("a.png", big),
        ("a.png", png[:200]),
        ("a.jpg", png),
        ("a.png", b""),
        ("a.svg", b"<html></html>"),
        ("a.svg", b"<svg"),
        ("a.bmp", png),
        ("a", png),
        ("a.jpg", draw(PurePosixPath("4101/people/corrupt.jpg"))),
    ):
        answer = upload(swoogo, path, name, content)
        assert answer.status_code == 422, name
        assert answer.json()[0]["field"] == "logo_id"
    assert upload(swoogo, path, "a.png", png, part="image").status_code == 422
    assert upload(swoogo, f"sponsor/{sponsor}/banner", "a.png", png).status_code == 422
    assert upload(swoogo, "sponsor/1/logo_id", "a.png", png).status_code == 404
    assert upload(swoogo, "speaker/1/profile_picture", "a.png", png).status_code == 404
    assert not sandbox.state.swoogo["uploads"]
    two = {"file": ("a.png", png), "other": ("b.png", png)}
    assert swoogo("PUT", f"/image/{path}", files=two).status_code == 422
    headers = {"Content-Type": "multipart/form-data"}
    assert swoogo("PUT", f"/image/{path}", data=b"x", headers=headers).status_code == 400


def test_an_image_of_exactly_the_limit(swoogo: Any) -> None:
    sponsor = swoogo.create("sponsors", name="One")["id"]
    svg = draw(PurePosixPath("4101/logos/one.svg"))
    for size, status in ((1_000_000, 200), (1_000_001, 422)):
        content = svg + b" " * (size - len(svg))
        assert upload(swoogo, f"sponsor/{sponsor}/logo_id", "a.svg", content).status_code == status
