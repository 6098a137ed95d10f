"""Singer records into the ledger, batch by batch, each in one transaction."""

from __future__ import annotations

import io
import json
import math
import re
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import fastjsonschema
import msgspec
from singer_sdk.contrib.msgspec import MsgSpecReader
from singer_sdk.exceptions import InvalidJSONSchema, InvalidRecord
from singer_sdk.sinks import BatchSink, RecordSink
from singer_sdk.sinks.core import BaseJSONSchemaValidator
from typing_extensions import override

from target_swoogo.errors import TargetError
from target_swoogo.source import LONGEST_RECORD_ID, MOST_EVENT_ID, RECORD_ID, EventId, RecordId

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence
    from typing import IO

    from target_swoogo.target import TargetSwoogo

_BATCH = 1000
_NOWHERE = -1
"""The event of records that name none: they are kept, and belong to no event pair."""

_LONGEST_STREAM = 255
_DEEPEST = 100
_LONGEST_NUMBER = 300
# A string that never ends runs to the end: no part of the line is looked at twice.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)

_MESSAGES: dict[str, dict[str, type]] = {
    "SCHEMA": {"stream": str, "schema": dict},
    "RECORD": {"stream": str, "record": dict},
    "STATE": {"value": dict},
    "ACTIVATE_VERSION": {"stream": str},
}
"""The messages this target takes, and what it reads of each.

A BATCH is not among them: it names files to be read, which nobody here asked for.
"""

_NO_CONTEXT: dict[str, Any] = {}

_is_record_id = re.compile(RECORD_ID).match

_encode = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


