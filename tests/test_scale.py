"""The simulation of docs/scale.md says what runs do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_swoogo.endpoints import TOKEN

from .benchmarks.scale import SIZES, SMALL, Agency, Event, Organisation, agency, play_day, work

if TYPE_CHECKING:
    from .conftest import Pair


def test_a_first_sync_looks_up_as_much_as_a_real_one(pair: Pair) -> None:
    report = pair.sync()
    looked_up = TOKEN.cost + len(pair.mappings) * sum(work(SMALL, (), (), new=True).asked)
    assert report["credits_used"] == looked_up + len(pair.writes())


def test_a_first_sync_spends_what_its_plan_says() -> None:
    for size in SIZES:
        alone = Agency([Organisation([Event(size)])])
        alone.sync_all()
        assert alone.account.spent == TOKEN.cost + work(size, (), (), new=True).cost


def test_no_credential_is_ever_overdrawn_and_nothing_is_left_undone() -> None:
    one = agency(6, 10, new=True, slots=3)
    one.sync_all()
    assert one.account.spent > 10_000
    assert one.account.refused == 0
    play_day(one, busy=True)
    assert one.behind == 0
