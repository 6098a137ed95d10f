"""Hostile Singer input: one record's trouble stays its own, and nothing unsafe goes anywhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import (
    InvalidJSONSchema,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from target_swoogo.errors import TargetError
from target_swoogo.sinks import LineReader
from target_swoogo.source import STREAMS
from target_swoogo.target import TargetSwoogo

from .hostile import (
    DATES,
    DEEPEST,
    EVENT,
    HTML,
    MAPPINGS,
    MEGABYTES,
    WRONG,
    fields_of,
    messages,
    nested,
    participant,
    person,
    session,
    spoilt,
    sponsor,
    unsafe,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .conftest import Pair
    from .hostile import Record

SOUND: list[tuple[str, Record]] = [
    ("sessions", session("sound", participants=[participant("ada")])),
    ("speakers", person("ada")),
    ("sponsors", sponsor("loom")),
]
MOST_AT_ONCE = 400
"""Records of one run: a window of the quota must do."""

KINDS = {"sessions": "session", "speakers": "speaker", "sponsors": "sponsor"}
HTML_FIELDS = {"description", "bio"}
REFUSALS = (
    TargetError,
    RecordsWithoutSchemaException,
    MissingKeyPropertiesError,
    InvalidJSONSchema,
)


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    pair = make_pair(MAPPINGS, sessions=1)
    pair.sandbox.faults(quota_enabled=False)
    return pair


def load(pair: Pair, records: Iterable[tuple[str, Any]], **overrides: Any) -> Record:
    """A run with sound records behind the hostile ones; the report of the pair."""
    pair.sandbox.advance(601)  # a new window of the quota
    report = pair.load(messages([*records, *SOUND]), **overrides)
    assert pair.state == {"n": 1}
    (one,) = report["pairs"]
    assert one["error"] is None
    return one


def names(pair: Pair, kind: str) -> list[str]:
    name = "email" if kind == "speakers" else "name"
    return [str(row[name]) for row in pair.sandbox.state.swoogo[kind].values()]


def assert_the_sound_records_arrived(pair: Pair) -> None:
    assert names(pair, "sessions").count("Session sound") == 1
    assert names(pair, "speakers").count("ada@example.org") == 1
    assert names(pair, "sponsors").count("Sponsor loom") == 1


def assert_nothing_unsafe_was_sent(pair: Pair) -> None:
    for call in pair.writes():
        for name, value in call["fields"].items():
            if isinstance(value, str):
                assert unsafe(value, html=name in HTML_FIELDS) == [], (name, value[:200])


def assert_nothing_unsafe_is_reported(report: Record) -> None:
    for note in (n for name in ("skipped", "failed", "pending", "warnings") for n in report[name]):
        assert re.fullmatch("[a-z_]+", note["code"])
        assert len(note["message"]) < 2000
        for text in (note["message"], note["name"], note["id"]):
            assert unsafe(text, html=False) == [], note


def told(report: Record) -> set[tuple[str, str]]:
    """The records that the report says something about."""
    lists = ("actions", "skipped", "failed", "pending")
    return {(note["kind"], note["id"]) for name in lists for note in report[name]}


# Values


@pytest.mark.parametrize("subsessions", ["skip", "as_sessions"])
@pytest.mark.parametrize("stream", [stream for stream in STREAMS if stream != "events"])
def test_no_wrong_value_in_any_field_stops_the_others(
    pair: Pair, stream: str, subsessions: str, caplog: pytest.LogCaptureFixture
) -> None:
    if subsessions != "skip" and stream != "sessions":
        pytest.skip("only sessions have subsessions")
    records = []
    for path in fields_of(stream):
        if path == ("id",) or (path[0] == "subsessions") is (subsessions == "skip"):
            continue
        for value in WRONG.values():
            record_id = f"r{len(records)}"
            records.append((stream, spoilt(whole(stream, record_id), path, value)))
    named = set()
    for start in range(0, len(records), MOST_AT_ONCE):
        report = load(pair, records[start : start + MOST_AT_ONCE], subsessions=subsessions)
        assert_nothing_unsafe_is_reported(report)
        named |= told(report)
    assert_the_sound_records_arrived(pair)
    assert_nothing_unsafe_was_sent(pair)
    if kind := KINDS.get(stream):
        assert named >= {(kind, record["id"]) for _, record in records}
    assert_the_log_is_clean(caplog)
    print(f"{stream}: {len(records)} records with a wrong value")  # noqa: T201 - said on request


def assert_the_log_is_clean(caplog: pytest.LogCaptureFixture) -> None:
    for message in caplog.messages:
        assert unsafe(message, html=False) == []
        assert len(message) < 2000
        assert not re.search(r"[\w-]@\w", message), "an e-mail address"


@pytest.mark.parametrize("field", ["name", "timezone"])
def test_a_wrong_value_in_an_event_stops_no_other_event(make_pair: Any, field: str) -> None:
    pair = make_pair(sessions=1)
    pair.sandbox.faults(quota_enabled=False)
    tried = 0
    for value in WRONG.values():
        event = {**whole("events", ""), "id": 4102, field: value}
        report = (
            pair.load(messages([("events", event), *SOUND]), max_failed_percent=100)
            if (field == "name" and (value is None or isinstance(value, str)))
            else _load_with_one_stopped(pair, event)
        )
        first = next(p for p in report["pairs"] if p["sessionboard_event_id"] == EVENT)
        assert first["error"] is None
        tried += 1
    assert_the_sound_records_arrived(pair)
    print(f"{tried} events with a wrong {field}")  # noqa: T201


def _load_with_one_stopped(pair: Pair, event: Record) -> Record:
    with contextlib.suppress(TargetError):
        pair.load(messages([("events", event), *SOUND]))
    report: Record = json.loads((pair.folder / "reports/latest.json").read_text())
    return report


def test_no_form_of_a_date_stops_the_others(pair: Pair) -> None:
    sound = "2099-03-09T14:00:00Z"
    times = [
        *((date, date) for date in DATES),
        *((date, sound) for date in DATES),
        *((sound, date) for date in DATES),
        *zip(DATES, reversed(DATES), strict=True),
    ]
    records = [
        ("sessions", session(f"s{number}", starts_at=starts, ends_at=ends))
        for number, (starts, ends) in enumerate(times)
    ]
    report = load(pair, records, sync_past_sessions=True)
    assert_the_sound_records_arrived(pair)
    assert told(report) >= {("session", record["id"]) for _, record in records}
    print(f"{len(times)} pairs of dates")  # noqa: T201


def test_only_far_dates_stop_nothing(pair: Pair) -> None:
    """Zones are compared over the days of the programme, which lie at the end of time here."""
    for number, date in enumerate(DATES):
        record = session(f"s{number}", starts_at=date, ends_at=date)
        report = pair.load(
            messages([("sessions", record)]),
            sync_past_sessions=True,
            ledger_url=f"sqlite:///{pair.folder}/ledger-{number}.db",
        )
        assert report["pairs"][0]["error"] is None, date


IDS = ["x" * 129, "a\nb", "a\0b", "\ud800", "ü", " ", "", "a b", 12, -1, 10**400, 1.5, True, None]
IDS += [[], ["a"], {}, {"a": "b"}, "../x", "'; DROP TABLE swoogo_source; --", "unusable-x"]


@pytest.mark.parametrize("stream", [stream for stream in STREAMS if stream != "events"])
def test_an_odd_id_is_refused_alone(pair: Pair, stream: str) -> None:
    report = load(pair, ((stream, whole(stream, "x") | {"id": odd}) for odd in IDS))
    assert_the_sound_records_arrived(pair)
    assert_nothing_unsafe_is_reported(report)
    if stream in KINDS:
        refused = {n["id"] for n in report["skipped"] if n["code"] == "record_unreadable"}
        assert len(refused) >= len(IDS) - 4, "an integer, a quote or a path is an id of its own"
    print(f"{len(IDS)} odd ids")  # noqa: T201


@pytest.mark.parametrize("odd", [None, "x", -1, 2**63, 10**400, 1.5, True, [EVENT], {}, "nan", ""])
def test_a_record_of_no_event_is_kept_and_said_and_belongs_to_no_pair(
    pair: Pair, odd: Any, caplog: pytest.LogCaptureFixture
) -> None:
    load(pair, [("sessions", session("stray") | {"event_id": odd})])
    assert_the_sound_records_arrived(pair)
    assert "Session stray" not in names(pair, "sessions")
    assert sum("[record_without_event]" in message for message in caplog.messages) == 1


def test_nested_odd_ids_are_refused_with_their_session(pair: Pair) -> None:
    people = [("participants", [participant("x", id=odd)]) for odd in IDS]
    places = [("room", {"id": odd, "name": "Room"}) for odd in IDS]
    inner = [("subsessions", [session("x") | {"id": odd}]) for odd in IDS]
    all_of_them = [*people, *places, *inner]
    report = load(
        pair,
        (("sessions", session(f"s{n}", **{k: v})) for n, (k, v) in enumerate(all_of_them)),
        subsessions="as_sessions",
    )
    assert_the_sound_records_arrived(pair)
    assert told(report) >= {("session", f"s{n}") for n in range(len(all_of_them))}


def test_huge_values_are_refused_and_cost_no_page_of_log(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    huge = "x" * MEGABYTES
    records: list[tuple[str, Record]] = [
        ("sessions", session("s1", title=huge)),
        ("sessions", session("s2", description=f"<p>{huge}")),
        ("sessions", session("s3", status=huge)),
        ("sessions", session("s4", friendly_id=huge, title=None)),
        ("speakers", person("p1", last_name=huge)),
        ("speakers", person("p2", email=f"{huge}@example.org")),
        ("speakers", person("p3", photo_url=f"https://example.org/{huge}")),
        ("sponsors", sponsor("o1", name=huge)),
        ("sponsors", sponsor("o2", website_url=f"https://{huge}")),
        ("sponsors", sponsor("o3", logo_image_url=f"data:image/png;base64,{huge}")),
        ("rooms", whole("rooms", "r1") | {"name": huge}),
    ]
    report = load(pair, records, speakers="all", max_failed_percent=100)
    assert_the_sound_records_arrived(pair)
    assert_nothing_unsafe_is_reported(report)
    assert_the_log_is_clean(caplog)
    assert all(len(str(call)) < 100_000 for call in pair.writes())


def test_what_cannot_be_parsed_at_once_is_refused_alone(pair: Pair) -> None:
    sound = json.dumps(session("SID"))[:-1]
    texts = {
        "deep unknown": f'{sound}, "x": {nested(DEEPEST)}}}',
        "deep title": f'{sound}, "title": {nested(DEEPEST)}}}',
        "deep subsessions": f'{sound}, "subsessions": {nested(DEEPEST)}}}',
        "deep object": sound + ', "x": ' + '{"a":' * DEEPEST + "1" + "}" * DEEPEST + "}",
        "deep near the limit": f'{sound}, "x": {nested(900)}}}',
        "deep with brackets in strings": f'{sound}, "y": "[[{{\\"", "x": {nested(DEEPEST)}}}',
        "lone surrogate": f'{sound}, "title": "half \\ud83e fox"}}',
        "surrogate as name": f'{sound}, "\\udead": 1}}',
        "raw control character": f'{sound}, "title": "a\tb"}}',
        "endless integer": f'{sound}, "capacity": {"9" * 5000}}}',
        "endless exponent": f'{sound}, "capacity": 1e999999}}',
        "not a number": f'{sound}, "capacity": NaN}}',
        "infinity": f'{sound}, "capacity": -Infinity}}',
        "same key twice": f'{sound}, "title": 1, "title": "Second"}}',
        "same id twice": f'{sound}, "id": 5, "id": "SID"}}',
    }
    records = [
        ("sessions", text.replace("SID", f"s{number}"))
        for number, (name, text) in enumerate(texts.items())
        if name != "raw control character"
    ]
    report = load(pair, records)
    assert_the_sound_records_arrived(pair)
    codes = {note["id"]: note["code"] for note in report["skipped"] if note["kind"] == "session"}
    order = [name for name in texts if name != "raw control character"]
    refused = {order[int(key[1:])]: code for key, code in codes.items()}
    assert refused == dict.fromkeys(("deep title", "deep subsessions"), "record_unreadable")
    assert "half ? fox" in names(pair, "sessions")
    assert "Second" in names(pair, "sessions")


def test_duplicates_in_one_batch_make_one_record_each(pair: Pair) -> None:
    twice = [("sessions", session("s1", title=f"Title {number}")) for number in range(50)]
    inner = session("inner", title="Inner")
    parents = [("sessions", session(f"parent{n}", subsessions=[inner, inner])) for n in range(3)]
    again = [("sessions", inner)]
    load(pair, [*twice, *parents, *again, *twice[-1:]], subsessions="as_sessions")
    assert names(pair, "sessions").count("Title 49") == 1
    assert sum(name.startswith("Title") for name in names(pair, "sessions")) == 1
    assert names(pair, "sessions").count("Inner") == 1


def test_a_copy_that_is_refused_does_not_hide_the_session_itself(pair: Pair) -> None:
    """A subsession's own status may be null; as a session of its own it has one."""
    copy = session("inner", title="Inner", status=None)
    records = [("sessions", session("a", subsessions=[copy])), ("sessions", session("inner"))]
    load(pair, records, subsessions="as_sessions")
    assert names(pair, "sessions").count("Session inner") == 1


