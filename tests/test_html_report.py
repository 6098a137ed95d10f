"""The report that a run leaves for people, over real HTTP."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Pair


def latest(pair: Pair) -> str:
    return (pair.folder / "reports/latest.html").read_text()


def heading(html: str) -> str:
    (found,) = re.findall(r"<h1[^>]*>(.*?)</h1>", html)
    return str(found)


def section(html: str, title: str) -> str:
    """One part of the first event's report."""
    return html.partition(f"<h3>{title}</h3>")[2].partition("<h3>")[0]


def test_each_run_leaves_a_page_beside_its_data(pair: Pair) -> None:
    first = pair.sync()
    second = pair.sync()
    folder = pair.folder / "reports"
    assert {file.name for file in folder.iterdir()} == {
        f"{name}.{ending}"
        for name in (first["run_id"], second["run_id"], "latest")
        for ending in ("html", "json")
    }
    assert (folder / f"{second['run_id']}.html").read_text() == latest(pair)
    assert second["run_id"] in latest(pair)


def test_the_first_run_tells_what_was_created_and_shows_the_images(pair: Pair) -> None:
    report = pair.sync()
    html = latest(pair)
    created = sum(c.get("created", 0) for p in report["pairs"] for c in p["counts"].values())
    assert heading(html).startswith(f"All {created} records are in Swoogo; {created} were created")
    assert report["outcome"] == heading(html)
    sent = sum(pair["links_and_images"].get("images sent", 0) for pair in report["pairs"])
    pictures = html.count('src="data:image/webp;base64,UklGR')
    assert 0 < pictures <= sent, "drawings have no small copy"
    assert not re.search(r"[a-z.]+@[a-z.]+\.(org|com)", html), "addresses are masked"


def test_a_run_without_changes_is_short_and_calm(make_pair: Any) -> None:
    pair = make_pair([{"sessionboard_event_id": 4102, "swoogo_event_id": 77002}], sessions=20)
    pair.sync()
    pair.sync()
    html = latest(pair)
    assert heading(html).endswith("records are in Swoogo; nothing had to be changed.")
    assert '<header class="fine">' in html
    assert "What changed" not in html
    assert "The last runs" in html
    assert "Swoogo was not called: there was nothing to do." in html


def test_a_day_of_edits_is_told_field_by_field(pair: Pair) -> None:
    pair.sync()
    session = next(
        s
        for s in pair.sandbox.state.programme["sessions"].values()
        if s["event_id"] == 4101 and s["status"] == "accepted" and s.get("starts_at")
    )
    old, session["title"] = session["title"], 'New <script>alert("1")</script> title'
    session["updated_at"] = later(session["updated_at"])
    pair.sync()
    changed = section(latest(pair), "What changed")
    assert f"<del><bdi>{old}</bdi></del>" in changed
    assert "<ins><bdi>New &lt; script&gt;alert(&#34;1&#34;)&lt; /script&gt; title</bdi>" in changed
    assert "<script" not in latest(pair)
    (swoogo,) = (
        s["id"]
        for s in pair.sandbox.state.swoogo["sessions"].values()
        if s["name"].startswith("New ")
    )
    assert re.search(rf'href="https://[^"]+/sessions/{swoogo}"', changed)
    assert f'/event/4101/sessions/{session["id"]}" rel="noopener' in changed


def test_a_dry_run_tells_what_it_would_do_and_what_that_costs(pair: Pair) -> None:
    report = pair.sync(dry_run=True)
    html = latest(pair)
    assert heading(html).startswith("This was a dry run, and nothing was changed; it would have ")
    assert section(html, "What would change")
    assert report["estimate"]["sentence"].replace("'", "&#39;") in html


def test_a_run_that_was_stopped_says_why_at_the_top(pair: Pair) -> None:
    with pytest.raises(Exception, match="consumer key"):
        pair.sync(consumer_secret="wrong")
    html = latest(pair)
    assert heading(html).startswith("Stopped: Swoogo refuses the consumer key and secret")
    assert "swoogo_credentials" in html
    assert '<header class="attention">' in html


def test_what_is_held_back_is_told_with_its_changes(make_pair: Any) -> None:
    pair = make_pair([{"sessionboard_event_id": 4101, "swoogo_event_id": 77001}], sessions=40)
    pair.sync()
    for session in pair.sandbox.state.programme["sessions"].values():
        for name in ("starts_at", "ends_at"):
            if session.get(name):
                session[name] = later(session[name], hours=1)
        session["updated_at"] = later(session["updated_at"])
    report = pair.sync()
    (only,) = report["pairs"]
    assert only["held"], "the sandbox's programme moved by an hour"
    held = section(latest(pair), "Held back until you approve")
    assert "meltano invoke target-swoogo:approve" in held
    assert held.count("<dt>start time</dt>") == len(only["held"])
    assert f"{len(only['held'])} changes wait for approval" in heading(latest(pair))


def later(moment: str, **delta: int) -> str:
    when = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return (when + timedelta(**(delta or {"days": 3}))).isoformat().replace("+00:00", "Z")


def test_the_data_and_the_page_agree(pair: Pair) -> None:
    report = pair.sync()
    html = latest(pair)
    for part in report["pairs"]:
        for note in (*part["skipped"], *part["failed"], *part["warnings"]):
            assert f"<code>{note['code']}</code>" in html
    assert json.loads((pair.folder / "reports/latest.json").read_text()) == report
