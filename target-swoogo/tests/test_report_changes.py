"""How changes of fields are shown to people."""

from __future__ import annotations

import pytest
from target_swoogo.actions import Action, Change, Verb
from target_swoogo.model import Choice, Kind, Ref, Row, Value
from target_swoogo.report_changes import Excerpt, FieldChange, field_changes, plain
from target_swoogo.report_directory import Directory

WHERE = Directory(
    labels={(Kind.LOCATION, "l9"): "Great Hall"},
    choices={"location_id": {7: "Attic"}, "level": {601: "Gold"}},
)
LONG = "We look at maps as those do who use them every day, and ask what others could learn. " * 3


def change(name: str, old: Value, new: Value) -> FieldChange:
    action = Action(Verb.UPDATE, Row(Kind.SESSION, "s1", "S1", {}), {name: Change(old, new)})
    (only,) = field_changes(action, WHERE)
    return only


def words(old: str, new: str) -> tuple[Excerpt, Excerpt]:
    changed = change("name", old, new)
    assert changed.old is not None
    assert changed.new is not None
    return changed.old, changed.new


def said(excerpt: Excerpt | None) -> str | None:
    return excerpt and excerpt.text


@pytest.mark.parametrize(
    ("name", "old", "new", "shown"),
    [
        ("start_time", "09:00:00", "10:00:00", ("start time", "09:00:00", "10:00:00")),
        ("location_id", 7, Ref(Kind.LOCATION, "l9"), ("room", "Attic", "Great Hall")),
        ("location_id", 8, Ref(Kind.LOCATION, "l1"), ("room", "8", "new location")),
        ("level", 601, Choice("Silver"), ("sponsor level", "Gold", "Silver")),
        ("capacity", 7, None, ("capacity", "7", None)),
        ("email", None, "jane@mail.example.org", ("email", None, "j***@m***.example.org")),
        ("bio", "<p>One</p><p>Two &amp; 3</p>", "Two", ("bio", "One\nTwo & 3", "Two")),
        ("name", "<p>One</p>", "Two", ("name", "<p>One</p>", "Two")),
    ],
)
def test_values_are_shown_as_people_know_them(
    name: str, old: Value, new: Value, shown: tuple[str, str | None, str | None]
) -> None:
    changed = change(name, old, new)
    assert (changed.name, said(changed.old), said(changed.new)) == shown


def test_a_change_of_markup_alone_shows_the_markup() -> None:
    changed = change("description", "<p>One</p>", "<p><b>One</b></p>")
    assert (said(changed.old), said(changed.new)) == ("<p>One</p>", "<p><b>One</b></p>")


def test_a_field_that_stays_empty_is_no_change() -> None:
    action = Action(Verb.CREATE, Row(Kind.TRACK, "t", "T", {}), {"name": Change(None, "")})
    assert field_changes(action, WHERE) == []


def test_of_longer_texts_the_words_that_differ_are_marked() -> None:
    old, new = words("What floodplains can teach us about tide gates", "What floodplains can teach")
    assert old == Excerpt("", "What floodplains can teach us about tide gates", "")
    old, new = words(
        "What floodplains can teach us about tide gates and more",
        "What floodplains can teach us about tidal gates and more",
    )
    assert old == Excerpt("What floodplains can teach us about ", "tide", " gates and more")
    assert new == Excerpt("What floodplains can teach us about ", "tidal", " gates and more")


def test_of_long_texts_only_the_words_around_the_difference_are_shown() -> None:
    old, new = words(LONG + "Old end here. " + LONG, LONG + "New end here. " + LONG)
    assert old[:3] == (
        "…day, and ask what others could learn. ",
        "Old",
        " end here. We look at maps as those do…",
    )
    assert (new.before, new.text, new.after) == (old.before, "New", old.after)
    assert old.whole == LONG + "Old end here. " + LONG
    assert old.missing == 0


def test_what_is_very_long_is_cut_and_says_by_how_much() -> None:
    new = change("name", None, "x" * 100_000).new
    assert new is not None
    assert new.text == "x" * 160 + "…"
    assert (new.whole, new.missing) == ("x" * 2_000, 98_000)


def test_texts_that_repeat_themselves_are_never_shown_twice_over() -> None:
    """What both share at the beginning is not counted once more at the end."""
    old, new = words("la la " * 50, "la la " * 51)
    assert "".join(old[:3]).count("la") <= 100
    assert new.text.split() == ["la", "la"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a < b & c", "a < b & c"),
        ("plain", "plain"),
        ("<p>One<br>two</p>\n<ul><li>three</li></ul>", "One\ntwo\nthree"),
        ("<script>alert(1)</script>One", "One"),
        ("&lt;script&gt;", "<script>"),
        ("<" * 3_000, "<" * 3_000),
    ],
)
def test_html_is_shown_as_its_text(html: str, text: str) -> None:
    assert plain(html) == text
