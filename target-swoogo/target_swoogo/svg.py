"""Says whether an SVG is safe to pass on: a drawing that runs nothing and fetches nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Mapping

_SVG = "http://www.w3.org/2000/svg"
_XHTML = "http://www.w3.org/1999/xhtml"

# By local name in whatever namespace: a browser looks at few of them, a converter perhaps at more.
_ACTIVE_ELEMENTS = frozenset(
    {
        "script",
        "handler",
        "listener",
        "foreignobject",
        "iframe",
        "object",
        "embed",
        "audio",
        "video",
    }
)
_REFERENCES = frozenset({"href", "src"})
_INSIDE = re.compile(
    r"\s*(?:#|data:(?:image/(?:png|jpe?g|gif|webp)|(?:application/(?:x-)?font|font/)[\w.+-]*)[;,])",
    re.IGNORECASE,
)
_CSS_URL = re.compile(r"""url\(\s*["']?(?P<target>[^)]*)""", re.IGNORECASE)
# A backslash can spell any of the others.
_CSS_HAZARD = re.compile(r"@import|image-set|expression\s*\(|-moz-binding|\\", re.IGNORECASE)


class NotSvgError(ValueError):
    """The bytes are not an SVG document at all."""


class BrokenSvgError(ValueError):
    """The bytes begin as an SVG document and are not well-formed XML."""


class _HazardFoundError(Exception):
    """Ends the parse; its text is the hazard."""


def find_hazard(content: bytes) -> str | None:
    """Looks for anything in an SVG document that could act or reach outside of it.

    Refused are scripts, event handlers, embedded HTML and media, references to anything but the
    document itself and embedded bitmaps or fonts, style sheets that fetch, and document type
    declarations (so no entity is ever defined, and none expanded).

    Args:
        content: The document as bytes, in any encoding that its XML declaration may name.

    Returns:
        The first hazard in a few words, such as ``a script``; None when there is none.

    Raises:
        NotSvgError: The root element is not SVG's.
        BrokenSvgError: The document is cut off or malformed.
    """
    inspector = _Inspector()
    try:
        inspector.parse(content)
    except _HazardFoundError as hazard:
        return str(hazard)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if not inspector.is_svg:
            raise NotSvgError(str(error)) from error
        raise BrokenSvgError(str(error)) from error
    return None


class _Inspector:
    """Reads the document as a stream of events, so that depth and size cost no memory."""

    def __init__(self) -> None:
        self.is_svg = False
        self._styles: list[str] = []
        self._styles_open = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.ProcessingInstructionHandler = self._instruction
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def parse(self, content: bytes) -> None:
        self._parser.Parse(content, True)  # noqa: FBT003 - expat takes it by position only

    def _doctype(self, name: str, *_: object) -> None:
        if name.lower() != "svg":
            raise NotSvgError(name)
        msg = "a document type declaration"
        raise _HazardFoundError(msg)

    def _instruction(self, target: str, _data: str) -> None:
        if target.lower() == "xml-stylesheet":
            msg = "a reference to a style sheet"
            raise _HazardFoundError(msg)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        local = local.lower()
        if not self.is_svg:
            if (namespace, local) != (_SVG, "svg"):
                raise NotSvgError(name)
            self.is_svg = True
        if namespace == _XHTML or local in _ACTIVE_ELEMENTS:
            msg = "a script" if local == "script" else f'an element "{local}"'
            raise _HazardFoundError(msg)
        for attribute, value in attributes.items():
            _check_attribute(attribute.lower(), value)
        self._styles_open += local == "style"

    def _text(self, text: str) -> None:
        if self._styles_open:
            self._styles.append(text)

    def _end(self, name: str) -> None:
        if name.rpartition(" ")[2].lower() == "style":
            self._styles_open -= 1
            if not self._styles_open:
                _check_css("".join(self._styles))
                self._styles.clear()


def _check_attribute(name: str, value: str) -> None:
    namespace, _, name = name.rpartition(" ")
    if name.startswith("on"):
        msg = "an event handler"
        raise _HazardFoundError(msg)
    if name == "base" or (name in _REFERENCES and not _INSIDE.match(value)):
        msg = "a reference to another address"
        raise _HazardFoundError(msg)
    if name == "attributename":  # an animation could write what is refused above
        target = value.strip().rpartition(":")[2].lower()
        if target in _REFERENCES or target.startswith("on"):
            msg = "an animated reference or event handler"
            raise _HazardFoundError(msg)
    if not namespace:  # style, fill, filter, mask, clip-path, marker, cursor …
        _check_css(value)


def _check_css(css: str) -> None:
    if _CSS_HAZARD.search(css) or not all(
        _INSIDE.match(found["target"]) for found in _CSS_URL.finditer(css)
    ):
        msg = "a style that fetches something"
        raise _HazardFoundError(msg)
