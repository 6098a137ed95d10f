"""JSON in and out: the fast library's, and the standard one's for what that does not take.

Neither lone surrogates, which JSON can spell and UTF-8 cannot, nor whole numbers of any length may
end a run; the target decides what becomes of a record that has them.
"""

from __future__ import annotations

import json
import sys
import typing as t

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder
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
        end = len(self._waiting)
        try:
            # As `format_message` does it, without a copy.
            encoder.encode_into(message.to_dict(), self._waiting, end)
            self._waiting += b"\n"
        except UnicodeEncodeError:
            self._waiting[end:] = json.dumps(message.to_dict()).encode("ascii") + b"\n"
        if not isinstance(message, RecordMessage) or len(self._waiting) > _MOST_WAITING:
            sys.stdout.buffer.write(self._waiting)
            sys.stdout.flush()
            self._waiting.clear()


_MOST_WAITING = 65_536
