"""Singer records into the ledger, batch by batch, each in one transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fastjsonschema
import msgspec
from singer_sdk.contrib.msgspec import MsgSpecReader
from singer_sdk.exceptions import InvalidJSONSchema, InvalidRecord
from singer_sdk.sinks import BatchSink, RecordSink
from singer_sdk.sinks.core import BaseJSONSchemaValidator
from typing_extensions import override

from target_swoogo.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_swoogo.target import TargetSwoogo

_BATCH = 1000
_LONGEST_ID = 128
_encode = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


class LineReader(MsgSpecReader):
    """Reads Singer lines fast, and never prints one: they hold people's data."""

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        try:
            message = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            message = _lenient(line)
        if not isinstance(message, dict):
            raise _malformed("it is not a JSON object")
        return message

    @staticmethod
    @override
    def assert_line_requires(line_dict: dict[str, Any], requires: set[str]) -> None:
        missing = requires - line_dict.keys()
        if missing:
            raise _malformed(f"it lacks {', '.join(sorted(missing))}")

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        raise _malformed("its type is none of Singer's")


def _lenient(line: str) -> object:
    """Python's own parser takes what the fast one does not: lone surrogates, huge numbers."""
    try:
        return json.loads(line.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise _malformed("it is not JSON") from None


def _malformed(why: str) -> TargetError:
    return TargetError(
        "singer_line_malformed",
        f"A line of the tap's output is not a Singer message: {why}. The run stopped there; what "
        f"was committed before is kept and the bookmark was not moved past it. Check that the tap "
        f"prints nothing but Singer messages to standard output.",
    )


class _CompiledValidator(BaseJSONSchemaValidator):
    """Validates with compiled code, several times as fast as the SDK's own validator."""

    def __init__(self, schema: dict[str, Any]) -> None:
        super().__init__(schema)
        try:
            self._validate = fastjsonschema.compile(schema, formats={}, use_formats=False)
        except (fastjsonschema.JsonSchemaDefinitionException, TypeError, AttributeError) as error:
            message = f"the schema is not valid ({error})"
            raise InvalidJSONSchema(message) from error

    @override
    def validate(self, record: dict[str, Any]) -> None:
        try:
            self._validate(record)
        except fastjsonschema.JsonSchemaValueException as error:
            # The path, not the value: it may be someone's.
            raise InvalidRecord(str(error.name), {}) from None


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
        self._batch: list[tuple[int, str, bytes]] = []
        self._invalid = 0

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
        event_id, record_id = self._key(record)
        self._batch.append((event_id, record_id, _payload(record)))

    def _key(self, record: dict[str, Any]) -> tuple[int, str]:
        record_id = record.get("id")
        event_id = record_id if self.stream_name == "events" else record.get("event_id")
        try:
            event = int(event_id)  # type: ignore[arg-type]
            name = str(record_id).strip()
        except (TypeError, ValueError):
            event, name = -1, ""
        usable = 0 < len(name) <= _LONGEST_ID and name.isprintable() and record_id is not None
        if not 0 <= event < 2**31 or not usable:
            raise TargetError(
                "record_without_key",
                f"A record of stream {self.stream_name} has no usable id or event_id, so it cannot "
                f"be kept. The run stopped there; the bookmark was not moved. Check the tap's "
                f"version and its stream maps.",
            )
        return event, name

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        with self._ledger.commit():
            self._ledger.put(self.stream_name, self._batch)
        self._batch = []


def _payload(record: dict[str, Any]) -> bytes:
    try:
        return _encode(record)
    except UnicodeEncodeError:
        text = json.dumps(record, ensure_ascii=True, sort_keys=True, default=str)
        return _encode(json.loads(text.encode().decode("utf-8", "replace")))


class IgnoringSink(RecordSink):
    """Counts the records of a stream that means nothing to Swoogo."""

    @override
    def setup(self) -> None:
        super().setup()
        self.logger.warning(
            "Stream %s is not one of Sessionboard's programme; its records are ignored.",
            self.stream_name,
        )

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Nothing to do: the SDK counts."""
