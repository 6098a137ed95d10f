"""Calls whose answer never came: whatever Swoogo did with them, the end is right.

Each call is spoilt in two ways: Swoogo does what it was asked and the answer is lost, or it does
nothing and the answer is lost all the same. The target cannot tell the two apart.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.server import Sandbox
from target_swoogo import swoogo

from .checkpoint import Checkpoint
from .conftest import Pair
from .invariants import differences
from .small_programme import (
    EVENT,
    MAPPINGS,
    PAIRS,
    person,
    picture,
    sponsor,
    without_properties,
    write_programme,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT, _HANG, _LONG = 0.8, 1.6, 30.0
"""Seconds: a time-out, an answer that is later, and a time-out that no answer is later than."""
_LAG = 60

_DONE: dict[str, dict[str, Any]] = {
    "dropped": {"commit_then_drop": True},
    "reset": {"commit_then_reset": True},
    "cut short": {"truncate": True},
    "half a document": {"malformed": True},
    "500": {"status": 500, "after_commit": True},
    "502 page": {"status": 502, "body": "html", "after_commit": True},
    "page": {"html": True},
    "too slow": {"hang": _HANG, "after_commit": True},
}
_DONE_CREATE = _DONE | {"no id": {"no_id": True}}
_NOT_DONE: dict[str, dict[str, Any]] = {
    "dropped": {"drop": True},
    "reset": {"reset": True},
    "500": {"status": 500},
    "502 page": {"status": 502, "body": "html"},
    "503 empty": {"status": 503, "body": "empty"},
    "page": {"status": 200, "body": "html"},
    "nothing": {"status": 200, "body": "empty"},
}
_NOT_DONE_CREATE = _NOT_DONE | {"no id": {"status": 201}}
_KINDS = ("locations", "tracks", "sessions", "speakers", "sponsors")
_CHANGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "locations": ("rooms", "lab", {"name": "Laboratory", "capacity": None}),
    "tracks": ("tracks", "science", {"name": "Sciences"}),
    "sessions": ("sessions", "dyeing", {"title": "Dyeing cloth", "description": None}),
    "speakers": ("people", "cyd", {"email": "cyd.cole@example.org", "about": None}),
    "sponsors": ("sponsors", "spool", {"name": "Spools", "website_url": None}),
}
"""An edit of each new record that changes what it is recognised by, and empties a field."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pair, Checkpoint]]:
    """A synced programme, to which Sessionboard has added a record of each kind."""
    folder = tmp_path_factory.mktemp("unknown")
    with Sandbox(folder / "sandbox", write_programme(folder / "programme")) as sandbox:
        pair = Pair(sandbox, folder, MAPPINGS)
        pair.sync()
        create(pair, "rooms", id="lab", name="Lab", capacity=30)
        create(pair, "tracks", id="science", name="Science")
        create(pair, "people", **person("cyd", "Cyd", "Cole"))
        create(pair, "sponsors", **sponsor("spool", "Spool"))
        session(pair, "dyeing", "lab", "science")
        cast(pair, "dyeing", "cyd")
        yield pair, Checkpoint.take(pair)


