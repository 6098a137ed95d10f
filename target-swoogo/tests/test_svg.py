"""Drawings that act or fetch are found; ordinary ones are not."""

from __future__ import annotations

import pytest
from target_swoogo.svg import BrokenSvgError, NotSvgError, find_hazard

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def drawing(inside: str) -> bytes:
    return f"{OPEN}{inside}</svg>".encode()


@pytest.mark.parametrize(
    "inside",
    [
        '<path d="M0 0h1v1z" fill="#fff" style="stroke:red;fill:url(#g)"/>',
        '<style>.a{fill:url("#g")} /* plain */</style><g class="a" filter="url(#f)"/>',
        '<defs><linearGradient id="g"/></defs><use xlink:href="#g"/><use href="#g"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        "<style>@font-face{src:url(data:font/woff2;base64,AAAA)}</style>",
        '<animate attributeName="opacity" from="0" to="1" dur="1s"/>',
        '<g xmlns:i="http://www.inkscape.org/" i:path="C:\\logo.svg"/><!-- made by hand -->',
        "<title>one &amp; only</title><metadata/>",
    ],
)
def test_a_plain_drawing_has_no_hazard(inside: str) -> None:
    assert find_hazard(drawing(inside)) is None


@pytest.mark.parametrize(
    ("inside", "hazard"),
    [
        ("<script>alert(1)</script>", "a script"),
        ('<x:SCRIPT xmlns:x="urn:x"/>', "a script"),
        ('<g onload="alert(1)"/>', "an event handler"),
        ('<g ONCLICK="alert(1)"/>', "an event handler"),
        ("<foreignObject><p/></foreignObject>", 'an element "foreignobject"'),
        ('<g><b xmlns="http://www.w3.org/1999/xhtml">x</b></g>', 'an element "b"'),
        ('<image href="https://evil.example/pixel.png"/>', "a reference to another address"),
        ('<use xlink:href="file:///etc/passwd#x"/>', "a reference to another address"),
        ('<a href="javascript:alert(1)"><g/></a>', "a reference to another address"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "a reference to another address"),
        ('<g xml:base="https://evil.example/"/>', "a reference to another address"),
        ('<set attributeName="xlink:href" to="x"/>', "an animated reference or event handler"),
        ('<animate attributeName="onload" to="x"/>', "an animated reference or event handler"),
        ("<style>@import 'https://evil.example/a.css';</style>", "a style that fetches something"),
        ("<style>a<x/>b{fill:url(//evil.example)}</style>", "a style that fetches something"),
        ("<style><style/>b{fill:url(//evil.example)}</style>", "a style that fetches something"),
        ("<style><![CDATA[b{fill:\\75rl(//evil)}]]></style>", "a style that fetches something"),
        ("<g style=\"background:URL( 'https://evil' )\"/>", "a style that fetches something"),
        ('<g fill="url(https://evil.example/#g)"/>', "a style that fetches something"),
        ("<g cursor=\"image-set('https://evil' 1x)\"/>", "a style that fetches something"),
        ('<?xml-stylesheet href="https://evil.example/a.css"?>', "a reference to a style sheet"),
    ],
)
def test_what_acts_or_fetches_is_named(inside: str, hazard: str) -> None:
    assert find_hazard(drawing(inside)) == hazard


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">',
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_no_document_type_is_declared(prologue: str) -> None:
    document = prologue.encode() + drawing("<text>&b;&x;</text>")
    assert find_hazard(document) == "a document type declaration"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_hide_nothing(encoding: str) -> None:
    assert find_hazard(drawing("<script/>").decode().encode(encoding)) == "a script"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><body>Not found</body></html>",
        b"<!DOCTYPE html><html></html>",
        b"<svg></svg>",
        b"<?xml version='1.0' encoding='no-such'?><svg/>",
        b"text",
    ],
)
def test_other_documents_are_not_svg(content: bytes) -> None:
    with pytest.raises(NotSvgError):
        find_hazard(content)


def test_a_document_that_is_cut_off_is_broken() -> None:
    with pytest.raises(BrokenSvgError):
        find_hazard(drawing("<g/>")[:-3])


def test_depth_costs_nothing() -> None:
    assert find_hazard(drawing("<g>" * 50_000 + "</g>" * 50_000)) is None
