"""Swoogo's writing calls: create, update, delete, link, upload."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from sandbox.answers import Refusal, answer, json_body
from sandbox.clock import swoogo_stamp
from sandbox.swoogo_account import make_contact
from sandbox.swoogo_forms import FORMS
from sandbox.swoogo_query import check_parameters
from sandbox.swoogo_read import found
from sandbox.swoogo_resources import RESOURCES, Reader
from sandbox.uploads import refusal as upload_refusal

if TYPE_CHECKING:
    from sandbox.store import Record, Store
    from sandbox.world import World

Endpoint = Callable[[Request], Awaitable[Response]]
_FORM = "application/x-www-form-urlencoded"
_FIRST_IDS = {
    "sessions": 500001,
    "speakers": 300001,
    "sponsors": 200001,
    "locations": 100001,
    "tracks": 110001,
}
# image type -> record type, and the field that takes the image
_IMAGES = {
    "contact": ("contacts", "profile_picture"),
    "registrant": ("registrants", "profile_picture"),
    "sponsor": ("sponsors", "logo_id"),
}


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of a form-encoded body.

    Raises:
        Refusal: 415 when the body is declared as anything else, 400 when it is not UTF-8.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != _FORM:
        raise Refusal(415, f"Content-Type must be {_FORM}, not {declared or 'absent'}")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise Refusal(400, "The form is not UTF-8") from error
    return dict(pairs)


def _shown(request: Request, kind: str, row: Record, status: int = 200) -> Response:
    reader = Reader(request.app.state.world)
    return answer(request, reader.show(kind, row, RESOURCES[kind].fields, frozenset()), status)


def create(world: World, kind: str, values: Record) -> Record:
    """Makes a record of these values, as if they had been sent and accepted."""
    store, stamp = world.store, swoogo_stamp(world.clock.now())
    row = dict.fromkeys(FORMS[kind].checks) | values
    row |= {"created_at": stamp, "updated_at": stamp}
    row |= {"_made": world.clock.stamp(), "_calls": store.meta.get("list_calls", 0)}
    if kind == "speakers":
        row |= {"session_ids": [], "contact_id": _contact(store, row, stamp)}
    if kind == "sessions":
        row |= {"session_included": "No"}
    return store.save("swoogo", kind, {"id": store.next_id(kind, _FIRST_IDS[kind]), **row})


def update(world: World, kind: str, row: Record, values: Record) -> Record:
    """Changes a record; what is not among the values stays."""
    stamp = swoogo_stamp(world.clock.now())
    new = {**row, **values, "updated_at": stamp}
    if kind == "speakers" and "email" in values:
        new["contact_id"] = _contact(world.store, new, stamp)
    return world.store.save("swoogo", kind, new)


def delete(world: World, kind: str, row_id: int) -> None:
    """Deletes a record and what refers to it."""
    store = world.store
    store.delete("swoogo", kind, row_id)
    if kind == "sessions":
        for speaker in list(store.swoogo["speakers"].values()):
            if row_id in speaker["session_ids"]:
                left = [key for key in speaker["session_ids"] if key != row_id]
                store.save("swoogo", "speakers", speaker | {"session_ids": left})
    if kind in {"locations", "tracks"}:
        name = f"{kind.removesuffix('s')}_id"
        for session in list(store.swoogo["sessions"].values()):
            if session[name] == row_id:
                store.save("swoogo", "sessions", session | {name: None})


def _contact(store: Store, speaker: Record, stamp: str) -> int:
    contact = make_contact(store, speaker["email"], stamp)
    if not contact.get("first_name"):
        names = {name: speaker[name] for name in ("first_name", "last_name")}
        store.save("swoogo", "contacts", contact | names)
    return int(contact["id"])


def creator(kind: str) -> Endpoint:
    """The call that creates a record. Every call makes one: there are no uniqueness rules."""

    async def create_record(request: Request) -> Response:
        check_parameters(request.query_params, set())
        world: World = request.app.state.world
        values = FORMS[kind].read(world.store, await form_fields(request), None)
        return _shown(request, kind, create(world, kind, values), 201)

    return create_record


def updater(kind: str) -> Endpoint:
    """The call that updates a record, in part."""

    async def update_record(request: Request) -> Response:
        check_parameters(request.query_params, set())
        world: World = request.app.state.world
        fields, row = await form_fields(request), found(request, kind)
        values = FORMS[kind].read(world.store, fields, row)
        return _shown(request, kind, update(world, kind, row, values))

    return update_record


def deleter(kind: str) -> Endpoint:
    """The call that deletes a record; a session with registrants stays."""

    async def delete_record(request: Request) -> Response:
        check_parameters(request.query_params, set())
        world: World = request.app.state.world
        row = found(request, kind)
        registrants = world.store.swoogo["registrants"].values()
        if kind == "sessions" and any(row["id"] in one["session_ids"] for one in registrants):
            message = "This session cannot be deleted as it has registrants."
            raise Refusal(422, [{"field": "id", "message": message}])
        delete(world, kind, row["id"])
        return answer(request, None)

    return delete_record


async def link(request: Request) -> Response:
    """Adds sessions to a speaker's (POST) or takes them away (DELETE)."""
    check_parameters(request.query_params, set())
    world: World = request.app.state.world
    body, speaker = await json_body(request), found(request, "speakers")
    ids = body.get("session_ids") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(ids, list) or not ids or any(type(number) is not int for number in ids):
        message = "Session Ids must be a list of session ids, and nothing else may be sent."
        raise Refusal(422, [{"field": "session_ids", "message": message}])
    sessions = world.store.swoogo["sessions"]
    wrong = [
        number
        for number in ids
        if number not in sessions or sessions[number]["event_id"] != speaker["event_id"]
    ]
    if wrong:
        message = f"Session Ids are not sessions of the speaker's event: {wrong}."
        raise Refusal(422, [{"field": "session_ids", "message": message}])
    held = speaker["session_ids"]
    if request.method == "POST":
        left = list(dict.fromkeys([*held, *ids]))
    else:
        left = [number for number in held if number not in ids]
    row = world.store.save("swoogo", "speakers", speaker | {"session_ids": left})
    return answer(request, {"id": row["id"], "session_ids": left})