@pytest.fixture
def pair(prepared: tuple[Pair, Checkpoint], monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(swoogo, "_TIMEOUT", (_LONG, _LONG))
    monkeypatch.setattr(swoogo, "_LONGEST_WAIT", 0.0)
    pair, checkpoint = prepared
    checkpoint.restore(pair)
    yield pair
    idle(pair)


# What happens on either side


def create(pair: Pair, kind: str, **fields: Any) -> None:
    edit = {"op": "create", "kind": kind, "fields": {"event_id": EVENT, **fields}}
    pair.sandbox.edit(edit)


def update(pair: Pair, kind: str, row_id: str, **fields: Any) -> None:
    pair.sandbox.edit({"op": "update", "kind": kind, "id": row_id, "fields": fields})


def cast(pair: Pair, session_id: str, person_id: str) -> None:
    pair.sandbox.edit({"op": "add_participant", "session_id": session_id, "person_id": person_id})


def uncast(pair: Pair, session_id: str, person_id: str) -> None:
    edit = {"op": "remove_participant", "session_id": session_id, "person_id": person_id}
    pair.sandbox.edit(edit)


def session(
    pair: Pair, session_id: str, room: str, track: str | None = None, **fields: Any
) -> None:
    """A new session, at the time of the opening."""
    opening = pair.sandbox.state.programme["sessions"]["opening"]
    values = {name: opening[name] for name in ("starts_at", "ends_at", "status", "description")}
    values |= {"title": "Dyeing", "room_id": room, "track_id": track}
    create(pair, "sessions", id=session_id, **values | fields)


def run(pair: Pair, **config: Any) -> dict[str, Any]:
    """One run; a call that the target gave up on ends before this does."""
    config = {"max_failed_percent": 100, "unlink_removed_speakers": True, "max_workers": 1} | config
    report = pair.load(without_properties(pair.read()), **config)
    idle(pair)
    return report


def idle(pair: Pair) -> None:
    """Wait for requests that hang, and then end the faults."""
    hanging = [r for r in pair.sandbox.world.rules if "hang" in r.do and r.fired]
    due = sum(rule.fired for rule in hanging)
    pause = threading.Event()
    while sum("hang" in call.get("fault", ()) for call in pair.calls()) < due:
        pause.wait(0.01)


def spoil(
    pair: Pair, path: str, do: dict[str, Any], *, times: int | None = 1, lag: int = 0
) -> None:
    if "hang" in do:
        # Only here, so that a busy machine is not taken for a slow server elsewhere.
        swoogo._TIMEOUT = (_SHORT, _SHORT)
    rule = {"match": {"side": "swoogo", "path": path}, "times": times, "do": do}
    pair.sandbox.faults(rule, quota_enabled=False, list_lag_seconds=lag)


def mend(pair: Pair) -> None:
    """Faults and lag are over."""
    swoogo._TIMEOUT = (_LONG, _LONG)
    pair.sandbox.faults(quota_enabled=False)


def posts(pair: Pair, kind: str) -> int:
    return sum(call["path"] == f"/{kind}/create" for call in pair.writes())


def wrong(pair: Pair) -> str:
    return "\n".join(differences(pair.sandbox, PAIRS))


def pending(report: dict[str, Any]) -> set[str]:
    return {note["code"] for one in report["pairs"] for note in one["pending"]}


# Creates


@pytest.mark.parametrize("fault", _DONE_CREATE)
@pytest.mark.parametrize("kind", _KINDS)
def test_a_create_that_was_done_is_found(pair: Pair, kind: str, fault: str) -> None:
    spoil(pair, f"^/{kind}/create$", _DONE_CREATE[fault])
    run(pair)
    mend(pair)
    run(pair, list_lag_seconds=0)
    assert wrong(pair) == ""
    assert posts(pair, kind) == 1


@pytest.mark.parametrize("fault", _NOT_DONE_CREATE)
@pytest.mark.parametrize("kind", _KINDS)
def test_a_create_that_was_not_done_is_repeated_when_that_is_sure(
    pair: Pair, kind: str, fault: str
) -> None:
    spoil(pair, f"^/{kind}/create$", _NOT_DONE_CREATE[fault])
    assert "outcome_unknown" in pending(run(pair))
    mend(pair)
    assert "outcome_unknown" in pending(run(pair))
    assert posts(pair, kind) == 1, "it may only be missing from the lists yet"
    run(pair, list_lag_seconds=0)
    assert wrong(pair) == ""
    assert posts(pair, kind) == 2


@pytest.mark.parametrize("kind", _KINDS)
def test_a_create_that_is_done_after_the_time_out_is_found(pair: Pair, kind: str) -> None:
    spoil(pair, f"^/{kind}/create$", {"hang": _HANG})
    run(pair)
    mend(pair)
    run(pair)
    run(pair)
    assert wrong(pair) == ""
    assert posts(pair, kind) == 1


@pytest.mark.parametrize("change", [False, True], ids=["unchanged", "edited meanwhile"])
@pytest.mark.parametrize("fault", ["dropped", "page", "no id"])
@pytest.mark.parametrize("kind", _KINDS)
def test_a_create_is_not_repeated_while_lists_lag(
    pair: Pair, kind: str, fault: str, *, change: bool
) -> None:
    spoil(pair, f"^/{kind}/create$", _DONE_CREATE[fault], lag=_LAG)
    assert "outcome_unknown" in pending(run(pair))
    if change:
        source, row_id, fields = _CHANGES[kind]
        update(pair, source, row_id, **fields)
    assert "outcome_unknown" in pending(run(pair))
    assert posts(pair, kind) == 1
    pair.sandbox.advance(_LAG + 1)
    run(pair, list_lag_seconds=0)
    run(pair)
    assert wrong(pair) == ""
    assert posts(pair, kind) == 1


@pytest.mark.parametrize("fault", _DONE_CREATE)
def test_all_creates_are_lost_at_once(pair: Pair, fault: str) -> None:
    spoil(pair, "/create$", _DONE_CREATE[fault], times=None, lag=_LAG)
    run(pair, max_workers=4)
    run(pair, max_workers=4)
    pair.sandbox.advance(_LAG + 1)
    mend(pair)
    run(pair, list_lag_seconds=0)
    assert wrong(pair) == ""
    assert [posts(pair, kind) for kind in _KINDS] == [1] * len(_KINDS)


_TWINS: dict[str, list[dict[str, Any] | None]] = {
    "first done": [{"commit_then_drop": True}, None],
    "first not done": [{"drop": True}, None],
    "second done": [None, {"commit_then_drop": True}],
    "second not done": [None, {"drop": True}],
    "both done": [{"commit_then_drop": True}, {"commit_then_drop": True}],
    "neither done": [{"drop": True}, {"drop": True}],
    "only first done": [{"commit_then_drop": True}, {"drop": True}],
    "only second done": [{"drop": True}, {"commit_then_drop": True}],
}


@pytest.mark.parametrize("same", [False, True], ids=["different", "same"])
@pytest.mark.parametrize("lag", [0, _LAG])
@pytest.mark.parametrize("case", _TWINS)
def test_two_sessions_of_one_name_and_time_stay_two(
    pair: Pair, case: str, lag: int, *, same: bool
) -> None:
    # Where they differ, each lacks something that the other has.
    first, second = ({}, {}) if same else ({"description": None}, {"room_id": None})
    session(pair, "coffee-1", "hall", title="Coffee", **first)
    session(pair, "coffee-2", "hall", title="Coffee", **second)
    cast(pair, "coffee-1", "ada")
    cast(pair, "coffee-2", "ben")
    # Dyeing, an hour later, is created after both.
    update(pair, "sessions", "dyeing", **_later(pair))
    rules = [
        {"match": {"path": "^/sessions/create$", "nth": nth}, "do": do}
        for nth, do in enumerate(_TWINS[case], 1)
        if do is not None
    ]
    pair.sandbox.faults(*rules, quota_enabled=False, list_lag_seconds=lag)
    run(pair)
    pair.sandbox.advance(_LAG + 1)
    run(pair, list_lag_seconds=0)
    run(pair, list_lag_seconds=0)
    assert wrong(pair) == ""


def _later(pair: Pair) -> dict[str, str]:
    row = pair.sandbox.state.programme["sessions"]["closing"]
    return {name: row[name] for name in ("starts_at", "ends_at")}


def test_a_record_made_by_hand_meanwhile_is_not_taken_for_the_lost_one(pair: Pair) -> None:
    """Two match: the one that carries what was sent is ours."""
    spoil(pair, "^/sponsors/create$", {"commit_then_drop": True}, lag=_LAG)
    run(pair)
    by_hand = {"event_id": 77001, "name": "Spool", "description": "Another Spool."}
    edit = {"op": "create", "side": "swoogo", "kind": "sponsors", "fields": by_hand}
    pair.sandbox.edit(edit)
    pair.sandbox.advance(_LAG + 1)
    run(pair, list_lag_seconds=0)
    (theirs,) = (
        row["id"]
        for row in pair.sandbox.state.swoogo["sponsors"].values()
        if row["description"] == "Another Spool."
    )
    pair.sandbox.edit({"op": "delete", "side": "swoogo", "kind": "sponsors", "id": theirs})
    assert wrong(pair) == ""


# Updates, links and images: they may be repeated, so nothing has to be looked up

_UPDATES = (
    ("rooms", "hall", "name", "Great Hall", "Grand Hall"),
    ("tracks", "craft", "name", "Craft", "Crafts"),
    ("sessions", "opening", "description", "<p>All about opening.</p>", None),
    ("people", "ada", "title", "Weaver", "Master weaver"),
    ("people", "ben", "photo_url", picture("ben"), picture("ben-2")),
    ("sponsors", "loom", "website_url", "https://loom.example.org", "https://new.example.org"),
    ("sponsors", "loom", "logo_image_url", picture("loom"), picture("spool-2")),
)
_PATHS = (
    ("PUT", "/locations/update/"),
    ("PUT", "/tracks/update/"),
    ("PUT", "/sessions/update/"),
    ("PUT", "/speakers/update/"),
    ("PUT", "/sponsors/update/"),
    ("POST", r"/speakers/\d+/session$"),
    ("DELETE", r"/speakers/\d+/session$"),
    ("PUT", "/image/contact/"),
    ("PUT", "/image/sponsor/"),
)


@pytest.fixture(scope="module")
def settled(prepared: tuple[Pair, Checkpoint]) -> Checkpoint:
    """Everything is synced and nothing is new."""
    pair, checkpoint = prepared
    checkpoint.restore(pair)
    run(pair)
    return Checkpoint.take(pair)


def change(pair: Pair) -> None:
    for kind, row_id, name, _, new in _UPDATES:
        update(pair, kind, row_id, **{name: new})
    cast(pair, "opening", "ben")
    uncast(pair, "weaving", "ben")


def change_back(pair: Pair) -> None:
    for kind, row_id, name, old, _ in _UPDATES:
        update(pair, kind, row_id, **{name: old})
    uncast(pair, "opening", "ben")
    cast(pair, "weaving", "ben")


_SPOILT = {f"done, {name}": do for name, do in _DONE.items()} | {
    f"not done, {name}": do for name, do in _NOT_DONE.items()
}
_QUICK = [name for name, do in _SPOILT.items() if "hang" not in do]
"""Without those that take a second for each try."""


@pytest.mark.parametrize("back", [False, True], ids=["stays", "changes back"])
@pytest.mark.parametrize("fault", _QUICK)
def test_every_update_link_and_image_is_lost(
    settled: Checkpoint, pair: Pair, fault: str, *, back: bool
) -> None:
    settled.restore(pair)
    assert wrong(pair) == ""
    change(pair)
    writes = "/update/|/image/|/session$"
    spoil(pair, writes, _SPOILT[fault], times=None)
    run(pair)
    for method, path in _PATHS:
        struck = [c for c in pair.writes() if c["method"] == method and re.search(path, c["path"])]
        assert struck, f"{method} {path} was not tried"
        assert all("fault" in call for call in struck)
    mend(pair)
    if back:
        change_back(pair)
    run(pair)
    assert wrong(pair) == ""


@pytest.mark.parametrize("fault", _SPOILT)
def test_an_update_link_or_image_that_is_lost_once_is_repeated_at_once(
    settled: Checkpoint, pair: Pair, fault: str
) -> None:
    settled.restore(pair)
    change(pair)
    rules = [
        {"match": {"method": method, "path": path}, "do": _SPOILT[fault]} for method, path in _PATHS
    ]
    pair.sandbox.faults(*rules, quota_enabled=False)
    report = run(pair)
    assert wrong(pair) == ""
    assert report["pairs"][0]["failed"] == []


def test_an_update_is_lost_and_then_the_quota_is_spent(settled: Checkpoint, pair: Pair) -> None:
    """What the second answer says of the call says nothing of the first."""
    settled.restore(pair)
    update(pair, "sessions", "opening", title="Grand opening")
    path = "^/sessions/update/"
    lost = {"match": {"path": path, "nth": 1}, "do": {"commit_then_drop": True}}
    refused = [
        {"match": {"path": path, "nth": nth}, "do": {"status": 429, "retry_after": 0}}
        for nth in range(2, 9)
    ]
    pair.sandbox.faults(lost, *refused, quota_enabled=False)
    assert "quota_spent" in pending(run(pair))
    mend(pair)
    update(pair, "sessions", "opening", title="Opening")
    run(pair)
    assert wrong(pair) == ""
