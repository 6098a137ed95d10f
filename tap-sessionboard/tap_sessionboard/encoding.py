"""JSON in and out: the fast library's, and the standard one's for what that does not take.

Neither lone surrogates, which JSON can spell and UTF-8 cannot, nor whole numbers of any length may
end a run; the target decides what becomes of a record that has them.
"""

from __future__ import annotations

import json
import sys
import typing as t
from datetime import datetime, timezone

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter, enc_hook, encoder
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

if t.TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


def parse(text: bytes) -> t.Any:
    """Read a JSON text.

    Args:
        text: The text, in UTF-8.

    Returns:
        Its value.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


def is_json(text: bytes) -> bool:
    """Tell whether `parse` can read a text, in a fraction of its time.

    Args:
        text: The text.
    """
    try:
        if not text.isascii():
            text.decode()  # or the fast library would pass over it
        msgspec.json.decode(text, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError):
        try:
            json.loads(text)
        except ValueError:
            return False
    return True


class Writer(MsgSpecWriter):
    """Writes Singer messages; records leave many at once, for each write waits for its turn.

    Whoever reads may rely on records only when the state after them has come, so that those
    which a failure leaves unsent are not missed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    @override
    def write_message(self, message: Message) -> None:
        self._add(message.to_dict())
        if not isinstance(message, RecordMessage) or len(self._waiting) > _MOST_WAITING:
            self._let_go()

    def write_record(self, stream: str, record: dict[str, t.Any]) -> None:
        """Write a record that needs nothing of what a `RecordMessage` does for it.

        Args:
            stream: Its stream.
            record: The record.
        """
        now = datetime.now(timezone.utc)
        self._add({"type": "RECORD", "stream": stream, "record": record, "time_extracted": now})
        if len(self._waiting) > _MOST_WAITING:
            self._let_go()

    def _add(self, message: dict[str, t.Any]) -> None:
        waiting = self._waiting
        end = len(waiting)
        try:
            encoder.encode_into(message, waiting, end)
            waiting += b"\n"
        except UnicodeEncodeError:
            waiting[end:] = json.dumps(message, default=enc_hook).encode("ascii") + b"\n"

    def _let_go(self) -> None:
        sys.stdout.buffer.write(self._waiting)
        sys.stdout.flush()
        self._waiting.clear()


_MOST_WAITING = 65_536
