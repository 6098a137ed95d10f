"""The command check against the sandbox: it says what is wrong, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_swoogo.check_command import check_command
from target_swoogo.ledger import Ledger

from .conftest import PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from .conftest import Pair

Record = dict[str, Any]
CLOSED = "http://127.0.0.1:9"
SECRETS = (
    "sandbox-key",
    "sandbox-secret",
    "sandbox-token",
    "sandbox-noscope-token",
    "sandbox-masked-token",
    "hunter2",
)


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    """A sandbox and nothing else: the time before the first sync."""
    return make_pair(PAIRS[:1], sessions=5)


@pytest.fixture
def run(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command with settings as Meltano hands them over; keywords override them."""
    monkeypatch.setattr("target_swoogo.swoogo._TRIES", 1)

    def run(*words: str, **settings: Any) -> Result:
        given = {
            "sessionboard_api_url": pair.sandbox.sessionboard_url,
            "sessionboard_access_token": "sandbox-token",
        }
        for name, value in pair.target_config(**given | settings).items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"TARGET_SWOOGO_{name.upper()}", text)
        result = CliRunner().invoke(check_command, words)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert not [secret for secret in SECRETS if secret in result.output]
        assert pair.writes() == []
        return result

    return run


@pytest.fixture
def told(run: Callable[..., Result]) -> Callable[..., tuple[int, Record]]:
    """Exit code, and what it says as JSON."""

    def told(**settings: Any) -> tuple[int, Record]:
        result = run("--json", **settings)
        assert result.stderr == ""
        return result.exit_code, json.loads(result.stdout)

    return told


def problems(answer: Record) -> list[tuple[str, str]]:
    return [(line["about"], line["code"]) for line in answer["lines"] if line["code"]]


def fine_about(answer: Record) -> set[str]:
    return {line["about"] for line in answer["lines"] if line["level"] == "fine"}


def test_before_the_first_sync_all_is_fine_and_nothing_is_made(
    pair: Pair, run: Callable[..., Result]
) -> None:
    before = sorted(pair.folder.rglob("*"))
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    for said in (
        "Every setting is valid.",
        "the first run makes it",
        "The consumer key works; it sees 3 events.",
        "The check took 21 credits; 1,979 of 2,000 are left",
        "The token has every scope that a sync needs.",
        "Both events are there.",
        "The time zones agree: America/New_York and US/Eastern.",
        "Sponsor levels in Swoogo: Platinum, Gold",
        "Warnings: 0. Errors: 0.",
    ):
        assert said in " ".join(result.stdout.split()), said
    assert sorted(pair.folder.rglob("*")) == before


def test_events_stand_side_by_side_and_pairs_are_proposed(told: Any) -> None:
    code, answer = told()
    assert (code, answer["fine"]) == (0, True)
    ours, theirs = answer["events"]["sessionboard"], answer["events"]["swoogo"]
    assert [(e["id"], e["mapped_to"]) for e in ours] == [(4101, 77001), (4102, None)]
    assert [(e["id"], e["mapped_to"]) for e in theirs] == [
        (77001, 4101),
        (77002, None),
        (77099, None),
    ]
    assert all(e["name"] and e["timezone"] and e["first"] and e["last"] for e in theirs)
    assert all(e["first"] for e in ours)
    assert answer["proposed_mappings"] == PAIRS[1:]
    (line,) = [line for line in answer["lines"] if line["about"] == "Events"]
    pasted = line["todo"].partition("TARGET_SWOOGO_EVENT_MAPPINGS=")[2].strip("'")
    assert json.loads(pasted) == PAIRS


def test_with_no_mapping_at_all_pairs_are_proposed(told: Any) -> None:
    code, answer = told(event_mappings=[])
    assert code == 1
    assert problems(answer) == [("Settings", "setting_invalid")]
    assert answer["proposed_mappings"] == PAIRS


