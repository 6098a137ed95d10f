"""The ledger's database: one holder, whole or refused, the same in SQLite and PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from sqlalchemy import URL, create_engine, inspect, make_url, text
from target_swoogo import schema
from target_swoogo.database import Database
from target_swoogo.errors import TargetError
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOLD = """
import sys
from target_swoogo.glance import Glance
from target_swoogo.ledger import Ledger
url, records = sys.argv[1], int(sys.argv[2])
with Ledger.open(url) as ledger, ledger.commit():
    ledger.put("sessions", [(4101, f"child {n}", b"y" * 1000) for n in range(records)])
    print("held", flush=True)
    sys.stdin.read()
"""


def refusal(url: str) -> TargetError:
    with pytest.raises(TargetError) as caught:
        Ledger.open(url)
    return caught.value


def fill(url: str, records: int = 40) -> None:
    with Ledger.open(url) as ledger:
        ledger.hold([(4101, 77001)])
        with ledger.commit():
            ledger.put("sessions", [(4101, f"s{n:03}", b"x%d" % n * 900) for n in range(records)])


def sessions(url: str) -> dict[str, str]:
    with Ledger.open(url) as ledger:
        return dict(ledger.sources("sessions", 4101))


def execute(url: str, *statements: str) -> None:
    with closing(Database.open(url)) as database:
        for statement in statements:
            database.connection.execute(text(statement))
        database.connection.commit()


def hold_in_a_child(url: str, records: int) -> subprocess.Popen[str]:
    """Another process that has the ledger open, in the middle of a transaction."""
    child = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", HOLD, url, str(records)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


# One holder


def test_a_held_ledger_names_its_holder_and_is_free_after(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        error = refusal(ledger_url)
        assert error.code == "ledger_held"
        assert f"process {os.getpid()} on " in str(error)
        assert " since 20" in str(error)
        with ledger.commit():
            assert ledger.put("sessions", [(4101, "a", b"1")]) == 1, "the holder goes on"
    assert sessions(ledger_url) == {"a": "1"}


@pytest.mark.parametrize("records", [1, 5000], ids=["little", "much"])
def test_a_killed_holder_leaves_no_lock_and_nothing_half_done(
    ledger_url: str, records: int
) -> None:
    fill(ledger_url)
    before = sessions(ledger_url)
    with hold_in_a_child(ledger_url, records) as child:
        if records == 1:
            assert f"process {child.pid} on " in str(refusal(ledger_url))
        child.kill()
        child.wait()
        assert sessions(ledger_url) == before


def test_a_holder_that_has_not_said_its_name_is_another_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with FileLock(tmp_path / "ledger.db.lock"):
        assert "(another process)" in str(refusal(url))
        assert not (tmp_path / "ledger.db").exists()
    Ledger.open(url).close()
    with FileLock(tmp_path / "ledger.db.lock"):
        assert "(another process)" in str(refusal(url)), "not the run that ended"


def test_a_ledger_is_held_under_all_its_names(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("ledger.db")
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db"):
        assert refusal(f"sqlite:///{tmp_path}/link.db").code == "ledger_held"
        assert refusal(f"sqlite:///{tmp_path}/../{tmp_path.name}/ledger.db").code == "ledger_held"


# New, newer, older


def test_a_new_ledger_says_once_that_it_is_new(
    ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    Ledger.open(ledger_url).close()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("A new ledger is started at ")
    assert "match_existing" in record.getMessage()
    Ledger.open(ledger_url).close()
    assert len(caplog.records) == 1


def test_a_ledger_of_a_later_version_is_refused_and_not_held(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    execute(ledger_url, "UPDATE swoogo_meta SET value = '99'")
    error = refusal(ledger_url)
    assert error.code == "ledger_newer"
    assert f"ledger version 99, this program knows {schema.VERSION}" in str(error)
    assert refusal(ledger_url).code == "ledger_newer", "it is not held"


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def define(*statements: str) -> None:
        first, then = schema.VERSION + 1, schema.VERSION + 2
        note = ("ALTER TABLE swoogo_pair ADD COLUMN note TEXT",)
        monkeypatch.setattr(schema, "VERSION", then)
        monkeypatch.setattr(schema, "MIGRATIONS", {first: note, then: statements})

    return define


def test_an_older_ledger_is_migrated_and_keeps_what_it_holds(
    ledger_url: str, next_version: Callable[..., None]
) -> None:
    fill(ledger_url)
    before = sessions(ledger_url)
    next_version("UPDATE swoogo_pair SET note = 'migrated'")
    for _ in range(2):
        with closing(Database.open(ledger_url)) as database:
            read = database.connection.exec_driver_sql
            assert read("SELECT note FROM swoogo_pair").all() == [("migrated",)]
            version = read("SELECT value FROM swoogo_meta").scalar_one()
            assert version == str(schema.VERSION)
    assert sessions(ledger_url) == before


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(
    ledger_url: str, next_version: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger_url)
    before = sessions(ledger_url)
    with monkeypatch.context():
        next_version("UPDATE swoogo_pair SET there_is_no_such_column = 1")
        with pytest.raises(TargetError, match="there_is_no_such_column"):
            Ledger.open(ledger_url)
        monkeypatch.undo()
    assert sessions(ledger_url) == before
    with closing(Database.open(ledger_url)) as database:
        read = database.connection.exec_driver_sql
        assert read("SELECT value FROM swoogo_meta").all() == [(str(schema.VERSION),)]
        assert "note" not in read("SELECT * FROM swoogo_pair").mappings().one()


BACK_TO_THE_FIRST = (
    "DROP TABLE swoogo_held",
    "DROP TABLE swoogo_history",
    "ALTER TABLE swoogo_pair DROP COLUMN synced_at",
    "ALTER TABLE swoogo_image DROP COLUMN width",
    "ALTER TABLE swoogo_image DROP COLUMN height",
    "UPDATE swoogo_meta SET value = '1'",
)


def tables(url: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Every column with its type and whether it may be empty, and the primary keys."""
    with closing(Database.open(url)) as database:
        look = inspect(database.connection)
        return {
            name: {c["name"]: (str(c["type"]), c["nullable"]) for c in look.get_columns(name)}
            | {"key": (str(look.get_pk_constraint(name)["constrained_columns"]), False)}
            for name in look.get_table_names()
        }