# HTML


def test_no_markup_acts_in_any_text_field(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    records: list[tuple[str, Record]] = []
    tried = 0
    for stream in STREAMS:
        if stream == "events":
            continue
        for path in fields_of(stream):
            if path[-1] in {"id", "event_id"} or isinstance(path[-1], int):
                continue
            for html in HTML:
                record_id = f"{stream}-{tried}"
                record = whole(stream, record_id)
                records.append((stream, spoilt(record, path, f"{html} {tried}")))
                tried += 1
    event = whole("events", "") | {"name": HTML[0] + HTML[-1]}
    for start in range(0, len(records), MOST_AT_ONCE):
        report = load(
            pair, [("events", event), *records[start : start + MOST_AT_ONCE]], speakers="all"
        )
        assert_nothing_unsafe_is_reported(report)
    assert_the_sound_records_arrived(pair)
    assert_nothing_unsafe_was_sent(pair)
    assert_the_log_is_clean(caplog)
    assert any("Weaves." in str(call["fields"].get("bio")) for call in pair.writes())
    print(f"{tried} texts with hostile markup")  # noqa: T201


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "javascript:1/alert(1)", "JaVaScRiPt:0", "data:text/html,x"),
        *("vbscript:1", "file:///etc/passwd", 'https://x.org/" onclick="alert(1)', "https://"),
        *("https://x.org/<script>", "\x01javascript:alert(1)", "http:\\\\x", "about:1"),
    ],
)
def test_no_address_but_the_webs_is_a_website(pair: Pair, address: str) -> None:
    report = load(pair, [("sponsors", sponsor("o1", website_url=address))])
    (sent,) = [c["fields"] for c in pair.writes() if c["fields"].get("name") == "Sponsor o1"]
    assert "website" not in sent
    assert "sponsor_website_unsafe" in {note["code"] for note in report["warnings"]}


