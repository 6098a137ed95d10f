"""JSON in, however broken."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tap_sessionboard.encoding import is_json, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=1000, derandomize=True)
@given(value=VALUES, place=st.integers(0, 200), put_in=st.binary(max_size=2), cut=st.booleans())
@example(value="", place=1, put_in=b"\xff", cut=False)
@example(value="", place=1, put_in=b"\xed\xa0", cut=False)
def test_what_is_taken_for_json_can_be_parsed(
    *, value: object, place: int, put_in: bytes, cut: bool
) -> None:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    broken = text[:place] + put_in + (b"" if cut else text[place:])
    for one in (text, broken):
        if is_json(one):
            parse(one)
        else:
            with pytest.raises(ValueError):  # noqa: PT011 - whichever
                parse(one)