def test_a_ledger_of_the_first_version_becomes_one_of_this(ledger_url: str) -> None:
    fill(ledger_url)
    before, fresh = sessions(ledger_url), tables(ledger_url)
    execute(ledger_url, *BACK_TO_THE_FIRST)
    assert tables(ledger_url) == fresh
    assert sessions(ledger_url) == before
    with Ledger.open(ledger_url) as ledger:
        (pair,) = ledger.pairs()
        assert pair.synced_at is None
        assert ledger.held(pair) == []


def test_a_held_ledger_can_be_looked_at(ledger_url: str) -> None:
    fill(ledger_url)
    with Ledger.open(ledger_url) as holder, Glance.at(ledger_url) as looker:
        assert looker.busy
        assert looker.pairs() == holder.pairs()
        with holder.commit():
            holder.synced(holder.pairs()[0])
    with Glance.at(ledger_url) as looker:
        assert looker.pairs()[0].synced_at is not None


def test_who_looks_is_in_nobodys_way(ledger_url: str) -> None:
    fill(ledger_url)
    with Glance.at(ledger_url) as looker:
        before = looker.pairs()
        assert not looker.busy
        with Ledger.open(ledger_url) as runner, runner.commit():
            runner.synced(runner.pairs()[0])
        assert before[0].synced_at is None