@pytest.mark.parametrize(
    "address",
    [
        "https://x.example.org/a?b=c#d",
        "x.example.org",
        "x.org:8080/a",
        "HTTP://X.ORG",
        "münchen.de",
    ],
)
def test_an_address_of_the_web_is_one(pair: Pair, address: str) -> None:
    load(pair, [("sponsors", sponsor("o1", website_url=address))])
    sent = [c["fields"] for c in pair.writes() if c["fields"].get("name") == "Sponsor o1"]
    assert sent[0]["website"] == address


# Messages


def lines_with(*extra: str, at: int = 0) -> str:
    lines = messages(SOUND).splitlines()
    return "\n".join([*lines[:at], *extra, *lines[at:]])


SCHEMAS = len(STREAMS)
TOLERATED = {
    "state first": ('{"type": "STATE", "value": {"a": 1}}', 0),
    "activate version of nothing": (
        '{"type": "ACTIVATE_VERSION", "stream": "nobody", "version": 1}',
        0,
    ),
    "activate version": ('{"type": "ACTIVATE_VERSION", "stream": "sessions"}', SCHEMAS + 3),
    "unknown stream": (
        (
            '{"type": "SCHEMA", "stream": "tickets", "key_properties": ["id"], '
            '"schema": {"properties": {"id": {"type": "integer"}}}}\n'
            '{"type": "RECORD", "stream": "tickets", "record": {"id": "jane@example.org"}}'
        ),
        0,
    ),
    "schema that changes": (
        (
            '{"type": "SCHEMA", "stream": "sessions", "schema": {"properties": {"id": '
            '{"type": "integer"}}, "required": ["nobody"]}}'
        ),
        SCHEMAS + 2,
    ),
    "schema that divides by zero": (
        (
            '{"type": "SCHEMA", "stream": "sessions", "schema": {"properties": {"capacity": '
            '{"multipleOf": 0}}}}'
        ),
        SCHEMAS,
    ),
    "unknown keys": ('{"type": "STATE", "value": {}, "x": [1], "record": 5}', 0),
    "same state twice": ('{"type": "STATE", "value": {}, "value": {"b": 2}}', 0),
}


