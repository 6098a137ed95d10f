"""Changes of fields as people read them: names for ids, text for HTML, long texts cut. Pure."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

import nh3

from target_swoogo.model import Ref
from target_swoogo.wording import shown

if TYPE_CHECKING:
    from target_swoogo.actions import Action, Change
    from target_swoogo.model import Value
    from target_swoogo.report_directory import Directory

_WORDS = {"location_id": "room", "track_id": "track", "level": "sponsor level"}
_HTML = frozenset({"description", "bio"})
_SHORT = 160
_CONTEXT = 40
_WHOLE = 2_000
_PARSED = 20_000
"""Characters of HTML that are turned into text; what is shown ends long before."""
_MOST_TAGS = 2_000
_BREAK = re.compile(
    r"</?(?:p|div|section|article|br|hr|blockquote|pre|h[1-6]|[uod]l|li|dt|dd|table|tr)\b[^<>]*>",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s*\n\s*")


class Excerpt(NamedTuple):
    """A value, or the part of it that matters.

    Attributes:
        before: Text before what changed.
        text: What changed; all of it for a short value.
        after: Text behind it.
        whole: The whole value, or its beginning; None where the excerpt is all of it.
        missing: How many characters `whole` lacks.
    """

    before: str
    text: str
    after: str
    whole: str | None = None
    missing: int = 0


class FieldChange(NamedTuple):
    """What became of one field.

    Attributes:
        name: The field, in words.
        old: What it was; None where nothing was there.
        new: What it is; None where nothing is there.
    """

    name: str
    old: Excerpt | None
    new: Excerpt | None

    @property
    def long(self) -> bool:
        """Whether both are better read one below the other."""
        return any(one and len("".join(one[:3])) > _CONTEXT for one in (self.old, self.new))


def field_changes(action: Action, where: Directory) -> list[FieldChange]:
    """What an action changes, field by field; those that were and stay empty are left out."""
    changes = [_field(name, change, where) for name, change in action.changes.items()]
    return [change for change in changes if change.old or change.new]


def plain(text: str) -> str:
    """The text of HTML, a line per block; plain text as it is."""
    if not {"<", "&"} & set(text) or text.count("<", 0, _PARSED) > _MOST_TAGS:
        return text
    parsed = unescape(nh3.clean(_BREAK.sub("\n", text[:_PARSED]), tags=set()))
    return _SPACE.sub("\n", parsed).strip() + text[_PARSED:]


def _field(name: str, change: Change, where: Directory) -> FieldChange:
    old, new = _text(name, change.old, where), _text(name, change.new, where)
    if name in _HTML:
        read = plain(old), plain(new)
        # Where nothing but the markup changed, it is shown.
        old, new = (old, new) if read[0] == read[1] else read
    before, after = _excerpts(old, new)
    return FieldChange(_WORDS.get(name, name.replace("_", " ")), before, after)


def _text(name: str, value: Value, where: Directory) -> str:
    if isinstance(value, Ref) and (value.kind, value.source_id) in where.labels:
        return where.labels[value.kind, value.source_id]
    if isinstance(value, int) and value in where.choices.get(name, ()):
        return where.choices[name][value]
    said = shown(name, value)
    return "" if said is None else str(said)


def _excerpts(old: str, new: str) -> tuple[Excerpt | None, Excerpt | None]:
    start, end = 0, 0
    if min(len(old), len(new)) > _CONTEXT:
        start, end = _common(old, new)
    return _excerpt(old, start, end), _excerpt(new, start, end)


def _common(old: str, new: str) -> tuple[int, int]:
    """How many characters two texts share at their beginning and at their end, in whole words."""
    start = _last_gap(old, _shared(old, new))
    ends = (old[start:][::-1], new[start:][::-1])
    return start, _last_gap(ends[0], _shared(*ends))


def _shared(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _last_gap(text: str, end: int) -> int:
    return max(text.rfind(" ", 0, end), text.rfind("\n", 0, end)) + 1


def _excerpt(text: str, start: int, end: int) -> Excerpt | None:
    if not text:
        return None
    stop = len(text) - end
    before, middle, after = text[:start], text[start:stop], text[stop:]
    if len(text) <= _SHORT:
        return Excerpt(before, middle, after)
    if len(before) > _CONTEXT:
        before = f"…{before[-_CONTEXT:].partition(' ')[2]}"
    if len(middle) > _SHORT:
        middle, after = f"{middle[:_SHORT].rpartition(' ')[0] or middle[:_SHORT]}…", ""
    elif len(after) > _CONTEXT:
        after = f"{after[:_CONTEXT].rpartition(' ')[0]}…"
    before, middle, after = (part.replace("\n", " ") for part in (before, middle, after))
    return Excerpt(before, middle, after, text[:_WHOLE], max(len(text) - _WHOLE, 0))
