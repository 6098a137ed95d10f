"""The ledger is lost, and everything is read anew: what is in Swoogo is recognised, not repeated.

What only the ledger knew is gone with it. That a record was deleted in Swoogo by hand, and what a
record was called there before an edit that was never synced, cannot be known: these limits are
stated here as they stand in the documentation.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.server import Sandbox
from urllib3.connectionpool import HTTPConnectionPool

from .checkpoint import Checkpoint
from .conftest import Pair
from .invariants import Exceptions, differences, swoogo_ids
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

_CHANGES = (
    ("rooms", "hall", {"capacity": 210}),
    ("sessions", "opening", {"description": "<p>All new.</p>"}),
    ("people", "ada", {"title": "Master weaver", "photo_url": picture("cyd")}),
    ("sponsors", "loom", {"website_url": "https://new.example.org"}),
)
"""Edits that leave every record recognisable."""


class PowerCutError(BaseException):
    """Ends a run as abruptly as an exception can."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pair, Checkpoint]]:
    """A programme that was never synced."""
    folder = tmp_path_factory.mktemp("loss")
    with Sandbox(folder / "sandbox", write_programme(folder / "programme")) as sandbox:
        pair = Pair(sandbox, folder, MAPPINGS)
        yield pair, Checkpoint.take(pair)


@pytest.fixture
def pair(prepared: tuple[Pair, Checkpoint]) -> Pair:
    pair, checkpoint = prepared
    checkpoint.restore(pair)
    return pair


def sync(pair: Pair) -> dict[str, Any]:
    report: dict[str, Any] = pair.load(without_properties(pair.read()), max_workers=1)["pairs"][0]
    assert report["error"] is None
    return report


def lose_the_ledger(pair: Pair) -> None:
    """With the ledger goes the bookmark, or the tap would send only what is new."""
    shutil.rmtree(pair.folder / "ledger", ignore_errors=True)
    pair.state = {}


def change(pair: Pair) -> None:
    for kind, row_id, fields in _CHANGES:
        update(pair, kind, row_id, **fields)


def update(pair: Pair, kind: str, row_id: str, **fields: Any) -> None:
    pair.sandbox.edit({"op": "update", "kind": kind, "id": row_id, "fields": fields})


def by_hand(pair: Pair, op: str, kind: str, row_id: int | None = None, **fields: Any) -> None:
    edit = {"op": op, "side": "swoogo", "kind": kind, "id": row_id, "fields": fields}
    pair.sandbox.edit(edit)


def in_swoogo(pair: Pair, kind: str, name: str) -> dict[str, Any]:
    (row,) = (
        row
        for row in pair.sandbox.state.swoogo[kind].values()
        if name in {row.get("name"), row.get("email")}
    )
    return dict(row)


def created(report: dict[str, Any]) -> int:
    return sum(counts.get("created", 0) for counts in report["counts"].values())


def wrong(pair: Pair, exceptions: Exceptions | None = None) -> str:
    return "\n".join(differences(pair.sandbox, PAIRS, exceptions=exceptions))


def test_a_ledger_lost_before_the_first_sync_is_no_loss(pair: Pair) -> None:
    lose_the_ledger(pair)
    sync(pair)
    assert wrong(pair) == ""


