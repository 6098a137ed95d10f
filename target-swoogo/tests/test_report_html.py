"""The report as a page: it says everything, loads nothing, and nothing in it can break out."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from target_swoogo.actions import Action, Change, HeldBack, Plan, Verb
from target_swoogo.apply import Outcome, Verdict
from target_swoogo.estimate import Estimate
from target_swoogo.ledger import Pair
from target_swoogo.model import Kind, Note, PastRun, Row
from target_swoogo.report import PairReport, RunReport
from target_swoogo.report_directory import Directory, Pages
from target_swoogo.report_html import address, instant, lasting

START = datetime(2027, 3, 1, 12, 0, 0, 987, tzinfo=timezone.utc)
NEW_YORK = ZoneInfo("America/New_York")
VOID = {"meta", "img", "br"}
INLINE = {"bdi", "span", "del", "ins", "code", "strong", "a"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer"),
    *("h1", "h2", "h3", "p", "div", "span", "bdi", "strong", "code", "br", "a", "img", "del"),
    *("ins", "dl", "dt", "dd", "ul", "li", "details", "summary", "table", "caption", "thead"),
    *("tbody", "tr", "th", "td", "svg", "rect"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "dir", "href", "rel", "src"),
    *("alt", "width", "height", "open", "scope", "role", "aria-label", "tabindex", "viewbox"),
    *("x", "y"),
}


class Page(HTMLParser):
    """What a browser would make of a page: its elements and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join("".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.texts += " " * (tag not in INLINE)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes what it did not open"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def run_report(*pairs: PairReport, **overrides: Any) -> RunReport:
    given: dict[str, Any] = {
        "run_id": "20270301T120000-abc",
        "started": START,
        "ended": START + timedelta(seconds=90),
        "dry_run": False,
        "pairs": pairs,
        "credits_used": 1234,
        "credits_left": 56789,
    }
    return RunReport(**(given | overrides))


def page(*pairs: PairReport, **overrides: Any) -> Page:
    return Page(run_report(*pairs, **overrides).as_html())


def everything(text: str, url: str) -> PairReport:
    """A report with a text in every place where one from elsewhere may stand."""
    session, speaker = Row(Kind.SESSION, "s1", text, {}), Row(Kind.SPEAKER, "p1", text, {})
    note = Note("session", "s1", text, "session_over", text)
    fields = {"name": Change(text, f"{text} new"), "description": Change(None, text), text: NEW}
    update = Action(Verb.UPDATE, session, fields)
    plan = Plan(
        skips=[note],
        warnings=[note, Note("event", "4101", text, "timezone_mismatch", text)],
        waiting=[note],
        held=[HeldBack(update, "guard_changed", text)],
    )
    outcomes = [
        Outcome(Action(Verb.CREATE, session, fields), Verdict.CREATED),
        Outcome(update, Verdict.UPDATED),
        Outcome(Action(Verb.LINK, speaker, sessions=("s1", text)), Verdict.LINKED),
        Outcome(Action(Verb.IMAGE, speaker), Verdict.IMAGE_SENT, detail=text, thumbnail=b"img"),
        Outcome(update, Verdict.FAILED, "swoogo_refused", text),
    ]
    directory = Directory(
        {session.key: Pages(url, url), speaker.key: Pages(url, url)},
        {session.key: text},
        {"name": {1: text}},
    )
    return PairReport(
        Pair(1, 4101, 77001), text, plan, outcomes, (text, text), zone=NEW_YORK, directory=directory
    )


NEW = Change(None, "x")
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "attribute": "' onmouseover='alert(1)' x='",
    "closing": "</li></ul></details></main></style></title><b>",
    "comment": "<!-- <![CDATA[ <?php",
    "template": "{{ 7 * 7 }} {% raw %} {# gone #}",
    "entity": "&lt;script&gt; &#60;b&#62;",
    "styled": "</style><style>*{display:none}</style>",
    "address": "javascript:alert(1)",
    "length": "<b>x " * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_only_ever_text(text: str) -> None:
    made = page(everything(text, text))
    assert not made.open
    assert set(made.tags) <= ALLOWED
    assert {name for _, name, _ in made.attributes} <= ATTRIBUTES
    assert made.values("href") == []
    assert made.tags["img"] == 1
    assert [v for t, n, v in made.attributes if (t, n) == ("img", "src")] == [
        "data:image/webp;base64,aW1n"
    ]
    assert " ".join(text[:100].split()) in made.text


def test_invisible_characters_do_not_garble_the_page() -> None:
    text = "A\x00B\x1b[31mC\u202eD\u2066E\x85F\ud800G"
    html = run_report(everything(text, text)).as_html()
    assert not set(html) & set("\x00\x1b\u202e\u2066\x85\ud800")
    assert "AB[31mCDEFG" in html
    html.encode()


def test_the_page_begins_as_a_document_does() -> None:
    assert run_report().as_html().startswith('<!doctype html>\n<html lang="en">\n')


def test_letters_of_all_scripts_are_kept() -> None:
    text = "Zoë 王 مرحبا \u200fשלום 👩‍🚀 Ünï"
    assert text in run_report(everything(text, text)).as_html()


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "data:text/html,x"),
        *("//evil.test", "/relative", "vbscript:x", "https:", "http://", "file:///etc/passwd"),
        *("https://a b.test", "https://a.test/\n", "https://a.test/\u202e", "https://[", ""),
        "https://a.test/" + "x" * 3_000,
    ],
)
def test_no_address_but_one_of_the_web_is_linked(url: str) -> None:
    assert address(url) is None
    assert page(everything("text", url)).values("href") == []


