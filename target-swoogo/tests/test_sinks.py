"""Singer records into the ledger: nothing is changed, nothing is lost, and nothing is printed."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidJSONSchema, MissingKeyPropertiesError
from target_swoogo.errors import TargetError
from target_swoogo.ledger import Ledger
from target_swoogo.sinks import LineReader
from target_swoogo.target import TargetSwoogo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Load = Callable[..., list[Any]]

# No run here has anything to do in Swoogo, and a call would fail.
pytestmark = pytest.mark.usefixtures("requests_mock")

MOST_CALLS_PER_RECORD = 45
"""Of Python functions, those of this test's own writing of the messages included; there are 39."""

EVENT = {"id": 4101, "name": "Conference", "timezone": "America/New_York"}
OPEN = {"type": "object", "properties": {}, "additionalProperties": True}


def schema(stream: str, properties: dict[str, Any] | None = None) -> dict[str, Any]:
    shape = OPEN if properties is None else OPEN | {"properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": shape, "key_properties": ["id"]}


def record(stream: str, **fields: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": fields}


def state(value: object) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


def person(**fields: Any) -> dict[str, Any]:
    return record("speakers", **({"id": "p1", "event_id": 4101} | fields))


SPEAKERS = schema("speakers")


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def load(config: dict[str, Any], ledger_url: str) -> Load:
    """Gives lines or messages to a target; returns the states it printed."""

    def load(*messages: dict[str, Any] | str, **overrides: Any) -> list[Any]:
        known = [schema("events"), record("events", **EVENT)]
        lines = [m if isinstance(m, str) else json.dumps(m) for m in (*known, *messages)]
        settings = config | {"ledger_url": ledger_url, "report_path": ""} | overrides
        target = TargetSwoogo(config=settings)
        # The process would end here; a test must let go of the ledger itself.
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.closing(target.ledger):
            target.listen(io.StringIO("\n".join(lines)))
        return [json.loads(line) for line in out.getvalue().splitlines()]

    return load


def kept(ledger_url: str, stream: str = "speakers", event_id: int = 4101) -> dict[str, Any]:
    with Ledger.open(ledger_url) as ledger:
        return {key: json.loads(text) for key, text in ledger.sources(stream, event_id)}


# As received


def test_a_record_is_kept_as_received(load: Load, ledger_url: str) -> None:
    declared = {
        "id": {"type": "string"},
        "event_id": {"type": "integer"},
        "updated_at": {"type": "string", "format": "date-time"},
        "score": {"type": "number"},
        "nested": {"type": "object", "properties": {"known": {"type": "string"}}},
    }
    fields = {
        "id": "p1",
        "event_id": 4101,
        "updated_at": "2027-03-14T23:02:51.562+00:00",
        "score": 1.10,
        "exact": 0.1,
        "nested": {"known": "x", "unknown": {"deep": [1, None, True]}},
        "undeclared": "Łąka 🦊",
        "empty": {},
        "nothing": None,
        "date": "not a date",
    }
    load(schema("speakers", declared), record("speakers", **fields))
    assert kept(ledger_url) == {"p1": fields}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (r'"\ud83e\udd8a"', "🦊"),
        (r'"half a fox: \ud83e"', "half a fox: ?"),
        ('"a\\u0000b"', "a\0b"),
        ("1e400", None),
        ("NaN", None),
    ],
)
def test_whatever_json_allows_arrives(load: Load, ledger_url: str, text: str, value: Any) -> None:
    line = json.dumps(person(x="HERE")).replace('"HERE"', text)
    load(SPEAKERS, line, person(id="p2"))
    assert kept(ledger_url)["p1"]["x"] == value
    assert "p2" in kept(ledger_url)


def test_the_order_of_fields_changes_nothing(load: Load, ledger_url: str) -> None:
    load(SPEAKERS, person(a=1, b=2))
    with Ledger.open(ledger_url) as ledger:
        before = list(ledger.sources("speakers", 4101))
    load(SPEAKERS, record("speakers", b=2, a=1, event_id=4101, id="p1"))
    with Ledger.open(ledger_url) as ledger:
        assert list(ledger.sources("speakers", 4101)) == before


