"""A ledger moves between databases as a file, whole or not at all."""

from __future__ import annotations

import io
import json
import stat
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_swoogo import schema
from target_swoogo.commands import main
from target_swoogo.database import Database
from target_swoogo.ledger import Ledger
from target_swoogo.model import Held, Intent, Kind, Mapped, State, Told, Uploaded
from target_swoogo.transfer import export_ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

KEY = (Kind.SPEAKER, "p-Ä1")
ENTRY = Mapped(
    *KEY,
    "Ada Łovelace 🦊",
    2**40,
    {"email": "ada@example.org", "bio": None, "level": 3},
    State.FAILED,
    "swoogo_refused",
    "Ada was\nnot updated.",
    adopted=True,
    contact_id=2**41,
)
TOLD = Told(*KEY, "2126-11-21T10:00:00", "update", "failed", "c", "m", {"bio": ["ü", None]})
HELD = Held(*KEY, "update", "guard_changed", "ab12", "Ada", "Too much at once.", approved=True)


def fill(url: str) -> None:
    """Something in every table, in an order that no database sorts by itself."""
    with Ledger.open(url) as ledger:
        first, second = ledger.hold([(2**40, 2**42), (4101, 77001)])
        ledger.release(4101)
        first.observed["timezone"] = "Europe/Łódź"
        with ledger.commit():
            ledger.remember(first)
            for stream in ("sessions", "session_statuses", "Sessions"):
                records = [(4101, f"{n:04}", b"%d" % n) for n in range(1100, 0, -1)]
                ledger.put(stream, [*records, (2**40, "b-a", b'"a"'), (2**40, "B_a", "ü".encode())])
            ledger.save(first, ENTRY)
            ledger.save(second, Mapped(Kind.TRACK, "t1", "Rivers"))
            ledger.save_image(first, KEY, Uploaded("https://x.example/a.png", "2027", begun=True))
            ledger.open_intent(first, KEY, Intent({"capacity": 3, "bio": None}, 1_800_000_000.1))
            ledger.save_links(first, "p1", ["s1", "S1"], made=True)
            ledger.save_links(second, "p1", ["s1"], made=False)
            ledger.tell(first, TOLD)
            ledger.hold_back(first, [HELD])
        ledger.end_run({"credits": 12})