@pytest.mark.parametrize(("line", "at"), TOLERATED.values(), ids=TOLERATED)
def test_an_odd_message_stops_nothing(
    pair: Pair, line: str, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    report = pair.load(lines_with(line, at=at))
    assert report["pairs"][0]["error"] is None
    assert_the_sound_records_arrived(pair)
    assert pair.state == {"n": 1}
    assert_the_log_is_clean(caplog)


STOPPING = [
    '{"type": ["RECORD"]}',
    '{"type": {"a": 1}, "stream": "sessions"}',
    '{"type": null}',
    '{"type": "record", "stream": "sessions", "record": {}}',
    '{"type": "RECORD", "stream": "sessions", "record": []}',
    '{"type": "RECORD", "stream": "sessions", "record": "jane@example.org"}',
    '{"type": "RECORD", "stream": ["sessions"], "record": {}}',
    '{"type": "RECORD", "stream": "a\\nb", "record": {}}',
    '{"type": "RECORD", "stream": "nobody", "record": {}}',
    '{"type": "SCHEMA", "stream": "x", "schema": []}',
    '{"type": "SCHEMA", "stream": "x", "schema": {}}',
    '{"type": "SCHEMA", "stream": "x", "schema": {"properties": []}}',
    '{"type": "SCHEMA", "stream": "x", "schema": {"properties": null}}',
    '{"type": "SCHEMA", "stream": "sessions", "schema": {"properties": {"id": 5}}}',
    '{"type": "SCHEMA", "stream": "sessions", "schema": {"properties": {"id": {"type": "x"}}}}',
    '{"type": "SCHEMA", "stream": "sessions", "schema": {"properties": {"a": {"pattern": "("}}}}',
    '{"type":"SCHEMA","stream":"sessions","schema":{"properties":{"a":{"$ref":"ADDRESS"}}}}',
    (
        '{"type": "SCHEMA", "stream": "sessions", "schema": {"properties": {"a": '
        '{"$ref": "file:///etc/hostname"}}}}'
    ),
    '{"type": "SCHEMA", "stream": "x", "schema": {"properties": {}}, "key_properties": 5}',
    '{"type": "SCHEMA", "stream": "x", "schema": {"properties": {}}, "key_properties": [["id"]]}',
    '{"type": "SCHEMA", "stream": "x", "schema": {"properties": {"a": ' + nested(500) + "}}}",
    '{"type": "SCHEMA", "stream": "x", "schema": {"properties": {"a": ' + nested(DEEPEST) + "}}}",
    '{"type": "STATE"}',
    '{"type": "STATE", "value": 5}',
    '{"type": "STATE", "value": {"a": ' + nested(500) + "}}",
    '{"type": "STATE", "value": {"a": ' + nested(DEEPEST) + "}}",
    '{"type": "ACTIVATE_VERSION", "version": 1}',
    (
        '{"type": "BATCH", "stream": "sessions", "encoding": {"format": "jsonl"}, '
        '"manifest": ["file:///etc/passwd"]}'
    ),
    '"' + '\\"' * 100_000,
    nested(DEEPEST),
    "",
    "\ufeff",
    "\0",
]


@pytest.mark.parametrize("line", STOPPING, ids=range(len(STOPPING)))
def test_what_is_not_singer_stops_with_one_sentence(
    pair: Pair, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    line = line.replace("ADDRESS", f"{pair.sandbox.url}/schema.json")
    out, target = io.StringIO(), TargetSwoogo(config=pair.target_config())
    # The process would end here; a test must let go of the ledger itself.
    with (
        contextlib.redirect_stdout(out),
        contextlib.closing(target.ledger),
        pytest.raises(REFUSALS) as stopped,
    ):
        target.listen(io.StringIO(lines_with(line, at=SCHEMAS + 1)))
    assert "jane" not in str(stopped.value)
    assert len(str(stopped.value)) < 2000
    assert out.getvalue() == ""
    assert pair.sandbox.log == [], "nothing is fetched for a schema, and nothing sent"
    assert_the_log_is_clean(caplog)
    # Nothing stands in the way of the next run.
    pair.load(messages(SOUND))
    assert_the_sound_records_arrived(pair)


def run_with(pair: Pair, messages: bytes) -> tuple[int, str]:
    """Exit code and standard error of the target as Meltano starts it, in a locale of long ago."""
    file = pair.folder / "config.json"
    file.write_text(json.dumps(pair.target_config()))
    run = subprocess.run(  # noqa: S603 - our own program
        [Path(sys.executable).with_name("target-swoogo"), "--config", str(file)],
        input=messages,
        env=os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stderr.decode(errors="replace")


def test_bytes_that_are_not_utf_8_spoil_their_letter(pair: Pair) -> None:
    text = messages([*SOUND, ("sessions", session("s1", title="Caf@"))]).encode()
    code, said = run_with(pair, b"\xef\xbb\xbf" + text.replace(b"Caf@", b"Caf\xe9"))
    assert code == 0, said
    assert "Caf�" in names(pair, "sessions")
    assert_the_sound_records_arrived(pair)


def test_binary_input_is_one_sentence(pair: Pair) -> None:
    code, said = run_with(pair, bytes(range(256)) * 100)
    assert code == 1
    assert "is not a Singer message" in said
    assert "Traceback" not in said


# Whatever comes


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*HTML, *DATES, "accepted", "speaker", "hall", "ada"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@st.composite
def a_record(draw: st.DrawFn) -> tuple[str, Record]:
    """A sound record with arbitrary JSON in some of its fields."""
    stream = draw(st.sampled_from([name for name in STREAMS if name != "events"]))
    record = whole(stream, draw(st.sampled_from(["a", "b", "c"])))
    for path in draw(st.lists(st.sampled_from(fields_of(stream)), max_size=4)):
        if path == ("id",):
            continue
        with contextlib.suppress(LookupError, TypeError):
            record = spoilt(record, path, draw(JSON))
    return stream, record


EXAMPLES = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(EXAMPLES, max_examples=60)
@given(records=st.lists(a_record(), min_size=1, max_size=8))
def test_arbitrary_records_stop_nothing(pair: Pair, records: list[tuple[str, Record]]) -> None:
    pair.sandbox.reset()
    pair.sandbox.faults(quota_enabled=False)
    for path in (pair.folder / "ledger").glob("*"):
        path.unlink()
    report = load(pair, records, subsessions="as_sessions", max_failed_percent=100)
    assert_the_sound_records_arrived(pair)
    assert_nothing_unsafe_was_sent(pair)
    assert_nothing_unsafe_is_reported(report)


@settings(EXAMPLES, max_examples=500)
@given(line=st.text() | JSON.map(json.dumps) | st.binary().map(lambda b: b.decode("latin-1")))
def test_an_arbitrary_line_is_a_message_or_refused(line: str) -> None:
    with contextlib.suppress(TargetError):
        assert LineReader().deserialize_json(line)["type"]


@settings(EXAMPLES, max_examples=150)
@given(
    parts=st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH"])},
            optional={
                "stream": st.sampled_from([*STREAMS, "x"]) | JSON,
                "record": st.dictionaries(st.sampled_from(["id", "event_id", "x"]), JSON) | JSON,
                "schema": st.fixed_dictionaries({"properties": st.just({})}) | JSON,
                "key_properties": st.just(["id"]) | JSON,
                "value": st.dictionaries(st.text(), JSON) | JSON,
                "version": JSON,
            },
        ),
        max_size=4,
    )
)
def test_arbitrary_messages_are_taken_or_refused(pair: Pair, parts: list[Record]) -> None:
    settings = pair.target_config(
        api_url="http://127.0.0.1:9",
        event_mappings=[{"sessionboard_event_id": 7, "swoogo_event_id": 7}],
        report_path="",
    )
    target = TargetSwoogo(config=settings)
    lines = messages([]) + "\n".join(json.dumps(part) for part in parts)
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.closing(target.ledger),
        contextlib.suppress(*REFUSALS),
    ):
        target.listen(io.StringIO(lines))