def test_looking_makes_no_ledger_and_no_run(ledger_url: str) -> None:
    with pytest.raises(TargetError, match="There is no ledger at"):
        Glance.at(ledger_url)
    fill(ledger_url)
    with closing(Database.open(ledger_url)) as database:
        runs = database.connection.exec_driver_sql("SELECT count(*) FROM swoogo_run").scalar_one()
    Glance.at(ledger_url).close()
    with closing(Database.open(ledger_url)) as database:
        read = database.connection.exec_driver_sql
        assert read("SELECT count(*) FROM swoogo_run").scalar_one() == runs


# Damage


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TABLE swoogo_link", "it lacks swoogo_link.pair_id"),
        ("DROP TABLE swoogo_meta", "it holds no ledger"),
        ("ALTER TABLE swoogo_image DROP COLUMN begun", "it lacks swoogo_image.begun"),
        ("DELETE FROM swoogo_meta", "it does not say its version"),
        ("UPDATE swoogo_meta SET value = 'one'", "it does not say its version"),
        ("UPDATE swoogo_meta SET value = '0'", "it does not say its version"),
    ],
)
def test_a_ledger_in_which_something_is_missing_is_refused(
    ledger_url: str, statement: str, why: str
) -> None:
    fill(ledger_url)
    execute(ledger_url, statement)
    for _ in range(2):
        error = refusal(ledger_url)
        assert error.code == "ledger_damaged"
        assert f"({why}); restore it from a backup." in str(error)


def test_a_record_that_was_altered_is_not_used(ledger_url: str) -> None:
    fill(ledger_url)
    execute(ledger_url, "UPDATE swoogo_source SET payload = '{}' WHERE record_id = 's003'")
    with pytest.raises(TargetError, match="a record of stream sessions was altered") as caught:
        sessions(ledger_url)
    assert caught.value.code == "ledger_damaged"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger's file, of some dozens of pages."""
    file = tmp_path_factory.mktemp("whole") / "ledger.db"
    fill(f"sqlite:///{file}")
    return file.read_bytes()


PAGE = 4096


def overwritten(whole: bytes, filler: bytes) -> Iterator[tuple[str, bytes]]:
    for start in range(0, len(whole), PAGE):
        yield (
            f"page {start // PAGE + 1}",
            whole[:start] + (filler * PAGE)[:PAGE] + whole[start + PAGE :],
        )