def test_the_pages_of_a_record_are_linked() -> None:
    assert address(None) is None
    good = 'https://swoogo.test/?a=1&b="2"'
    hrefs = page(everything("text", good)).values("href")
    assert set(hrefs) == {good}
    assert len(hrefs) > 10


def test_an_address_that_is_not_linked_is_shown() -> None:
    assert "Swoogo: javascript:alert(1)" in page(everything("text", "javascript:alert(1)")).text


# What it may load


def test_the_page_needs_nothing_and_may_load_nothing() -> None:
    html = run_report(everything("text", "https://swoogo.test/s1")).as_html()
    made = Page(html)
    policy = next(value for value in made.values("content") if "default-src" in value)
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in policy
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy, "else the browser would refuse our own style"
    assert "url(" not in style
    assert "@import" not in style
    assert not {"script", "link", "iframe", "form", "object", "base"} & set(made.tags)
    assert all(src.startswith("data:image/webp;base64,") for src in made.values("src"))
    assert "style" not in {name for _, name, _ in made.attributes}, "the policy forbids it"


def test_the_page_is_made_for_everybody() -> None:
    html = run_report(everything("text", "https://swoogo.test/s1"), past=PAST).as_html()
    made = Page(html)
    assert ("html", "lang", "en") in made.attributes
    assert made.tags["h1"] == 1
    assert made.tags["table"] == made.tags["caption"] == 2
    assert set(made.values("scope")) == {"col", "row"}
    assert made.tags["details"] == made.tags["summary"], "each can be opened with the keyboard"
    assert len([n for t, n, _ in made.attributes if (t, n) == ("img", "alt")]) == made.tags["img"]
    assert [n for t, n, _ in made.attributes if t == "svg" and n in {"role", "aria-label"}] == [
        "role",
        "aria-label",
    ]
    levels = [int(tag[1]) for tag in re.findall(r"<(h[1-6])", html)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    for wanted in ("prefers-color-scheme: dark", "@media print", "max-width: 34rem"):
        assert wanted in html


CONTRASTS = [
    *(("text", "page"), ("text", "card"), ("quiet", "page"), ("quiet", "card"), ("link", "page")),
    *(("alert", "page"), ("bad", "page"), ("text", "old"), ("text", "new")),
]


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
@pytest.mark.parametrize(("front", "back"), CONTRASTS)
def test_the_contrast_is_that_of_wcag_aa(scheme: int, front: str, back: str) -> None:
    html = run_report().as_html()
    colours = dict(re.findall(r"--(\w+): #(\w+)", html.split(":root {")[scheme + 1]))
    light, dark = sorted((luminance(colours[name]) for name in (front, back)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# What it says


def note(number: int) -> Note:
    name = f"Session {number}"
    return Note("session", f"s{number}", name, "session_over", f'"{name}" is over.')


def test_the_outcome_stands_at_the_top() -> None:
    quiet = PairReport(Pair(1, 4101, 77001), "The Conference", zone=NEW_YORK)
    quiet.plan.unchanged = [Row(Kind.SESSION, f"s{n}", f"S{n}", {}) for n in range(350)]
    html = run_report(quiet, credits_left=None).as_html()
    made = Page(html)
    assert '<h1 dir="auto">All 350 records are in Swoogo; nothing had to be changed.</h1>' in html
    assert '<header class="fine">' in html
    assert "1 Mar 2027, 07:00 America/New_York · 1 Mar 2027, 12:00 UTC" in made.text
    assert "took 1 min 30 s" in made.text
    assert "20270301T120000-abc" in made.text
    assert "Swoogo was not called: there was nothing to do." in made.text
    assert made.tags["details"] == made.tags["svg"] == 0
    assert made.tags["h2"] + made.tags["h3"] == 1, "calm and short"


def test_every_change_is_told_with_old_and_new() -> None:
    action = Action(
        Verb.UPDATE,
        Row(Kind.SESSION, "s1", "Opening", {}),
        {"start_time": Change("09:00:00", "10:00:00"), "capacity": Change(40, None)},
    )
    pair = PairReport(Pair(1, 4101, 77001), "E", outcomes=[Outcome(action, Verdict.UPDATED)])
    assert (
        "1 session updated Opening start time was 09:00:00 → is now 10:00:00 "
        "capacity was 40 → is now empty"
    ) in page(pair).text


def test_a_new_record_is_not_told_its_name_twice() -> None:
    row = Row(Kind.TRACK, "t1", "Water", {})
    action = Action(Verb.CREATE, row, {"name": Change(None, "Water")})
    pair = PairReport(Pair(1, 4101, 77001), "E", outcomes=[Outcome(action, Verdict.CREATED)])
    assert page(pair).text.count("Water") == 1


def test_links_are_told_with_the_names_of_the_sessions() -> None:
    link = Action(Verb.LINK, Row(Kind.SPEAKER, "p1", "Ada", {}), sessions=("s1", "s2", "s3"))
    pair = PairReport(Pair(1, 4101, 77001), "E", outcomes=[Outcome(link, Verdict.LINKED)])
    pair.plan.unchanged = [Row(Kind.SESSION, "s2", "Closing", {})]
    pair.directory = Directory(labels={(Kind.SESSION, "s1"): "Opening"})
    assert "1 speaker linked to sessions Ada Opening, Closing, s3" in page(pair).text


def test_what_needs_somebody_comes_first_with_its_code() -> None:
    failed = Action(Verb.CREATE, Row(Kind.SPEAKER, "p1", "Ada", {}))
    outcome = Outcome(failed, Verdict.FAILED, "swoogo_refused", "Ada was not created; correct it.")
    held = HeldBack(Action(Verb.UPDATE, Row(Kind.SESSION, "s1", "Opening", {})), "guard_x", "Why.")
    pair = PairReport(Pair(1, 4101, 77001), "E", Plan(held=[held], skips=[note(1)]), [outcome])
    html = run_report(pair).as_html()
    assert '<header class="attention">' in html
    headings = re.findall(r"<h3>(.*?)</h3>", html)
    assert headings == ["Needs you", "Held back until you approve", "Left out, and why"]
    text = Page(html).text
    assert "1 speaker: Swoogo refused" in text
    assert "Ada was not created; correct it. Code of this reason: swoogo_refused" in text
    assert "Why. 1 session: x Opening Code of this reason: guard_x" in text


@pytest.mark.parametrize(("alone", "says"), [(True, "as said above"), (False, "No such event.")])
def test_what_stopped_an_event_is_told(alone: bool, says: str) -> None:  # noqa: FBT001 - a parameter
    stopped = PairReport(Pair(1, 1, 2), "E", error=("event_unknown", "No such event."))
    others = [] if alone else [PairReport(Pair(2, 3, 4), "F")]
    text = page(stopped, *others).text
    assert says in text
    assert "Code of this reason: event_unknown" in text
    assert text.count("No such event.") >= 1


def test_many_skips_are_folded_and_all_there() -> None:
    pair = PairReport(Pair(1, 4101, 77001), "E", Plan(skips=[note(n) for n in range(5_000)]))
    html = run_report(pair).as_html()
    made = Page(html)
    assert made.tags["details"] == 1
    assert "open" not in {name for _, name, _ in made.attributes}
    assert "5,000 sessions: over" in made.text
    assert made.tags["li"] == 5_000
    assert "Session 4999" in made.text
    assert len(html) < 1_000_000
    assert 'class="long"' in html, "so that it does not fill a hundred sheets of paper"


def test_a_dry_run_says_what_would_be_and_its_price() -> None:
    action = Action(Verb.IMAGE, Row(Kind.SPEAKER, "p1", "Ada", {}))
    plan = Plan(actions=[action])
    price = Estimate(1, 0.1, 1, fits_window=True, fits_interval=True, sentence="It would cost 1.")
    made = page(PairReport(Pair(1, 1, 2), "E", plan), dry_run=True, estimate=price)
    assert "What would change 1 speaker whose image is to be looked at Ada" in made.text
    assert "It would cost 1." in made.text
    assert "dry run" in made.text


# The trend

PAST = [
    PastRun("3", "2027-03-01T11:30:00+00:00", "2027-03-01T11:30:05+00:00", {}),
    PastRun(
        "2",
        "2027-03-01T11:00:00+00:00",
        "2027-03-01T11:00:05+00:00",
        {"dry_run": True, "credits": 2, "pairs": [{"error": {"code": "c"}, "counts": {}}]},
    ),
    PastRun(
        "1",
        "2027-03-01T10:30:00+00:00",
        "2027-03-01T10:40:05+00:00",
        {
            "credits": 4711,
            "pairs": [
                {
                    "error": None,
                    "counts": {"session": {"created": 300, "failed": 1, "unchanged": 5}},
                    "links_and_images": {"images sent": 40, "images same": 3},
                }
            ],
        },
    ),
]


def test_the_last_runs_are_shown_beside_this_one() -> None:
    create = Action(Verb.CREATE, Row(Kind.TRACK, "t1", "Water", {}))
    pair = PairReport(Pair(1, 1, 2), "E", outcomes=[Outcome(create, Verdict.CREATED)])
    made = page(pair, past=PAST)
    (label,) = (v for t, n, v in made.attributes if (t, n) == ("svg", "aria-label"))
    assert label == (
        "Changes in the last 4 runs, the earliest first: 340, 0, 0, 1. Failures: 1, 1, 0, 0."
    )
    assert "1 Mar 2027, 10:30 10 min 5 s 340 1 4,711" in made.text
    assert "1 Mar 2027, 11:00 (dry run) 5 s 0 1 2" in made.text
    assert "1 Mar 2027, 12:00 (this run) 1 min 30 s 1 0 1,234" in made.text
    bars = [int(v) for t, n, v in made.attributes if (t, n) == ("rect", "height")]
    assert min(bars) >= 2
    assert max(bars) <= 64
    tops = [int(v) for t, n, v in made.attributes if (t, n) == ("rect", "y")]
    assert min(tops) >= 0, "no bar leaves the chart"


def test_the_first_run_has_no_trend() -> None:
    assert "The last runs" not in page(PairReport(Pair(1, 1, 2), "E")).text


def test_times_are_those_of_a_zone() -> None:
    assert instant("2027-07-01T03:05:00+00:00", NEW_YORK) == "30 Jun 2027, 23:05"
    assert instant(START) == "1 Mar 2027, 12:00"
    assert [lasting(s) for s in (0.2, 1, 59.6, 3725)] == [
        "under 1 s",
        "1 s",
        "1 min 0 s",
        "62 min 5 s",
    ]
