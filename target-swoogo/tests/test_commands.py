"""The commands beside the sync."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from target_swoogo.commands import main
from target_swoogo.ledger import Ledger, Pair
from target_swoogo.model import Kind, Mapped, State, Uploaded

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

GONE = Mapped(Kind.SESSION, "s1", "Opening", 500001, {"name": "Opening"}, State.TOMBSTONE)
THERE = Mapped(Kind.SPEAKER, "p1", "Ada Abernethy", 300001, {}, State.SYNCED)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger with two pairs; Meltano hands over its address, and the rest is not needed."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    monkeypatch.setenv("TARGET_SWOOGO_LEDGER_URL", url)
    with Ledger.open(url) as ledger:
        first, second = ledger.hold([(4101, 77001), (4102, 77002)])
        with ledger.commit():
            ledger.save(second, GONE)
            ledger.save(second, THERE)
            ledger.save_links(second, "p1", ["s1", "s2"], made=True)
            ledger.save_image(second, (Kind.SESSION, "s1"), Uploaded("https://x.example", "1"))
            ledger.save(first, Mapped(Kind.TRACK, "s1", "Rivers", 110001, {}, State.SYNCED))
    return url


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def pairs(url: str) -> list[Pair]:
    with Ledger.open(url) as ledger:
        return ledger.pairs()


def test_release_lets_go_of_a_pair(url: str) -> None:
    result = run("release", "4101")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Released: Sessionboard event 4101 no longer goes to Swoogo ")
    assert [pair.held for pair in pairs(url)] == [False, True]


def test_release_as_json(url: str) -> None:
    result = run("release", "4102", "--json")
    assert json.loads(result.stdout) == {
        "released": {"sessionboard_event_id": 4102, "swoogo_event_id": 77002},
        "still_mapped": False,
    }
    assert [pair.held for pair in pairs(url)] == [True, False]


def test_release_of_what_is_still_mapped_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = [{"sessionboard_event_id": 4101, "swoogo_event_id": 77001}]
    monkeypatch.setenv("TARGET_SWOOGO_EVENT_MAPPINGS", json.dumps(mapped))
    assert "still in event_mappings: take it out" in run("release", "4101").stdout
    assert "still in event_mappings" not in run("release", "4102").stdout
    assert not any(pair.held for pair in pairs(url))


@pytest.mark.parametrize("event_id", ["77001", "9"])
def test_release_of_what_is_not_paired_says_so(url: str, event_id: str) -> None:
    result = run("release", event_id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Sessionboard event {event_id} is not paired. [pair_unknown]\n"
    assert all(pair.held for pair in pairs(url))


@pytest.mark.usefixtures("url")
def test_release_twice_says_so() -> None:
    run("release", "4101")
    assert "[pair_unknown]" in run("release", "4101").stderr


def test_restore_forgets_the_tombstone_and_what_hung_on_it(url: str) -> None:
    result = run("restore", "session", "s1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == 'Restored: session "Opening" is sent anew by the next run.\n'
    with Ledger.open(url) as ledger:
        first, second = ledger.pairs()
        assert ledger.mapped(second) == {THERE.key: THERE}
        assert set(ledger.links(second)) == {("p1", "s2")}
        assert ledger.images(second) == {}
        assert ledger.mapped(first)


@pytest.mark.parametrize(
    "words", [("s1",), (" opening ",), ("500001",), ("session", "OPENING")], ids=str
)
def test_restore_by_what_people_call_it(url: str, words: tuple[str, ...]) -> None:
    result = run("restore", *words, "--json")
    record = {
        "sessionboard_event_id": 4102,
        "swoogo_event_id": 77002,
        "kind": "session",
        "id": "s1",
        "name": "Opening",
    }
    assert json.loads(result.stdout) == {"restored": [record], "matches": [record]}
    with Ledger.open(url) as ledger:
        assert GONE.key not in ledger.mapped(ledger.pairs()[1])


def test_restore_of_several_asks_for_one(url: str) -> None:
    twin = replace(GONE, source_id="s9", swoogo_id=500009)
    with Ledger.open(url) as ledger, ledger.commit():
        ledger.save(ledger.pairs()[0], twin)
    result = run("restore", "opening")
    assert result.exit_code == 3
    assert result.stdout.startswith("2 records match, so none was restored.")
    assert "s1" in result.stdout
    assert "s9" in result.stdout
    data = json.loads(run("restore", "opening", "--json").stdout)
    assert (data["restored"], len(data["matches"])) == ([], 2)
    with Ledger.open(url) as ledger:
        assert ledger.mapped(ledger.pairs()[0])[twin.key] == twin


@pytest.mark.usefixtures("url")
def test_an_address_that_was_asked_for_is_not_repeated() -> None:
    result = run("restore", "ada@example.org")
    assert result.exit_code == 1
    assert '"a***@e***.org"' in result.stderr
    assert "ada@" not in result.stderr


@pytest.mark.parametrize(
    ("kind", "source_id"), [("speaker", "p1"), ("track", "s1"), ("session", "unknown")]
)
def test_restore_of_what_is_not_deleted_says_so(url: str, kind: str, source_id: str) -> None:
    result = run("restore", kind, source_id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f'There is no {kind} called "{source_id}" that was deleted in Swoogo. [not_a_tombstone]\n'
    )
    with Ledger.open(url) as ledger:
        assert set(ledger.mapped(ledger.pairs()[1])) == {GONE.key, THERE.key}


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    "words",
    [
        ("restore", "room", "r1"),
        ("restore", "session"),
        ("restore", "session", "Grand", "opening"),
        ("release", "one"),
        ("why",),
        ("sync-only",),
        ("plan", "now"),
        ("approve", "--event", "one"),
        ("forget",),
    ],
)
def test_what_is_misspelt_is_explained(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_a_ledger_that_is_held_is_left_alone(url: str) -> None:
    with Ledger.open(url) as ledger:
        result = run("release", "4101")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.endswith("[ledger_held]\n")
        assert all(pair.held for pair in ledger.pairs())


def test_every_command_explains_itself() -> None:
    assert run("--help").exit_code == 0
    for name, command in main.commands.items():
        assert command.help, name
        assert f" {name} " in run("--help").stdout