def test_after_a_sync_tiers_are_compared(pair: Pair) -> None:
    pair.sync()
    since = pair.now
    result = CliRunner().invoke(check_command, ["--json"], env=environment(pair))
    assert (result.exit_code, problems(json.loads(result.stdout))) == (0, [])
    assert "Every sponsor tier is a sponsor level" in result.stdout
    assert pair.writes(since) == []
    changed = environment(pair, sponsor_tier_field="Rank")
    result = CliRunner().invoke(check_command, ["--json"], env=changed)
    assert result.exit_code == 3
    assert [code for _, code in problems(json.loads(result.stdout))] == ["sponsor_tiers_missing"]


def environment(pair: Pair, **settings: Any) -> dict[str, str]:
    given = {
        "sessionboard_api_url": pair.sandbox.sessionboard_url,
        "sessionboard_access_token": "sandbox-token",
    }
    return {
        f"TARGET_SWOOGO_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in pair.target_config(**given | settings).items()
    }


def mapped(ours: int, theirs: int) -> list[dict[str, int]]:
    return [{"sessionboard_event_id": ours, "swoogo_event_id": theirs}]


@pytest.mark.parametrize(
    ("settings", "code", "expected"),
    [
        ({"consumer_key": ""}, 1, ["setting_invalid"]),
        ({"max_workers": "many"}, 1, ["setting_invalid"]),
        ({"webhook_url": "http://hooks.test"}, 1, ["setting_invalid"]),
        ({"consumer_secret": "wrong"}, 1, ["swoogo_credentials"]),
        ({"api_url": CLOSED}, 1, ["swoogo_unreachable"]),
        ({"api_url": "https://[no", "allow_private_images": False}, 1, ["setting_invalid"]),
        (
            {"api_url": "http://api.test", "allow_private_images": False},
            3,
            ["setting_doubtful"],
        ),
        ({"sessionboard_api_url": "http://api.test"}, 1, ["setting_invalid"]),
        ({"sessionboard_access_token": "hunter2"}, 1, ["sessionboard_credentials"]),
        ({"sessionboard_access_token": "sandbox-noscope-token"}, 1, ["sessionboard_scope_missing"]),
        ({"sessionboard_access_token": ""}, 1, ["sessionboard_token_missing"]),
        ({"sessionboard_access_token": "sandbox-masked-token"}, 1, ["sessionboard_masked"]),
        ({"sessionboard_api_url": CLOSED}, 1, ["sessionboard_unreachable"]),
        ({"event_mappings": mapped(7, 77001)}, 1, ["sessionboard_event_unknown"]),
        ({"event_mappings": mapped(4101, 7)}, 1, ["swoogo_event_unknown"]),
        ({"event_mappings": mapped(4101, 77099)}, 1, ["timezone_mismatch"]),
        (
            {"event_mappings": mapped(4101, 77099), "timezone_mismatch": "warn"},
            3,
            ["timezone_mismatch"],
        ),
        ({"ledger_url": "mysql://me:hunter2@h/x"}, 1, ["ledger_url_invalid"]),
        ({"ledger_url": "sqlite:////dev/null/x.db"}, 1, ["ledger_unwritable"]),
    ],
)
def test_a_mistake_is_named_with_its_remedy_and_hides_nothing_else(
    told: Any, settings: Record, code: int, expected: list[str]
) -> None:
    got, answer = told(**settings)
    assert got == code
    found = [name for _, name in problems(answer)]
    assert sorted(set(found)) == sorted(expected)
    assert all(line["todo"] for line in answer["lines"] if line["code"])
    broken = {about for about, _ in problems(answer)}
    unasked = {"Swoogo"} if {"consumer_key", "api_url"} & settings.keys() else set()
    assert {"Settings", "Ledger", "Swoogo", "Sessionboard"} - broken - unasked <= fine_about(answer)