def content(url: str) -> bytes:
    with closing(Database.open(url)) as database:
        out = io.BytesIO()
        export_ledger(database.connection, out)
        return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on a ledger; Meltano hands over its address, and the rest is not needed."""

    def call(url: str, *words: str | Path) -> Result:
        monkeypatch.setenv("TARGET_SWOOGO_LEDGER_URL", url)
        return CliRunner().invoke(main, ["ledger", *map(str, words)])

    return call


@pytest.fixture
def exported(tmp_path: Path, file: Path, run: Callable[..., Result]) -> bytes:
    url = f"sqlite:///{tmp_path}/old.db"
    fill(url)
    run(url, "export", file)
    return file.read_bytes()


def signed(*lines: bytes) -> bytes:
    """A file as one would be that was exported so."""
    body = b"".join(line + b"\n" for line in lines)
    foot = {"rows": len(lines) - 1, "sha256": sha256(body).hexdigest()}
    return body + json.dumps(foot).encode() + b"\n"


@pytest.mark.parametrize("there", ["sqlite", "postgresql"])
def test_a_ledger_moves_whole_and_goes_on_where_it_was(
    ledger_url: str,
    there: str,
    tmp_path: Path,
    file: Path,
    run: Callable[..., Result],
    request: pytest.FixtureRequest,
) -> None:
    fill(ledger_url)
    result = run(ledger_url, "export", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(f" are in {file}.\n")
    sqlite = f"sqlite:///{tmp_path}/new.db"
    new: str = sqlite if there == "sqlite" else request.getfixturevalue("organisation")()
    result = run(new, "import", file)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = len(file.read_bytes().splitlines()) - 2
    assert result.stdout.startswith(f"Imported: {rows} rows of {file} are in {there}://")
    assert content(new) == content(ledger_url) == file.read_bytes()
    with Ledger.open(new) as ledger:
        first, released = ledger.pairs()
        assert first.observed == {"timezone": "Europe/Łódź"}
        assert (first.held, released.held) == (True, False)
        assert ledger.mapped(first) == {KEY: ENTRY}
        assert ledger.told(first, KEY) == [TOLD]
        assert ledger.held(first) == [HELD]
        assert [r for r, _ in ledger.sources("sessions", 2**40)] == ["B_a", "b-a"]
        (another,) = ledger.hold([(4103, 77003)])
        assert another.id > released.id


def test_every_table_but_the_version_is_exported(exported: bytes) -> None:
    tables = {json.loads(line).get("table") for line in exported.splitlines()[1:-1]}
    assert tables == schema.metadata.tables.keys() - {"swoogo_meta"}


def test_an_empty_ledger_can_be_moved(
    tmp_path: Path, file: Path, run: Callable[..., Result]
) -> None:
    old, new = (f"sqlite:///{tmp_path}/{name}.db" for name in ("old", "new"))
    Database.open(old).close()
    run(old, "export", file)
    assert run(new, "import", file).exit_code == 0
    assert content(new) == file.read_bytes()


# Exporting


def test_nobody_else_may_read_the_file(exported: bytes, file: Path) -> None:
    assert exported
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_file_is_ever_written_over(tmp_path: Path, run: Callable[..., Result]) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    before = content(url)
    result = run(url, "export", tmp_path / "ledger.db")
    assert result.exit_code == 1
    assert (
        result.stderr == f"{tmp_path}/ledger.db cannot be written: File exists. [file_unusable]\n"
    )
    assert content(url) == before


def test_an_export_that_fails_leaves_no_file(
    tmp_path: Path, file: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        result = run(url, "export", file)
    assert "cannot be written: No space left on device. [file_unusable]" in result.stderr
    assert not file.exists()
    assert run(url, "export", file).exit_code == 0


def test_there_must_be_a_ledger_to_export(
    tmp_path: Path, file: Path, run: Callable[..., Result]
) -> None:
    result = run(f"sqlite:///{tmp_path}/typo.db", "export", file)
    assert result.exit_code == 1
    assert result.stderr.endswith("typo.db; check ledger_url. [ledger_missing]\n")
    assert not file.exists()
    assert not (tmp_path / "typo.db").exists()


def test_a_ledger_in_use_is_not_exported(
    ledger_url: str, file: Path, run: Callable[..., Result]
) -> None:
    with Ledger.open(ledger_url):
        assert "[ledger_held]" in run(ledger_url, "export", file).stderr


# Importing


def test_a_ledger_that_holds_something_is_left_as_it_is(
    ledger_url: str, exported: bytes, file: Path, run: Callable[..., Result]
) -> None:
    assert exported
    Ledger.open(ledger_url).close()
    before = content(ledger_url)
    result = run(ledger_url, "import", file)
    assert result.exit_code == 1
    assert "is not empty, so nothing was imported" in result.stderr
    assert "[ledger_not_empty]" in result.stderr
    assert content(ledger_url) == before


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "a text": lambda _: b"Dear Ada,\n",
    "bytes": lambda whole: b"\xff\xfe" + whole,
    "no head": lambda whole: whole.partition(b"\n")[2],
    "another program's": lambda _: signed(b'{"format":"photos","version":1}'),
    "a line less": lambda whole: whole.replace(whole.splitlines(keepends=True)[5], b""),
    "a line twice": lambda whole: whole.replace(
        line := whole.splitlines(keepends=True)[5], line + line
    ),
    "an altered word": lambda whole: whole.replace(b"Rivers", b"Livers"),
    "an altered end": lambda whole: whole[:-3] + b'0"}\n',
    "an added line": lambda whole: whole + b"\n",
    "half of it": lambda whole: whole[: len(whole) // 2],
    "all but the end": lambda whole: whole[: whole.rindex(b"\n", 0, -1) + 1],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_whole_is_refused_before_a_ledger_is_made(
    tmp_path: Path, exported: bytes, file: Path, run: Callable[..., Result], damage: str
) -> None:
    damaged = DAMAGES[damage](exported)
    assert damaged != exported
    file.write_bytes(damaged)
    result = run(f"sqlite:///{tmp_path}/new.db", "import", file)
    assert result.exit_code == 1
    assert result.stderr.startswith("The file is not an exported ledger, or it was cut off or ")
    assert result.stderr.endswith(" [export_damaged]\n")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("version", [schema.VERSION - 1, schema.VERSION + 1])
def test_a_file_of_another_version_is_refused(
    tmp_path: Path, file: Path, run: Callable[..., Result], version: int
) -> None:
    file.write_bytes(signed(b'{"format":"target-swoogo ledger","version":%d}' % version))
    result = run(f"sqlite:///{tmp_path}/new.db", "import", file)
    assert result.exit_code == 1
    assert f"exported from ledger version {version}, and this target-swoogo has " in result.stderr
    assert "[export_other_version]" in result.stderr


def test_an_import_that_fails_half_way_leaves_the_ledger_empty(
    ledger_url: str, exported: bytes, file: Path, run: Callable[..., Result]
) -> None:
    lines = exported.splitlines()[:-1]
    row: dict[str, Any] = json.loads(lines[-1])
    row["row"]["there_is_no_such_column"] = 1
    file.write_bytes(signed(*lines, json.dumps(row).encode()))
    assert run(ledger_url, "import", file).exit_code == 1
    file.write_bytes(exported)
    assert run(ledger_url, "import", file).exit_code == 0
    assert content(ledger_url) == exported


def test_a_file_that_is_not_there_is_named(tmp_path: Path, run: Callable[..., Result]) -> None:
    result = run(f"sqlite:///{tmp_path}/new.db", "import", tmp_path / "gone.jsonl")
    assert "gone.jsonl cannot be read: No such file or directory. [file_unusable]" in result.stderr
    assert not (tmp_path / "new.db").exists()
