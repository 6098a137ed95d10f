"""Makes text from elsewhere safe to show: markup reduced to formatting, control characters out."""

from __future__ import annotations

import re

import nh3

# Formatting, and the blocks that keep paragraphs, cells and entries from running together once
# their tags are gone. Images are not among them: they would load from a third party, unseen by
# whoever answers for the agenda.
_BLOCKS = {
    *("p", "div", "section", "article", "br", "hr", "blockquote", "pre"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
    *("ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
}
_INLINE = {"a", "b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "code", "span"}

_cleaner = nh3.Cleaner(
    tags=_BLOCKS | _INLINE,
    attributes={"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
    clean_content_tags={"script", "style"},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",  # relative to Sessionboard it would lead nowhere in Swoogo
    link_rel="noopener noreferrer",
)

# What a browser takes for the beginning of a tag, a comment or a declaration; `a < b` and `<3` are
# text to it.
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])")
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# The time of an HTML parser, and the length of what it makes of overlapping tags, can grow with the
# square of their number; no agenda has so many.
_MOST_TAGS = 2_000
_MOST_PASSES = 10


def sanitize(html: str) -> str:
    r"""Reduces HTML to harmless formatting, and leaves plain text as it is.

    Paragraphs, headings, lists, tables, quotations, emphasis, code and links (``http``, ``https``
    and ``mailto``) stay; scripts and styles go with their content; every other tag, attribute and
    comment goes and its text stays. Text in which nothing could begin a tag comes back unchanged,
    ``a < b & c`` included. Applying it twice gives the same as once. Markup that is past sorting
    out (thousands of tags, or ever new ones) is shown as text.

    Args:
        html: HTML or plain text, however hostile or broken.

    Returns:
        The text, safe to stand in a page, with the line ends of `clean_text`.
    """
    text = clean_text(html)
    if "<" not in text:
        return text
    # A tag that never ends would swallow the text behind it here, and the page behind it there.
    end = text.rfind(">") + 1
    text = text[:end] + _MARKUP.sub("&lt;", text[end:])
    if not _MARKUP.search(text):
        return text
    # Tags in the wrong places may come out so that a parser moves them once more: a browser must
    # find exactly what was checked here.
    seen = text
    for _ in range(_MOST_PASSES):
        if seen.count("<") > _MOST_TAGS and len(_MARKUP.findall(seen)) > _MOST_TAGS:
            break
        # HTML ignores one line end after <pre>: without a second one each pass would lose a line.
        cleaned = _cleaner.clean(seen).replace("<pre>\n", "<pre>\n\n")
        if cleaned == seen:
            return cleaned
        seen = cleaned
    return _MARKUP.sub("&lt;", text)


def defuse(text: str) -> str:
    """Sets a space where a browser would see a tag begin, for fields that hold no HTML.

    Args:
        text: Plain text, such as a title.

    Returns:
        The text; as HTML it is nothing but text, and to a reader it says the same.
    """
    return _MARKUP.sub("< ", text)


def clean_text(text: str) -> str:
    r"""Removes what no form field can take: control characters other than ``\t`` and ``\n``.

    Args:
        text: Any text. Lone surrogates, which JSON may spell and UTF-8 cannot, go as well.

    Returns:
        The same letters, with line ends as ``\n``.
    """
    if text.isprintable():
        return text
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