class LineReader(MsgSpecReader):
    """Reads Singer lines fast, and never prints one: they hold people's data."""

    last = ""
    """The type of the last message. A tap that came to its end has told its state last."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: set[str] = set()

    @override
    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        lines = file_input or self.default_input
        if isinstance(lines, io.TextIOWrapper):
            # Whatever the locale; a byte that is not UTF-8 spoils its letter, not the run.
            lines.reconfigure(encoding="utf-8-sig", errors="replace")
        # Nothing is ever removed from Swoogo, so no version of a table replaces another.
        return super().process_lines(lines, callbacks | {"ACTIVATE_VERSION": _ignore})

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        try:
            message = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            message = _lenient(line)
        if not isinstance(message, dict):
            raise _malformed("it is not a JSON object")
        if not self._is_usual(message):
            _check(message)
            if message["type"] != "RECORD" and _shallow(line) != line:
                raise _malformed("it is nested too deeply")
            if message["type"] == "SCHEMA":
                self._streams.add(message["stream"])
        self.last = message["type"]
        return message

    def _is_usual(self, message: dict[str, Any]) -> bool:
        """Whether it is what nearly all are: a record of a stream whose name was checked before."""
        stream = message.get("stream")
        return (
            message.get("type") == "RECORD"
            and type(message.get("record")) is dict
            and type(stream) is str
            and stream in self._streams
        )

    @staticmethod
    @override
    def assert_line_requires(line_dict: dict[str, Any], requires: set[str]) -> None:
        """Every message was checked as soon as it was read."""


def _ignore(message: dict[str, Any]) -> None:
    """Does nothing."""


def _check(message: dict[str, Any]) -> None:
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _MESSAGES:
        raise _malformed(f"its type is none of {', '.join(_MESSAGES)}")
    for name, wanted in _MESSAGES[kind].items():
        if not isinstance(message.get(name), wanted):
            raise _malformed(f"it is a {kind} without a proper {name}")
    if "stream" in _MESSAGES[kind]:
        stream = message["stream"]
        if not (stream.isprintable() and 0 < len(stream) <= _LONGEST_STREAM):
            raise _malformed("its stream has no proper name")
    if kind == "SCHEMA":
        keys = message.get("key_properties") or []
        if not isinstance(message["schema"].get("properties"), dict):
            raise _malformed("its schema lacks properties")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise _malformed("its key_properties are not a list of names")


def _lenient(line: str) -> object:
    """Takes what the fast parser does not: lone surrogates, boundless numbers and nesting.

    None of it can be sent to anyone, so a letter becomes ``?`` and a number or a value ``null``.
    """
    try:
        value = json.loads(
            _shallow(line),
            parse_int=lambda digits: int(digits) if len(digits) < _LONGEST_NUMBER else None,
            parse_float=lambda digits: number if math.isfinite(number := float(digits)) else None,
            parse_constant=lambda _: None,
        )
        text = json.dumps(value, ensure_ascii=False)
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise _malformed("it is not JSON") from None


def _shallow(line: str) -> str:
    """The line with ``null`` for whatever is nested deeper than any real record, unparsed."""
    kept: list[str] = []
    depth = end = 0
    for token in _TOKEN.finditer(line):
        if token[0] in "[{":
            depth += 1
            if depth == _DEEPEST:
                kept += line[end : token.start()], "null"
        elif token[0] in "]}":
            if depth == _DEEPEST:
                end = token.end()
            depth -= 1
    return "".join(kept) + line[end:] if depth == 0 else line


def _malformed(why: str) -> TargetError:
    return TargetError(
        "singer_line_malformed",
        f"A line of the tap's output is not a Singer message: {why}. The run stopped there; what "
        f"was committed before is kept and the bookmark was not moved past it. Check that the tap "
        f"prints nothing but Singer messages to standard output.",
    )


def _refuse_to_fetch(uri: str) -> None:
    raise fastjsonschema.JsonSchemaDefinitionException(uri)


# A schema that refers to an address would have it fetched, from wherever it leads.
_NO_HANDLERS = dict.fromkeys(("", "http", "https", "ftp", "file", "data"), _refuse_to_fetch)


class _CompiledValidator(BaseJSONSchemaValidator):
    """Validates with compiled code, several times as fast as the SDK's own validator.

    It is compiled for the first record, for most runs bring none to most streams.
    """

    @cached_property
    def _validate(self) -> Callable[[dict[str, Any]], object]:
        try:
            return fastjsonschema.compile(
                self.schema,
                handlers=_NO_HANDLERS,
                formats={},
                use_formats=False,
                detailed_exceptions=False,  # compiling takes a third of the time
            )
        except Exception as error:
            # Whatever the compiler trips over, it is the schema that is to be mended.
            message = f"the schema is not valid ({type(error).__name__})."
            raise InvalidJSONSchema(message) from error

    @override
    def validate(self, record: dict[str, Any]) -> None:
        validate = self._validate
        try:
            validate(record)
        except fastjsonschema.JsonSchemaValueException as error:
            # The path, not the value: it may be someone's.
            raise InvalidRecord(error.message.partition(" must ")[0], {}) from None
        except (ArithmeticError, RecursionError, TypeError, ValueError):
            raise InvalidRecord("a value that cannot be checked", {}) from None


class SourceSink(BatchSink):
    """Keeps the records of one stream in the ledger, as received."""

    MAX_SIZE_DEFAULT = _BATCH

    def __init__(
        self,
        target: TargetSwoogo,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._ledger = target.ledger
        self._events = target.received if stream_name == "events" else set()
        self._keys = frozenset(self.key_properties)
        self._batch: list[tuple[int, str, bytes]] = []
        self._invalid = 0
        self._homeless = False

    @override
    def get_validator(self) -> BaseJSONSchemaValidator | None:
        return _CompiledValidator(self.schema) if self.validate_schema else None

    @override
    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Validate, but keep even an invalid record, and every value as it was received.

        A record is judged by the rules, which refuse it with a reason; raising here would stop all
        the others.
        """
        if self._validator is not None:
            try:
                self._validator.validate(record)
            except InvalidRecord as error:
                self._invalid += 1
                if self._invalid == 1:
                    self.logger.warning(
                        "A record of stream %s does not fit the tap's schema at %s",
                        self.stream_name,
                        error.error_message,
                    )
        return record

    @override
    def _get_context(self, record: dict[str, Any]) -> dict[str, Any]:
        return {}

    @override
    def _after_process_record(self, context: dict[str, Any]) -> None:
        """The SDK would print the batch at debug level; it is people's data."""

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        own = record.get("id")
        event_id = _event_id(own if self.stream_name == "events" else record.get("event_id"))
        if event_id == _NOWHERE and not self._homeless:
            self._homeless = True
            self.logger.warning(
                "Records of stream %s name no event that could be one, so they are kept but belong "
                "to no event pair; check the tap's version and its stream maps. "
                "[record_without_event]",
                self.stream_name,
            )
        self._events.add(event_id)
        self._batch.append((event_id, _record_id(own), _payload(record)))

    def take(self, record: dict[str, Any]) -> None:
        """Does for a record that no stream map changes all that the SDK would do.

        Args:
            record: The record.

        Raises:
            MissingKeyPropertiesError: It lacks a key property.
        """
        self._remove_sdc_metadata_from_record(record)
        self._validate_and_parse(record)
        if not self._keys <= record.keys():
            self._singer_validate_message(record)
        self.tally_record_read()
        self.process_record(record, _NO_CONTEXT)
        self.record_counter_metric.increment()

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        with self._ledger.commit():
            self._ledger.put(self.stream_name, self._batch)
        self._batch = []


def _event_id(value: object) -> int:
    if type(value) is int and 0 <= value <= MOST_EVENT_ID:
        return value  # as nearly all are; converting takes longer
    try:
        return msgspec.convert(value, EventId, strict=False)
    except msgspec.ValidationError:
        return _NOWHERE


def _record_id(value: object) -> str:
    """The id to keep a record by; one that is none gets a name, so that the rules can refuse it."""
    if isinstance(value, str) and len(value) <= LONGEST_RECORD_ID and _is_record_id(value):
        return value  # as nearly all are; converting takes longer
    text = str(value) if type(value) is int else value
    try:
        return msgspec.convert(text.strip() if isinstance(text, str) else text, RecordId)
    except msgspec.ValidationError:
        return f"unusable-{blake2b(_payload(value), digest_size=8).hexdigest()}"


def _payload(value: object) -> bytes:
    try:
        return _encode(value)
    except RecursionError:
        return b"null"  # nested to the edge of what could be read; the rules refuse it


class IgnoringSink(RecordSink):
    """Counts the records of a stream that means nothing to Swoogo, whatever they are."""

    @override
    def setup(self) -> None:
        super().setup()
        self.logger.warning(
            "Stream %s is not one of Sessionboard's programme; its records are ignored.",
            self.stream_name,
        )

    @override
    def get_validator(self) -> None:
        return None

    @override
    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Nothing to do: the SDK counts."""
