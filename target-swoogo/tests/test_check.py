"""What the command check makes of what it finds."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from target_swoogo import check
from target_swoogo.check import EventSeen, Level
from target_swoogo.check_ledger import look_at_ledger
from target_swoogo.check_settings import look_at_settings
from target_swoogo.ledger import Ledger
from target_swoogo.model import Kind, Mapped, State
from target_swoogo.target import TargetSwoogo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_swoogo.check_settings import SettingsSeen
    from target_swoogo.settings import Settings

PAIR = (4101, 77001)
SUMMIT = EventSeen(1, "Northlight Summit 2027", "America/New_York", "2027-03-09", "2027-03-11")
MARCH = datetime(2027, 3, 9, 14, tzinfo=timezone.utc)


def event(event_id: int, name: str, first: str | None = None, last: str | None = None) -> EventSeen:
    return EventSeen(event_id, name, None, first, last)


def codes(lines: list[check.Line]) -> list[str | None]:
    return [line.code for line in lines]


# Events


@pytest.mark.parametrize(
    ("other", "proposed"),
    [
        (event(9, "Northlight Summit 2027"), True),
        (event(9, "northlight summit, 2027"), True),
        (event(9, "Northlight Summit 2027", "2027-03-08", "2027-03-09"), True),
        (event(9, "The Northlight Summit", "2027-03-09", "2027-03-11"), True),
        (event(9, "The Northlight Summit"), False),
        (event(9, "Northlight Summit 2027", "2026-03-09", "2026-03-11"), False),
        (event(9, "Members' Evening", "2027-03-09", "2027-03-11"), False),
    ],
)
def test_pairs_are_proposed_by_name_and_dates(other: EventSeen, *, proposed: bool) -> None:
    assert check.proposals([SUMMIT], [other], []) == ([(SUMMIT, other)] if proposed else [])


def test_an_event_is_proposed_once_and_only_when_it_is_not_mapped() -> None:
    ours = [event(1, "Summit"), event(2, "Summit")]
    theirs = [event(8, "Summit"), event(9, "Summit")]
    assert check.proposals(ours, theirs, []) == [(ours[0], theirs[0]), (ours[1], theirs[1])]
    assert check.proposals(ours, theirs, [(1, 9)]) == [(ours[1], theirs[0])]
    assert check.proposals(ours, theirs[:1], [(7, 8)]) == []


def test_the_mapping_can_be_pasted() -> None:
    assert json.loads(check.mapping_text([PAIR])) == [
        {"sessionboard_event_id": 4101, "swoogo_event_id": 77001}
    ]


def test_events_that_are_not_there_are_named() -> None:
    ours, theirs = [event(4101, "A")], [event(77001, "A")]
    assert codes(check.events_known(PAIR, ours, theirs)) == [None]
    assert codes(check.events_known(PAIR, [], [])) == [
        "sessionboard_event_unknown",
        "swoogo_event_unknown",
    ]
    assert check.events_known(PAIR, None, theirs) == []
    assert codes(check.events_known(PAIR, None, [])) == ["swoogo_event_unknown"]


@pytest.mark.parametrize(
    ("ours", "theirs", "on_mismatch", "level", "code"),
    [
        ("America/New_York", "US/Eastern", "error", Level.FINE, None),
        ("America/New_York", "Australia/Sydney", "error", Level.ERROR, "timezone_mismatch"),
        ("America/New_York", "Australia/Sydney", "warn", Level.WARNING, "timezone_mismatch"),
        ("America/New_York", None, "error", Level.ERROR, "timezone_mismatch"),
        ("Mars/Base", "US/Eastern", "error", Level.ERROR, "sessionboard_timezone_unknown"),
        (None, "US/Eastern", "error", Level.ERROR, "sessionboard_timezone_unknown"),
    ],
)
def test_time_zones_are_compared_at_the_time_of_the_programme(
    ours: str | None, theirs: str | None, on_mismatch: str, level: Level, code: str | None
) -> None:
    line = check.zones(PAIR, ours, theirs, [MARCH], on_mismatch)
    assert (line.level, line.code) == (level, code)


# Sponsors, fields, quota


@pytest.mark.parametrize(
    ("offered", "tiers", "code", "said"),
    [
        (["Gold"], [], None, "No sponsors were read yet"),
        ([], [None], None, "Neither"),
        (["Gold"], [None, None], "sponsor_tiers_missing", 'field "Tier"'),
        (["Gold"], ["gold ", None], None, "Every sponsor tier"),
        (["Gold"], ["Bronze"], "sponsor_level_unknown", '"Bronze" is not among'),
        (["Gold", "gold"], ["Gold"], "sponsor_level_ambiguous", 'several sponsor levels named "G'),
    ],
)
def test_tiers_are_compared_with_levels(
    offered: list[str], tiers: list[str | None], code: str | None, said: str
) -> None:
    (line,) = check.levels(PAIR, offered, tiers, "Tier")
    assert (line.code, line.level) == (code, Level.WARNING if code else Level.FINE)
    assert said in line.found


def test_required_custom_fields_are_told_as_far_as_they_are_known() -> None:
    fields = [
        {"attribute": "name", "required": True},
        {"attribute": "c_601", "required": True},
        {"attribute": "c_602", "required": False},
    ]
    refusals = [("session", "Refused (c_401: cannot be blank)."), ("session", "c_401: is blank")]
    found = [line.found for line in check.required_fields(PAIR, fields, refusals)]
    assert ["c_401 of every session" in found[0], "c_601 of every sponsor" in found[1]] == [
        True
    ] * 2
    (line,) = check.required_fields(PAIR, fields[:1], [("session", "capacity: is no number")])
    assert line.level is Level.FINE
    assert "swoogo_refused" in line.found


def test_a_low_quota_is_a_warning() -> None:
    assert check.quota(21, 1979, 2000).level is Level.FINE
    assert check.quota(21, None, 2000).level is Level.FINE
    line = check.quota(21, 300, 2000)
    assert (line.code, "300 of 2,000 are left" in line.found) == ("quota_low", True)


# Settings


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., SettingsSeen]:
    """Judges a complete environment; keywords override."""
    complete = {
        "consumer_key": "a-secret-key",
        "consumer_secret": "a-secret-secret",
        "event_mappings": '[{"sessionboard_event_id": 4101, "swoogo_event_id": 77001}]',
        "report_path": str(tmp_path),
    }

    def look(**overrides: str) -> SettingsSeen:
        given = {f"TARGET_SWOOGO_{k.upper()}": v for k, v in (complete | overrides).items()}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return look_at_settings(given)

    return look


def test_settings_that_are_right_are_fine(environ: Callable[..., SettingsSeen]) -> None:
    seen = environ()
    assert [line.found for line in seen.lines] == ["Every setting is valid."]
    assert seen.settings.event_mappings == (PAIR,)
    assert [line.level for line in environ(dry_run="true").lines] == [Level.FINE] * 2


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("consumer_key", "", "setting_invalid"),
        ("consumer_secret", "", "setting_invalid"),
        ("event_mappings", "", "setting_invalid"),
        ("event_mappings", "4101:77001", "setting_invalid"),
        ("event_mappings", "[]", "setting_invalid"),
        ("event_mappings", '[{"sessionboard_event_id": 4101}]', "setting_invalid"),
        ("api_url", "api.swoogo.com", "setting_invalid"),
        ("api_url", "http://api.swoogo.com/api/v1", "setting_doubtful"),
        ("webhook_url", "http://hooks.test/hidden-path", "setting_invalid"),
        ("webhook_url", "https://[hidden-path", "setting_invalid"),
        ("dry_run", "yess", "setting_invalid"),
        ("dry_run", "", "setting_invalid"),
        ("max_workers", "many", "setting_invalid"),
        ("max_workers", "99", "setting_invalid"),
        ("session_statuses", '["acepted"]', "setting_invalid"),
        ("session_statuses", "[]", "setting_doubtful"),
        ("roles", "[]", "setting_doubtful"),
        ("subsessions", "keep", "setting_invalid"),
        ("timezone_mismatch", "ignore", "setting_invalid"),
        ("sessionboard_region", "mars", "setting_invalid"),
        ("create_only_fields", '["session.titel"]', "setting_invalid"),
        ("image_max_bytes", "9", "setting_invalid"),
        ("image_max_bytes", "2000000", "setting_doubtful"),
        ("allow_private_images", "true", "setting_doubtful"),
        ("ledger_url", "sqlite:///.meltano/ledger.db", "setting_doubtful"),
        ("report_path", "/dev/null/reports", "setting_doubtful"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    environ: Callable[..., SettingsSeen], name: str, value: str, code: str
) -> None:
    (line,) = environ(**{name: value}).lines
    assert line.code == code
    assert line.level is (Level.WARNING if code == "setting_doubtful" else Level.ERROR)
    assert name in line.found
    assert line.todo
    for secret in ("a-secret", "hidden-path"):
        assert secret not in repr(line)
    if line.found.startswith("The setting") and "cannot be read" not in line.found:
        refused = line.level is Level.ERROR
        assert refusals() == ([line.found] if refused else []), "a run says the same"


def refusals() -> list[str]:
    """What a run would say to the settings of the environment."""
    try:
        TargetSwoogo(parse_env_config=True)
    except ConfigValidationError as error:
        return list(error.errors)
    return []


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("TARGET_SWOOGO_EVENT_MAPPING", "TARGET_SWOOGO_EVENT_MAPPINGS"),
        ("TARGET_SWOOGO_FREEZE_HOUR", "TARGET_SWOOGO_FREEZE_HOURS"),
        ("TAP_SESSIONBOARD_EVENTS_IDS", "TAP_SESSIONBOARD_EVENT_IDS"),
        ("TARGET_SWOOGO_FREEZE_HOURS", None),
        ("TARGET_SWOOGO__FREEZE_HOUR", None),
        ("TARGET_SWOOGO_BATCH_SIZE_ROWS", None),
        ("FREEZE_HOUR", None),
        ("TAP_SESSIONBOARD_ACCESS_TOKEN", None),
    ],
)
def test_a_misspelt_setting_is_named(variable: str, meant: str | None) -> None:
    lines = look_at_settings({variable: "1"}).lines
    found = [line for line in lines if line.code == "setting_unknown"]
    assert [f"Write {meant}, if that is what is meant." == line.todo for line in found] == (
        [True] if meant else []
    )
    assert all(variable in line.found for line in found)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("[4101, 4102]", None),
        ('["4101"]', None),
        ("[]", None),
        ("", None),
        ("[4102]", "event_not_read"),
        ("4101", "setting_invalid"),
        ("4101,4102", "setting_invalid"),
        ("[null]", "setting_invalid"),
    ],
)
def test_a_mapped_event_must_be_read(
    environ: Callable[..., SettingsSeen], value: str, code: str | None
) -> None:
    mapped = environ().settings.event_mappings
    text = check.mapping_text(mapped)
    given = {"TARGET_SWOOGO_EVENT_MAPPINGS": text, "TAP_SESSIONBOARD_EVENT_IDS": value}
    given |= {"TARGET_SWOOGO_CONSUMER_KEY": "a", "TARGET_SWOOGO_CONSUMER_SECRET": "b"}
    assert [line.code for line in look_at_settings(given).lines] == [code]


def test_one_mistake_does_not_hide_another(environ: Callable[..., SettingsSeen]) -> None:
    seen = environ(max_workers="many", dry_run="yess", subsessions="keep", api_url="nowhere")
    assert [line.code for line in seen.lines] == ["setting_invalid"] * 4
    assert (seen.settings.max_workers, seen.settings.dry_run) == (8, False)
    assert seen.settings.event_mappings == (PAIR,)


# The ledger


@pytest.fixture
def look(
    settings: Callable[..., Settings], tmp_path: Path
) -> Callable[..., list[tuple[Level, str | None, str]]]:
    """Looks at a ledger."""

    def lines(url: str | None = None, **given: Any) -> list[tuple[Level, str | None, str]]:
        seen = look_at_ledger(settings(ledger_url=url or f"sqlite:///{tmp_path}/x/l.db", **given))
        return [(line.level, line.code, line.found) for line in seen.lines]

    return lines


def test_a_ledger_that_is_not_there_is_not_made(
    look: Callable[..., list[Any]], tmp_path: Path
) -> None:
    ((level, _, found),) = look()
    assert (level, "the first run makes it" in found) == (Level.FINE, True)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_cannot_be_made_is_an_error(look: Callable[..., list[Any]]) -> None:
    ((level, code, _),) = look("sqlite:////dev/null/x.db")
    assert (level, code) == (Level.ERROR, "ledger_unwritable")


@pytest.mark.parametrize("url", ["mysql://me:hunter2@host/x", "not an address", "sqlite://"])
def test_an_address_that_is_none_is_an_error(look: Callable[..., list[Any]], url: str) -> None:
    ((level, code, found),) = look(url)
    assert (level, code) == (Level.ERROR, "ledger_url_invalid")
    assert "hunter2" not in found


def test_a_ledger_is_looked_at_and_stays_as_it_is(
    look: Callable[..., list[Any]], ledger_url: str
) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.hold([PAIR])
        before = ledger.pairs()
    assert [line[:2] for line in look(ledger_url)] == [(Level.FINE, None)]
    with Ledger.open(ledger_url) as ledger:
        assert ledger.pairs() == before
        assert ledger.recall("checked") is None


def test_a_held_ledger_is_a_warning(look: Callable[..., list[Any]], ledger_url: str) -> None:
    with Ledger.open(ledger_url):
        ((level, code, found),) = look(ledger_url)
    assert (level, code) == (Level.WARNING, "ledger_held")
    assert "process" in found


def test_an_older_ledger_is_not_migrated(look: Callable[..., list[Any]], ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger, ledger.commit():
        ledger.note("version", "1")
    ((level, _, found),) = look(ledger_url)
    assert (level, "is of version 1; the next run brings it" in found) == (Level.FINE, True)
    assert look(ledger_url)[0][2] == found


def test_a_newer_ledger_is_an_error(look: Callable[..., list[Any]], ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger, ledger.commit():
        ledger.note("version", "99")
    assert [line[:2] for line in look(ledger_url)] == [(Level.ERROR, "ledger_newer")]


def test_a_damaged_ledger_is_an_error(look: Callable[..., list[Any]], tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    file.write_text("not a ledger" * 100)
    assert [line[:2] for line in look(f"sqlite:///{file}")] == [(Level.ERROR, "ledger_damaged")]


def test_a_mapping_of_an_event_that_is_taken_is_an_error(
    look: Callable[..., list[Any]], ledger_url: str
) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.hold([(4101, 9)])
    assert [line[1] for line in look(ledger_url)] == [None, "mapping_taken"]
    with Ledger.open(ledger_url) as ledger:
        assert [pair.events for pair in ledger.pairs()] == [(4101, 9)]


def test_the_ledger_tells_tiers_starts_and_refusals(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/l.db"
    records: dict[str, list[dict[str, Any]]] = {
        "events": [{"id": "4101", "name": "Small", "timezone": "America/New_York"}],
        "sponsors": [
            {"id": "a", "name": "A", "custom_fields": [{"name": "Tier", "value": "Gold"}]},
            {"id": "b", "name": "B"},
        ],
        "sessions": [
            {
                "id": "s",
                "title": "S",
                "status": "accepted",
                "starts_at": "2127-03-09T14:00:00Z",
                "ends_at": "2127-03-09T15:00:00Z",
            }
        ],
    }
    with Ledger.open(url) as ledger:
        (pair,) = ledger.hold([PAIR])
        with ledger.commit():
            for stream, rows in records.items():
                ledger.put(stream, [(4101, row["id"], json.dumps(row).encode()) for row in rows])
            refused = Mapped(Kind.SESSION, "s", "S", state=State.FAILED)
            refused.code, refused.message = "swoogo_refused", "c_401: cannot be blank"
            ledger.save(pair, refused)
    seen = look_at_ledger(settings(ledger_url=url)).pairs[PAIR]
    assert (seen.event.name, seen.event.timezone) == ("Small", "America/New_York")
    assert [start.year for start in seen.starts] == [2127]
    assert seen.tiers == ["Gold", None]
    assert seen.refusals == [("session", "c_401: cannot be blank")]