DAMAGES: dict[str, Callable[[bytes], Iterator[tuple[str, bytes]]]] = {
    "cut off": lambda whole: (
        (f"{length} bytes", whole[:length]) for length in range(0, len(whole), PAGE // 2)
    ),
    "zeros": lambda whole: overwritten(whole, b"\0"),
    "ones": lambda whole: overwritten(whole, b"\xff"),
    "text": lambda whole: overwritten(whole, b"x1"),
    "first page": lambda whole: overwritten(whole, whole[:PAGE]),
    "last page": lambda whole: overwritten(whole, whole[-PAGE:]),
    "shifted": lambda whole: ((f"by {n}", whole[n:]) for n in (1, 100, PAGE)),
    "another file": lambda _: iter([("text", b"not a database" * 1000), ("byte", b"\0")]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_and_left_as_it_is(
    tmp_path: Path, whole: bytes, damage: str
) -> None:
    file, url = tmp_path / "ledger.db", f"sqlite:///{tmp_path}/ledger.db"
    for where, damaged in DAMAGES[damage](whole):
        if damaged == whole:
            continue
        file.write_bytes(damaged)
        try:
            sessions(url)
        except TargetError as refused:
            error = refused
        else:
            pytest.fail(f"{where} went unnoticed")
        damage_is_told = error.code == "ledger_damaged" and "restore it from a backup" in str(error)
        assert damage_is_told, where
        assert "x1" not in str(error)


def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "photos.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
    before = file.read_bytes()
    assert "it holds no ledger" in str(refusal(f"sqlite:///{file}"))
    assert file.read_bytes() == before


def test_a_journal_without_its_file_is_not_applied_to_a_new_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    with hold_in_a_child(url, 5000) as child:
        child.kill()
    assert (tmp_path / "ledger.db-journal").stat().st_size > 0
    (tmp_path / "ledger.db").unlink()
    error = refusal(url)
    assert error.code == "ledger_damaged"
    assert "its file is gone, but not ledger.db-journal" in str(error)


# The file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{file}") as ledger:
        yield ledger


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_nobody_else_may_read_the_files_and_all_that_was_committed_is_in_one(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
            with ledger.commit():
                ledger.put("sessions", [(4101, "a", b"1")])
                files = ("ledger.db", "ledger.db-journal", "ledger.db.lock")
                assert modes(tmp_path) == dict.fromkeys(files, 0o600)
            assert modes(tmp_path) == dict.fromkeys(("ledger.db", "ledger.db.lock"), 0o600)
            copy = tmp_path / "copy.db"
            copy.write_bytes((tmp_path / "ledger.db").read_bytes())
    finally:
        os.umask(before)
    assert sessions(f"sqlite:///{copy}") == {"a": "1"}


def test_what_was_committed_survives_a_loss_of_power(ledger: Ledger) -> None:
    raw = ledger._db.exec_driver_sql
    assert raw("PRAGMA journal_mode").scalar() == "delete"
    assert raw("PRAGMA synchronous").scalar() == 3, "EXTRA"


def test_a_ledger_that_was_never_finished_is_begun_anew(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(KeyboardInterrupt):
            Ledger.open(f"sqlite:///{file}")
    assert modes(file.parent) == {"ledger.db.new": 0o600, "ledger.db.lock": 0o600}
    fill(f"sqlite:///{file}")
    assert sorted(modes(file.parent)) == ["ledger.db", "ledger.db.lock"]


def test_a_full_disk_ends_the_run_with_a_sentence_that_holds_no_data(ledger: Ledger) -> None:
    raw = ledger._db.exec_driver_sql
    raw(f"PRAGMA max_page_count = {raw('PRAGMA page_count').scalar()}")
    with pytest.raises(TargetError) as caught, ledger.commit():
        ledger.put("sessions", [(4101, "a", b"jane@example.org" * 10_000)])
    assert caught.value.code == "ledger_unwritable"
    assert "full" in str(caught.value)
    assert "jane@example.org" not in str(caught.value)
    ledger.close()
    assert sessions(str(ledger._database.shown)) == {}


# The address


@pytest.mark.parametrize("place", ["/dev/null/x.db", "/proc/x.db", "/"])
def test_a_place_that_cannot_be_written_is_named(place: str) -> None:
    error = refusal(f"sqlite:///{place}")
    assert error.code == "ledger_unwritable"
    assert place in str(error)
    assert "check ledger_url" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@h/x",
        "postgresql://me:hunter2@host:port/x",
        "not an address",
        "",
        "ledger.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
    ],
)
def test_an_address_of_something_else_is_refused(url: str) -> None:
    error = refusal(url)
    assert error.code == "ledger_url_invalid"
    assert "hunter2" not in str(error)


def test_a_ledger_that_must_be_there_is_not_made(ledger_url: str) -> None:
    for _ in range(2):
        with pytest.raises(TargetError) as caught:
            Database.open(ledger_url, create=False)
        assert caught.value.code == "ledger_missing"


# PostgreSQL


def to(url: str, **parts: Any) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def with_path(url: str, path: str) -> str:
    query: URL = make_url(url).update_query_dict({"options": f"-csearch_path={path}"})
    return query.render_as_string(hide_password=False)


@pytest.fixture
def admin(postgresql: str) -> Iterator[Callable[[str], Any]]:
    """Speaks to the server behind the ledger's back."""
    engine = create_engine(
        make_url(postgresql).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        yield lambda statement: connection.execute(text(statement))
    engine.dispose()


def test_organisations_share_a_database_side_by_side(organisation: Callable[[], str]) -> None:
    first, second = organisation(), organisation()
    with Ledger.open(first) as ours, Ledger.open(second) as theirs:
        for ledger, payload in ((ours, b"1"), (theirs, b"2")):
            ledger.hold([(4101, 77001)])
            with ledger.commit():
                ledger.put("sessions", [(4101, "a", payload)])
        assert refusal(first).code == "ledger_held"
    assert (sessions(first), sessions(second)) == ({"a": "1"}, {"a": "2"})


def test_a_schema_that_does_not_exist_yet_is_never_passed_over(
    postgresql: str, organisation: Callable[[], str]
) -> None:
    taken = organisation()
    fill(taken)
    behind = make_url(taken).query["options"]
    assert isinstance(behind, str)
    url = with_path(postgresql, f"brand_new,{behind.partition('=')[2]}")
    assert sessions(url) == {}
    assert len(sessions(taken)) == 40


@pytest.mark.parametrize(
    ("path", "name"),
    [("Org_B", "org_b"), ('"Org B"', "Org B"), ('"o""b"', 'o"b'), ("org-b", "org-b")],
)
def test_a_schema_may_have_any_name(
    postgresql: str, admin: Callable[[str], Any], path: str, name: str
) -> None:
    fill(with_path(postgresql, path.replace(" ", "\\ ")))
    found = admin("SELECT schemaname FROM pg_tables WHERE tablename = 'swoogo_pair'")
    assert name in found.scalars().all()


def test_without_a_schema_it_is_the_default_one(
    postgresql: str, admin: Callable[[str], Any]
) -> None:
    admin("CREATE DATABASE plain")
    plain = to(postgresql, database="plain", drivername="postgres")
    fill(plain)
    fill(with_path(plain, "public"))
    assert len(sessions(plain)) == 40


def test_a_lost_connection_ends_the_run_for_good(
    organisation: Callable[[], str], admin: Callable[[str], Any]
) -> None:
    url = organisation()
    with Ledger.open(url) as ledger:
        pid = ledger._db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        admin(f"SELECT pg_terminate_backend({pid}, 10000)")
        for _ in range(2):
            with pytest.raises(TargetError) as caught, ledger.commit():
                ledger.put("sessions", [(4101, "a", b"1")])
            assert caught.value.code == "ledger_lost"
        assert sessions(url) == {}, "another run may be at work by now"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"username": "stranger", "password": "hunter2"}, "password authentication failed"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"host": "127.0.0.1", "port": 9, "query": {}}, "refused"),
        ({"query": {"host": "/nowhere", "sslpassword": "hunter2"}}, "/nowhere"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_one_sentence(
    postgresql: str, admin: Callable[[str], Any], parts: dict[str, Any], why: str
) -> None:
    admin("DROP ROLE IF EXISTS stranger")
    admin("CREATE ROLE stranger LOGIN PASSWORD 'friend'")
    error = refusal(to(postgresql, **parts))
    assert error.code == "ledger_unreachable"
    assert why in str(error)
    assert "check ledger_url" in str(error)
    assert "hunter2" not in str(error)
    assert "\n" not in str(error)


def test_a_user_without_rights_is_told_so(postgresql: str, admin: Callable[[str], Any]) -> None:
    admin("DROP ROLE IF EXISTS guest")
    admin("CREATE ROLE guest LOGIN")
    admin("CREATE DATABASE museum")
    for path in ("gallery", "public"):
        url = with_path(to(postgresql, username="guest", database="museum"), path)
        error = refusal(url)
        assert error.code == "ledger_unwritable"
        assert "permission denied" in str(error)


def test_a_database_that_cannot_hold_every_name_is_refused(
    postgresql: str, admin: Callable[[str], Any]
) -> None:
    admin("CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    error = refusal(to(postgresql, database="old"))
    assert error.code == "ledger_unwritable"
    assert "encoding is not UTF8" in str(error)


def test_without_the_driver_the_way_to_install_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refusal("postgresql://me:hunter2@localhost/x")
    assert error.code == "ledger_driver_missing"
    assert "pip install 'target-swoogo[postgres]'" in str(error)