async def put_image(request: Request) -> Response:
    """Takes an image: a contact's or registrant's picture, or a sponsor's logo."""
    check_parameters(request.query_params, set())
    params, world = request.path_params, request.app.state.world
    if params["type"] not in _IMAGES:
        raise Refusal(404, f"There are no images of type {params['type']}")
    kind, field = _IMAGES[params["type"]]
    filename, declared, content = await _upload(request)
    row = found(request, kind)
    wrong = upload_refusal(filename, content) if params["field"] == field else "is no image field."
    if wrong:
        raise Refusal(422, [{"field": params["field"], "message": wrong}])
    digest = hashlib.sha256(content).hexdigest()
    address = world.keep_upload(f"{digest[:32]}{PurePath(filename).suffix.lower()}", content)
    stamp = swoogo_stamp(world.clock.now())
    world.store.save("swoogo", kind, row | {field: address, "updated_at": stamp})
    upload = {
        "id": world.store.next_id("uploads", 1),
        "type": params["type"],
        "record_id": row["id"],
        "field": field,
        "filename": filename,
        "content_type": declared,
        "size": len(content),
        "sha256": digest,
        "created_at": stamp,
    }
    world.store.save("swoogo", "uploads", upload)
    return answer(request, {"id": row["id"], field: address})


async def _upload(request: Request) -> tuple[str, str | None, bytes]:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "multipart/form-data":
        raise Refusal(415, f"Content-Type must be multipart/form-data, not {declared or 'absent'}")
    try:
        async with request.form() as form:
            parts: list[tuple[str, Any]] = list(form.multi_items())
            if [name for name, _ in parts] != ["file"] or not isinstance(parts[0][1], UploadFile):
                message = "Exactly one part is due: the file, under the name file."
                raise Refusal(422, [{"field": "file", "message": message}])
            upload = parts[0][1]
            return upload.filename or "", upload.content_type, await upload.read()
    except (MultiPartException, HTTPException) as error:
        raise Refusal(400, "The multipart body cannot be read") from error
