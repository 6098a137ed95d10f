"""The SDK's standard tests, in runs that have nothing to do in Swoogo and so make no call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_target_test_class
from target_swoogo.ledger import Ledger
from target_swoogo.settings import SCHEMA
from target_swoogo.target import TargetSwoogo

if TYPE_CHECKING:
    from pathlib import Path

EVENT = b'{"id":4101,"name":"Conference","timezone":"America/New_York"}'
CONFIG: dict[str, Any] = {
    "consumer_key": "key",
    "consumer_secret": "secret",
    "event_mappings": [{"sessionboard_event_id": 4101, "swoogo_event_id": 77001}],
}


@pytest.mark.usefixtures("requests_mock")  # it answers nothing: a call would fail the test
class TestTarget(
    get_target_test_class(  # type: ignore[misc]  # a class made at run time
        TargetSwoogo, config=CONFIG, parse_env_config=False
    ),
):
    @pytest.fixture(autouse=True)
    def ledger(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A ledger where it is by default, which knows the mapped event from an earlier run.

        None of the standard streams is Sessionboard's, and a mapped event of which nothing was ever
        received fails a run.
        """
        monkeypatch.chdir(tmp_path)
        with Ledger.open(SCHEMA["properties"]["ledger_url"]["default"]) as ledger, ledger.commit():
            ledger.put("events", [(4101, "4101", EVENT)])