def cut_after(write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the run once so many writes were answered."""
    done = 0
    original = HTTPConnectionPool.urlopen

    def urlopen(self: HTTPConnectionPool, method: str, *args: Any, **kwargs: Any) -> Any:
        nonlocal done
        response = original(self, method, *args, **kwargs)
        done += method != "GET"
        if done == write:
            response.close()
            raise PowerCutError
        return response

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", urlopen)


def test_a_ledger_lost_after_any_write_yields_no_duplicate(
    pair: Pair, prepared: tuple[Pair, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(pair)
    writes = len(pair.writes())
    assert writes > 15
    failures = {}
    for write in range(1, writes + 1):
        prepared[1].restore(pair)
        with monkeypatch.context() as patch:
            cut_after(write, patch)
            with pytest.raises(PowerCutError):
                sync(pair)
        there = len(swoogo_ids(pair.sandbox))
        lose_the_ledger(pair)
        report = sync(pair)
        assert created(report) == len(swoogo_ids(pair.sandbox)) - there
        if problems := wrong(pair):
            failures[write] = problems
    assert failures == {}


def test_a_ledger_lost_after_everything_yields_no_duplicate(pair: Pair) -> None:
    sync(pair)
    there = swoogo_ids(pair.sandbox)
    lose_the_ledger(pair)
    report = sync(pair)
    assert created(report) == 0
    assert swoogo_ids(pair.sandbox) == there
    assert wrong(pair) == ""
    since = pair.now
    sync(pair)
    assert pair.calls(since=since) == [], "settled again"


@pytest.mark.parametrize("synced", [True, False], ids=["synced", "not synced yet"])
def test_a_ledger_lost_after_edits_yields_no_duplicate(pair: Pair, *, synced: bool) -> None:
    sync(pair)
    change(pair)
    if synced:
        sync(pair)
    there = swoogo_ids(pair.sandbox)
    lose_the_ledger(pair)
    report = sync(pair)
    assert created(report) == 0
    assert swoogo_ids(pair.sandbox) == there
    assert wrong(pair) == ""


def test_a_ledger_lost_with_new_records_to_come_creates_only_those(pair: Pair) -> None:
    sync(pair)
    for kind, fields in (
        ("people", person("cyd", "Cyd", "Cole")),
        ("sponsors", sponsor("spool", "Spool")),
    ):
        pair.sandbox.edit({"op": "create", "kind": kind, "fields": {"event_id": EVENT, **fields}})
    pair.sandbox.edit({"op": "add_participant", "session_id": "opening", "person_id": "cyd"})
    lose_the_ledger(pair)
    assert created(sync(pair)) == 2
    assert wrong(pair) == ""


def test_sessions_of_one_name_and_time_are_told_apart_by_what_else_they_are(pair: Pair) -> None:
    opening = pair.sandbox.state.programme["sessions"]["opening"]
    same = {name: opening[name] for name in ("title", "starts_at", "ends_at", "status")}
    fields = {"id": "twin", "event_id": EVENT, "room_id": "attic", "track_id": None, **same}
    pair.sandbox.edit({"op": "create", "kind": "sessions", "fields": fields})
    pair.sandbox.edit({"op": "add_participant", "session_id": "twin", "person_id": "ben"})
    sync(pair)
    lose_the_ledger(pair)
    assert created(sync(pair)) == 0
    assert wrong(pair) == ""


_TWINS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "sessions": ("opening", "Opening", {"end_time": "23:00:00"}),
    "speakers": ("ada", "ada@example.org", {"bio": "By hand"}),
    "sponsors": ("loom", "Loom & Co", {"description": "By hand"}),
    "tracks": ("craft", "Craft", {}),
    "locations": ("hall", "Great Hall", {"capacity": 1}),
}
"""A record of each kind, and what people changed in it by hand."""


def make_twin(pair: Pair, kind: str) -> int:
    """Give Swoogo a second record of the same name, as it is with what people change by hand."""
    _, name, changes = _TWINS[kind]
    kept = ("event_id", "name", "email", "first_name", "last_name", "date", "start_time")
    original = in_swoogo(pair, kind, name)
    form = {field: original[field] for field in kept if field in original}
    by_hand(pair, "create", kind, **form | changes)
    newest: int = max(pair.sandbox.state.swoogo[kind])
    return newest


@pytest.mark.parametrize("kind", _TWINS)
def test_a_record_that_swoogo_has_twice_is_listed_and_not_touched(pair: Pair, kind: str) -> None:
    sync(pair)
    source_id, name, changes = _TWINS[kind]
    original = in_swoogo(pair, kind, name)["id"]
    by_hand(pair, "update", kind, original, **changes)
    twin = make_twin(pair, kind)
    there, before = swoogo_ids(pair.sandbox), dict(pair.sandbox.state.swoogo[kind])
    lose_the_ledger(pair)
    report = sync(pair)
    assert created(report) == 0
    assert swoogo_ids(pair.sandbox) == there
    (note,) = (note for note in report["skipped"] if note["code"] == "ambiguous")
    assert (note["kind"], note["id"]) == (kind.removesuffix("s"), source_id)
    assert f"(ids {original}, {twin})" in note["message"]
    rows = pair.sandbox.state.swoogo[kind]
    assert [rows[i] for i in (original, twin)] == [before[i] for i in (original, twin)]
    # With one of them deleted by hand, the other is the record.
    by_hand(pair, "delete", kind, twin)
    sync(pair)
    assert wrong(pair) == ""


@pytest.mark.parametrize("kind", ["sessions", "speakers", "sponsors", "locations"])
def test_of_two_records_the_one_that_is_the_same_in_everything_is_taken(
    pair: Pair, kind: str
) -> None:
    sync(pair)
    twin = make_twin(pair, kind)
    lose_the_ledger(pair)
    assert created(sync(pair)) == 0
    assert wrong(pair, Exceptions(not_ours={(kind, twin)})) == ""


# What cannot be known without a ledger


@pytest.mark.parametrize("kept", [True, False], ids=["with the ledger", "without the ledger"])
def test_only_the_ledger_knows_what_was_deleted_by_hand(pair: Pair, *, kept: bool) -> None:
    sync(pair)
    by_hand(pair, "delete", "sessions", in_swoogo(pair, "sessions", "Opening")["id"])
    update(pair, "sessions", "opening", description="<p>Found to be gone.</p>")
    sync(pair)
    gone = Exceptions(absent=[("sessions", "opening")])
    assert wrong(pair, gone) == ""
    if not kept:
        lose_the_ledger(pair)
    sync(pair)
    # Without it, the session is created again.
    assert wrong(pair, gone if kept else None) == ""


def test_only_the_ledger_knows_a_record_whose_new_name_was_never_synced(pair: Pair) -> None:
    sync(pair)
    there = swoogo_ids(pair.sandbox)
    update(pair, "sessions", "opening", title="Grand opening")
    update(pair, "people", "ada", email="ada.abel@example.org")
    old = {("sessions", "Opening"), ("speakers", "ada@example.org")}
    left = {(kind, in_swoogo(pair, kind, name)["id"]) for kind, name in old}
    lose_the_ledger(pair)
    report = sync(pair)
    assert created(report) == 2, "the old ones are not recognised"
    assert there <= swoogo_ids(pair.sandbox), "and not removed"
    assert wrong(pair, Exceptions(not_ours=left)) == ""


def test_what_was_written_by_hand_is_kept_where_sessionboard_has_nothing(pair: Pair) -> None:
    update(pair, "sessions", "opening", description=None)
    sync(pair)
    by_hand(
        pair,
        "update",
        "sessions",
        in_swoogo(pair, "sessions", "Opening")["id"],
        description="By hand",
    )
    lose_the_ledger(pair)
    sync(pair)
    values = {("sessions", "opening"): {"description": "By hand"}}
    assert wrong(pair, Exceptions(values=values)) == ""