def test_a_wrong_mapping_comes_with_the_likely_one(told: Any) -> None:
    _, answer = told(event_mappings=mapped(4101, 7))
    assert {"sessionboard_event_id": 4101, "swoogo_event_id": 77001} in answer["proposed_mappings"]


@pytest.mark.parametrize("pair_ids", [(77001, 4101), (4101, 77099), (4101, 7)])
def test_what_is_proposed_does_not_keep_what_is_wrong(told: Any, pair_ids: tuple[int, int]) -> None:
    _, answer = told(event_mappings=mapped(*pair_ids))
    (line,) = [line for line in answer["lines"] if line["about"] == "Events"]
    pasted = line["todo"].partition("TARGET_SWOOGO_EVENT_MAPPINGS=")[2].strip("'")
    assert json.loads(pasted) == PAIRS


def test_swapped_ids_are_recognised(told: Any) -> None:
    _, answer = told(event_mappings=mapped(77001, 4101))
    wrong = [line for line in answer["lines"] if line["code"]]
    assert len(wrong) == 2
    assert all(line["todo"].startswith("The ids look swapped. ") for line in wrong)


def test_a_pair_that_keeps_other_time_is_kept_where_no_better_is_known(
    pair: Pair, told: Any
) -> None:
    event = {"op": "update", "side": "swoogo", "kind": "events", "id": 77001}
    pair.sandbox.edit(event | {"fields": {"timezone": "Asia/Tokyo"}})
    _, answer = told()
    assert ("timezone_mismatch") in {code for _, code in problems(answer)}
    assert answer["proposed_mappings"] == PAIRS[1:]
    (line,) = [line for line in answer["lines"] if line["about"] == "Events"]
    assert "77001" in line["todo"]


def test_an_event_that_the_tap_leaves_out_is_an_error(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_SESSIONBOARD_EVENT_IDS", "[4102]")
    code, answer = told()
    assert (code, problems(answer)) == (1, [("Settings", "event_not_read")])


def test_both_systems_may_be_down(told: Any) -> None:
    code, answer = told(api_url=CLOSED, sessionboard_api_url=CLOSED)
    assert code == 1
    assert problems(answer) == [
        ("Swoogo", "swoogo_unreachable"),
        ("Sessionboard", "sessionboard_unreachable"),
    ]
    assert fine_about(answer) >= {"Settings", "Ledger"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("^/events", 403, "swoogo_forbidden"), ("^/events", 503, "swoogo_unavailable")],
)
def test_a_refusal_of_swoogo_is_explained(
    pair: Pair, told: Any, path: str, status: int, code: str
) -> None:
    match = {"side": "swoogo", "path": path}
    pair.sandbox.faults({"match": match, "times": None, "do": {"status": status}})
    got, answer = told()
    assert (got, problems(answer)) == (1, [("Swoogo", code)])


def test_a_spent_quota_is_a_warning(pair: Pair, told: Any) -> None:
    pair.sandbox.faults(quota_credits=15)
    code, answer = told()
    assert code == 3
    assert ("Swoogo", "quota_spent") in problems(answer)
    assert answer["events"]["swoogo"]


def test_a_held_ledger_is_a_warning(pair: Pair, told: Any) -> None:
    with Ledger.open(pair.target_config()["ledger_url"]):
        code, answer = told()
    assert (code, problems(answer)) == (3, [("Ledger", "ledger_held")])


def test_without_sessionboard_the_ledger_knows_the_event(pair: Pair) -> None:
    pair.sync()
    env = environment(pair, sessionboard_access_token="", sessionboard_api_url="")
    answer = json.loads(CliRunner().invoke(check_command, ["--json"], env=env).stdout)
    assert problems(answer) == [("Sessionboard", "sessionboard_token_missing")]
    (event,) = answer["events"]["sessionboard"]
    assert (event["id"], event["timezone"]) == (4101, "America/New_York")
    assert event["first"]
    assert "The time zones agree" in json.dumps(answer["lines"])
