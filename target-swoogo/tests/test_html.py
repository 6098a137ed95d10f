"""Text from elsewhere: what stays, what goes, and that a second pass changes nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from target_swoogo.html import clean_text, sanitize

ALLOWED = {
    *("p", "div", "section", "article", "br", "hr", "blockquote", "pre"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("a", "b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "code", "span"),
}
ATTRIBUTES = {"href", "title", "rel", "colspan", "rowspan"}


class Audit(HTMLParser):
    """Another parser's view of the outcome."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        for name, value in attrs:
            assert name in ATTRIBUTES
            if name == "href":
                assert (value or "").lower().startswith(("http://", "https://", "mailto:"))

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data!r}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl!r}")

    def handle_pi(self, data: str) -> None:
        pytest.fail(f"an instruction: {data!r}")


def audit(html: str) -> None:
    parser = Audit()
    parser.feed(html)
    parser.close()


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1) ",
    "<p onclick=alert(1)>text</p>",
    "<p style='background:url(javascript:alert(1))'>text</p>",
    "<a href='javascript:alert(1)'>text</a>",
    "<a href=' java\tscript:alert(1)'>text</a>",
    "<a href='&#106;avascript:alert(1)'>text</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>text</a>",
    "<a href='vbscript:x' target=_blank>text</a>",
    "<a href='//evil.example'>text</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action=x><input name=y><button formaction=javascript:x>go</button></form>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><p title='--&gt;&lt;img onerror=x&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "<!DOCTYPE html><html><head><base href=x><meta http-equiv=refresh content=0></head></html>",
    "<link rel=stylesheet href=//evil.example><style>@import 'x'</style>",
    "<\0script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script></textarea>",
    "<xmp><script>alert(1)</script></xmp><plaintext>",
    "</p><",
    "<a href=http://x.example/ title='<script>alert(1)</script>'>text</a>",
]


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_becomes_harmless(html: str) -> None:
    outcome = sanitize(html)
    audit(outcome)
    assert "alert(1)" not in outcome or "<script" not in outcome
    assert sanitize(outcome) == outcome


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain text.",
        "a < b & c",
        "Tom & Jerry &amp; friends",
        "We <3 Python; x<5 and 3>2",
        "Zoë — naïve 日本語 👩‍💻",
        "tab\tand\nline",
        "&lt;script&gt; is a tag",
        "if a <- b then <= c",
    ],
)
def test_plain_text_comes_back_as_it_is(text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize(
    "html",
    [
        "<p>One <strong>two</strong> <em>three</em> <u>four</u><br>five</p>",
        "<ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>",
        "<h1>a</h1><h6>b</h6><blockquote>c</blockquote><pre><code>d\n  e</code></pre>",
        '<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>',
        "<div>a</div><div>b</div><span>c</span>",
        "<p>1 &lt; 2 &amp; 3</p>",
    ],
)
def test_formatting_stays(html: str) -> None:
    assert sanitize(html) == html


def test_links_keep_their_address_and_lose_their_power() -> None:
    html = '<a href="https://example.org/?a=1&amp;b=2" target="_blank" onclick="x()">y</a>'
    expected = '<a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer">y</a>'
    assert sanitize(html) == expected
    assert 'href="mailto:a@example.org"' in sanitize('<a href="mailto:a@example.org">a</a>')


def test_scripts_go_with_their_content_and_images_without_a_trace() -> None:
    assert sanitize("a<script>evil()</script><style>b{}</style>c") == "ac"
    assert sanitize('a<img src="https://example.org/pixel.gif" alt="b">c') == "ac"


def test_text_within_unknown_tags_stays() -> None:
    assert sanitize("<custom-tag>kept</custom-tag><font color=red>too</font>") == "kepttoo"


def test_a_tag_that_never_ends_swallows_no_text() -> None:
    assert sanitize("prices <b 100 euros") == "prices &lt;b 100 euros"
    assert sanitize("<p>a</p> and a <b") == "<p>a</p> and a &lt;b"


def test_leading_lines_of_preformatted_text_survive_every_pass() -> None:
    html = "<pre>\n\n\ncode</pre>"
    assert sanitize(html) == html


def test_too_many_tags_are_shown_and_not_parsed() -> None:
    html = "<div>" * 100_000
    assert sanitize(html) == "&lt;div>" * 100_000


@given(st.text(alphabet=st.sampled_from("<>/!?&;'\"=- abpi\n\r\0#x0amlt"), max_size=200))
@settings(max_examples=400, deadline=None)
def test_sanitizing_twice_is_sanitizing_once(text: str) -> None:
    once = sanitize(text)
    audit(once)
    assert sanitize(once) == once


PIECES = [
    *("<p>", "</p>", "<b>", "</b>", "<a href='http://x.example'>", "</a>", "<ul>", "<li>", "</ul>"),
    *("<table>", "<tr>", "<td>", "</table>", "<pre>", "</pre>", "<h1>", "</h2>", "<div>", "</div>"),
    *("<script>", "</script>", "<svg>", "<math>", "<style>", "</style>", "<select>", "<template>"),
    *("<!--", "-->", "<noscript>", "<title>", "<textarea>", "<font size=1>", "<br>", "<dd>"),
    *("<frameset>", "<body onload=x>", "<html>", "<caption>", "<col>", "<mi>", "<desc>", "<hr>"),
    *("\n", "text", "&amp;", "&lt;", "<", ">", "&", "\u00a0", "é"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=600, deadline=None)
def test_misnested_markup_settles_in_one_pass(html: str) -> None:
    once = sanitize(html)
    audit(once)
    assert sanitize(once) == once


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="<")))
@settings(deadline=None)
def test_no_letter_changes_where_there_is_no_markup(text: str) -> None:
    assert sanitize(text) == text


def test_control_characters_go_and_line_ends_agree() -> None:
    assert clean_text("a\0b\x07c\x1b[0m\td\r\ne\rf\ng\ud800") == "abc[0m\td\ne\nf\ng"


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_can_be_stored_and_sent(text: str) -> None:
    cleaned = clean_text(text)
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in cleaned)
    assert cleaned.encode().decode() == cleaned == clean_text(cleaned)