def test_of_one_key_the_last_record_counts(load: Load, ledger_url: str) -> None:
    load(SPEAKERS, person(n=1), person(n=2), person(n=1, event_id=4102), person(n=3))
    assert kept(ledger_url)["p1"]["n"] == 3
    assert kept(ledger_url, event_id=4102)["p1"]["n"] == 1


def test_more_records_than_a_batch_arrive_batch_by_batch(
    load: Load, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    put = Ledger.put

    def counting(ledger: Ledger, stream: str, records: Sequence[Any]) -> int:
        sizes.append(len(records))
        return put(ledger, stream, records)

    monkeypatch.setattr(Ledger, "put", counting)
    load(SPEAKERS, *(person(id=f"p{number}") for number in range(2001)))
    assert sorted(sizes) == [1, 1, 1000, 1000], "the event, and the people, each once"
    assert len(kept(ledger_url)) == 2001


def test_events_that_are_not_mapped_are_kept_too(load: Load, ledger_url: str) -> None:
    load(SPEAKERS, person(event_id=4199))
    assert list(kept(ledger_url, event_id=4199)) == ["p1"]


def test_a_schema_may_come_again_and_change(load: Load, ledger_url: str) -> None:
    new = schema("speakers", {"n": {"type": "integer"}})
    load(SPEAKERS, person(n=1), SPEAKERS, person(id="p2", n=1), new, person(id="p3", n=2))
    assert sorted(kept(ledger_url)) == ["p1", "p2", "p3"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_in_the_middle_of_a_batch_keeps_and_tells_nothing_of_it(
    load: Load, ledger_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put, number = Ledger.put, signal.Signals[name]

    def interrupted(ledger: Ledger, stream: str, records: Sequence[Any]) -> int:
        monkeypatch.setattr(Ledger, "put", put)
        put(ledger, stream, records)
        signal.raise_signal(number)
        raise AssertionError

    monkeypatch.setattr(Ledger, "put", interrupted)
    told: list[object] = []
    monkeypatch.setattr(TargetSwoogo, "_write_state_message", lambda _, value: told.append(value))
    with pytest.raises(SystemExit) as caught:
        load(SPEAKERS, person(), state({"bookmark": 1}))
    assert caught.value.code == 128 + number
    assert told == []
    assert kept(ledger_url) == kept(ledger_url, "events") == {}


# Keys


@pytest.mark.parametrize(
    ("fields", "event_id", "record_id"),
    [
        ({"id": 12}, 4101, "12"),
        ({"event_id": "4101"}, 4101, "p1"),
        ({"id": "  p1 "}, 4101, "p1"),
        ({"id": "x" * 128}, 4101, "x" * 128),
        ({"event_id": 0}, 0, "p1"),
        ({"event_id": 2**63 - 1}, 2**63 - 1, "p1"),
    ],
)
def test_a_key_may_come_in_several_forms(
    load: Load, ledger_url: str, fields: dict[str, Any], event_id: int, record_id: str
) -> None:
    load(SPEAKERS, person(**fields))
    assert list(kept(ledger_url, event_id=event_id)) == [record_id]


@pytest.mark.parametrize("unusable", [None, "", "  ", "x" * 129, "a\nb", "a b", 1.5, True, ["p1"]])
def test_a_record_without_a_usable_id_is_kept_under_a_name_of_its_own(
    load: Load, ledger_url: str, unusable: object
) -> None:
    load(
        SPEAKERS, person(id=unusable), person(), person(id="other " * 30), person(id=unusable, n=2)
    )
    records = kept(ledger_url)
    names = [name for name in records if name.startswith("unusable-")]
    assert len(names) == 2
    assert {"p1", *names} == records.keys()
    assert {"id": unusable, "event_id": 4101, "n": 2} in records.values()


@pytest.mark.parametrize("unusable", [None, "", "the first", -1, 2**63, 4101.5, [4101]])
def test_a_record_without_a_usable_event_is_kept_apart_and_said_once(
    load: Load, ledger_url: str, caplog: pytest.LogCaptureFixture, unusable: object
) -> None:
    load(SPEAKERS, person(event_id=unusable), person(id="p2", event_id=unusable), person(id="p3"))
    assert list(kept(ledger_url)) == ["p3"]
    assert list(kept(ledger_url, event_id=-1)) == ["p1", "p2"]
    assert len([m for m in caplog.messages if "[record_without_event]" in m]) == 1


# Stream maps, and what the SDK does with every record


@pytest.mark.parametrize(
    ("maps", "names"),
    [
        ({"name": None}, {"p1": None, "p2": None, "p3": None}),
        ({"name": "record['name'].upper()"}, {"p1": "ADA", "p2": "BEA", "p3": "CYD"}),
        ({"__filter__": "record['name'] != 'Bea'"}, {"p1": "Ada", "p3": "Cyd"}),
        ({"__alias__": "tickets"}, {}),
        ("__NULL__", {}),
    ],
)
def test_stream_maps_apply_to_every_record(
    load: Load, ledger_url: str, maps: Any, names: dict[str, str | None]
) -> None:
    declared = schema("speakers", {name: {"type": "string"} for name in ("id", "name")})
    people = [person(id=f"p{n}", name=name) for n, name in enumerate(("Ada", "Bea", "Cyd"), 1)]
    load(declared, *people, stream_maps={"speakers": maps})
    found = {key: one.get("name") for key, one in kept(ledger_url).items()}
    assert found == names


def test_records_are_flattened_if_asked(load: Load, ledger_url: str) -> None:
    declared = {
        "id": {"type": "string"},
        "event_id": {"type": "integer"},
        "room": {"type": "object", "properties": {"name": {"type": "string"}}},
    }
    people = [person(id=f"p{n}", room={"name": f"Hall {n}"}) for n in (1, 2)]
    load(schema("speakers", declared), *people, flattening_enabled=True, flattening_max_depth=1)
    assert [one["room__name"] for one in kept(ledger_url).values()] == ["Hall 1", "Hall 2"]


def test_metadata_of_the_tap_goes_and_of_the_sdk_comes_if_asked(
    load: Load, ledger_url: str
) -> None:
    told = [person(id=f"p{n}", _sdc_sequence=7) for n in (1, 2)]
    load(SPEAKERS, *told)
    assert [set(one) for one in kept(ledger_url).values()] == 2 * [{"id", "event_id"}]
    load(SPEAKERS, *told, add_record_metadata=True)
    assert all(one["_sdc_sequence"] > 7 for one in kept(ledger_url).values())


def test_every_record_must_have_the_keys(load: Load, ledger_url: str) -> None:
    with pytest.raises(MissingKeyPropertiesError):
        load(SPEAKERS, person(), record("speakers", event_id=4101))
    assert kept(ledger_url) == {}, "what is not committed is read again"


def test_another_schema_applies_from_where_it_comes(
    load: Load, ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    number, word = ({"n": {"type": kind}} for kind in ("integer", "string"))
    load(
        schema("speakers", number),
        *(person(id=f"p{n}", n=n) for n in range(3)),
        schema("speakers", word),
        *(person(id=f"q{n}", n=f"{n}") for n in range(3)),
    )
    assert len(kept(ledger_url)) == 6
    assert "does not fit" not in caplog.text


def test_records_that_wait_too_long_are_kept_meanwhile(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_at_once = []
    put = Ledger.put

    def counting(ledger: Ledger, stream: str, records: Sequence[Any]) -> int:
        kept_at_once.append(len(records))
        return put(ledger, stream, records)

    monkeypatch.setattr(Ledger, "put", counting)
    monkeypatch.setattr(TargetSwoogo, "_MAX_RECORD_AGE_IN_MINUTES", -1.0)
    load(SPEAKERS, *(person(id=f"p{number}") for number in range(3)))
    assert kept_at_once == [1, 1, 1, 1]


def test_a_record_takes_few_calls(load: Load) -> None:
    """So that no machine is too slow; counted where nothing but reading a record is added."""

    def calls(records: int) -> int:
        made = 0

        def note(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal made
            made += event == "call"

        people = [person(id=f"p{number}") for number in range(records)]
        sys.setprofile(note)
        try:
            load(SPEAKERS, *people)
        finally:
            sys.setprofile(None)
        return made

    calls(900)  # what is made once, and loaded once; from here on nothing is new
    per_record = (calls(900) - calls(100)) / 800
    assert per_record < MOST_CALLS_PER_RECORD, f"{per_record:.0f} calls for each record"


# What does not fit


def test_a_record_that_breaks_the_schema_is_kept_and_said_once_without_its_value(
    load: Load, ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    declared = {"email": {"type": ["string", "null"]}, "n": {"type": "integer"}}
    load(
        schema("speakers", declared),
        person(email=["jane@example.org"], n=1),
        person(id="p2", email=["joan@example.org"], n=1),
        person(id="p3", email="jill@example.org", n=1),
    )
    assert kept(ledger_url)["p1"]["email"] == ["jane@example.org"]
    assert sorted(kept(ledger_url)) == ["p1", "p2", "p3"]
    said = [m for m in caplog.messages if "does not fit the tap's schema" in m]
    assert len(said) == 1
    assert said[0].endswith("data.email")
    assert "example.org" not in caplog.text


def test_validation_can_be_turned_off(
    load: Load, ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    declared = schema("speakers", {"n": {"type": "integer"}})
    load(declared, person(n="one"), validate_records=False)
    assert kept(ledger_url)["p1"]["n"] == "one"
    assert "does not fit" not in caplog.text


def test_a_schema_that_is_none_is_refused(load: Load) -> None:
    broken = schema("speakers", {"n": {"type": "no such type"}})
    with pytest.raises(InvalidJSONSchema, match="not valid"):
        load(broken, person(n=1))


def test_other_streams_are_ignored_and_said_once(
    load: Load, ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = schema("tickets")
    sold = [record("tickets", id=str(number), event_id=4101) for number in range(3)]
    assert load(other, *sold, state({"tickets": 3})) == [{"tickets": 3}]
    assert kept(ledger_url, "tickets") == {}
    said = [message for message in caplog.messages if message.startswith("Stream tickets is not")]
    assert len(said) == 1


# State


def test_states_come_out_once_what_they_vouch_for_is_kept(load: Load, ledger_url: str) -> None:
    assert load(SPEAKERS, person(), state({"n": 1}), person(id="p2"), state({"n": 2})) == [{"n": 2}]
    assert sorted(kept(ledger_url)) == ["p1", "p2"]


def test_a_dry_run_keeps_nothing_and_prints_no_state(load: Load, ledger_url: str) -> None:
    load()
    assert load(SPEAKERS, person(), state({"n": 1}), dry_run=True) == []
    assert kept(ledger_url) == {}


# Lines


@pytest.mark.parametrize(
    "line",
    ["jane@example.org", "", "[]", "null", '"RECORD"', "[" * 100_000, '{"a":' * 100_000, '{"a": 1'],
)
def test_a_line_that_is_no_message_is_refused_without_showing_it(line: str) -> None:
    with pytest.raises(TargetError, match="is not a Singer message") as caught:
        LineReader().deserialize_json(line)
    assert caught.value.code == "singer_line_malformed"
    assert caught.value.__cause__ is None, "a cause would quote the line"
    assert "jane" not in str(caught.value)


def test_no_record_is_printed_at_any_level(
    load: Load, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("target-swoogo")
    level = logger.level
    with caplog.at_level(logging.DEBUG):
        logger.setLevel(logging.DEBUG)
        load(SPEAKERS, person(email="jane@example.org"), SPEAKERS, person(email="jane@example.org"))
        logger.setLevel(level)
    assert "DEBUG" in {entry.levelname for entry in caplog.records}, "the level was heeded"
    assert "jane@example.org" not in caplog.text
    assert "jane@example.org" not in "".join(capsys.readouterr())
