"""Marked secrets: none of them ever shows, whatever goes wrong and however much is logged."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from click import UsageError
from click.testing import CliRunner
from target_swoogo import swoogo
from target_swoogo.commands import main
from target_swoogo.errors import TargetError
from target_swoogo.target import TargetSwoogo

from .echo import BAD_HEADERS, Fault, echoing
from .hostile import MAPPINGS, messages, participant, person, session, sponsor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Pair

KEY = "canary-key/1+a"
SECRET = "canary-secret:2&b=c"  # noqa: S105 - that is what it is there for
ACCESS = "canary-access-token-3"
PASSWORD = "canary-password-4"  # noqa: S105
SIGNATURE = "canary-signature-5"
HOOK = "canary-hook-6"
EMAIL = "canary.person@canary-domain.example"
PAIR = base64.b64encode(f"{quote_plus(KEY)}:{quote_plus(SECRET)}".encode()).decode()
CLOSED = "http://127.0.0.1:9"
WEBHOOK = f"{CLOSED}/services/{HOOK}?key={HOOK}"


def forms(secret: str) -> set[str]:
    """How a secret may be written."""
    spelled = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return spelled | {json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}


@pytest.fixture
def pair(make_pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A pair whose sandbox knows the marked credentials."""
    monkeypatch.setattr("sandbox.sessionboard.TOKEN", ACCESS)
    monkeypatch.setattr("sandbox.swoogo.KEY", KEY)
    monkeypatch.setattr("sandbox.swoogo.SECRET", SECRET)
    # Waiting for a better answer shows nothing.
    monkeypatch.setattr(swoogo, "_TRIES", 1)
    return make_pair(MAPPINGS, sessions=3)


def records(pair: Pair) -> str:
    photo = f"{pair.sandbox.url}/media/none.png?X-Signature={SIGNATURE}"
    ada = participant("ada", email=EMAIL, photo_url=photo)
    return messages(
        [
            ("sessions", session("s1", participants=[ada])),
            ("speakers", person("ada", email=EMAIL, photo_url=photo)),
            ("speakers", person("twin", email=EMAIL.upper(), created_at="2026-01-03T00:00:00Z")),
            ("sponsors", sponsor("loom", logo_image_url=photo)),
        ]
    )


def config(pair: Pair, **overrides: Any) -> dict[str, Any]:
    marked = {
        "consumer_key": KEY,
        "consumer_secret": SECRET,
        "webhook_url": WEBHOOK,
        "sessionboard_access_token": ACCESS,
        "sessionboard_api_url": pair.sandbox.sessionboard_url,
        "speakers": "all",
    }
    return pair.target_config(**(marked | overrides))


def secrets(pair: Pair) -> set[str]:
    tokens = pair.sandbox.state.meta.get("tokens", {})
    hidden = [KEY, SECRET, ACCESS, PASSWORD, HOOK, PAIR, *tokens]
    return {form for secret in hidden for form in forms(secret)}


def assert_none_shows(pair: Pair, *texts: str) -> None:
    reports = [file.read_text() for file in (pair.folder / "reports").glob("*")]
    private = secrets(pair) | forms(SIGNATURE) | forms(EMAIL) | forms(EMAIL.upper())
    for text in (*texts, *reports, json.dumps(pair.state)):
        for secret in private:
            if (place := text.find(secret)) >= 0:
                pytest.fail(f"{secret} in …{text[max(0, place - 300) : place + 200]}…")
    for file in (pair.folder / "ledger").glob("*"):
        kept = file.read_bytes()
        assert [secret for secret in secrets(pair) if secret.encode() in kept] == []


@contextlib.contextmanager
def all_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything is logged, of the libraries too, as in a program that is being debugged."""
    ours = logging.getLogger("target-swoogo")
    level = ours.level
    with caplog.at_level(logging.DEBUG):
        ours.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            ours.setLevel(level)


def run_here(pair: Pair, caplog: pytest.LogCaptureFixture, **overrides: Any) -> str:
    """Run the target in this process; all that it logged, printed and raised."""
    out = io.StringIO()
    target = TargetSwoogo(config=config(pair, **overrides))
    with all_logged(caplog), contextlib.redirect_stdout(out), contextlib.closing(target.ledger):
        try:
            target.listen(io.StringIO(records(pair)))
        except TargetError as error:
            out.write(f"{error} [{error.code}]")
    # The sandbox's own server logs in this process too.
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    assert any(record.levelno == logging.DEBUG for record in ours)
    return out.getvalue() + "\n".join(caplog.handler.format(record) for record in ours)


def run_there(
    pair: Pair, settings: dict[str, Any], text: str = "", *, program: list[str] | None = None
) -> str:
    """Run a plugin as Meltano does, with everything logged; all that it printed."""
    file = pair.folder / "config.json"
    file.write_text(json.dumps(settings))
    program = program or [str(Path(sys.executable).with_name("target-swoogo"))]
    run = subprocess.run(  # noqa: S603 - our own programs
        [*program, "--config", str(file)],
        input=text,
        env=os.environ | {"LOGLEVEL": "DEBUG", "PYTHONWARNINGS": "ignore"},
        cwd=pair.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.stdout + run.stderr


# What Swoogo repeats


CALLS = {
    "token": "oauth2/token",
    "event": "GET .*/events/",
    "lists": r"GET .*/speakers\.json",
    "creates": "POST .*/create",
    "links": "POST .*/session",
    "everything but the token": "^(?!.*oauth2)",
}
ANSWERS = [
    *(
        (status, "object")
        for status in (400, 401, 403, 404, 405, 409, 415, 418, 422, 429, 500, 503)
    ),
    *((status, "complaints") for status in (200, 400, 422)),
    *((status, "html") for status in (200, 403, 502)),
    *((status, "text") for status in (200, 422, 500)),
]


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
def test_what_swoogo_repeats_is_not_shown(
    pair: Pair, calls: str, caplog: pytest.LogCaptureFixture
) -> None:
    for status, form in ANSWERS:
        caplog.clear()
        with echoing(pair.sandbox.url, Fault(calls, status, form)) as address:
            said = run_here(
                pair,
                caplog,
                api_url=pair.sandbox.swoogo_url.replace(pair.sandbox.url, address),
                ledger_url=f"sqlite:///{pair.folder}/ledger/{status}-{form}.db",
                time_budget_minutes=1,
            )
        assert_none_shows(pair, said)
    print(f"{len(ANSWERS)} answers that repeat the request")  # noqa: T201


def test_headers_that_make_no_sense_show_no_address(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """The client's library warns of them, and names the address with all that is in it."""
    with echoing(pair.sandbox.url, Fault("^$", 200, BAD_HEADERS)) as address:
        url = pair.sandbox.swoogo_url.replace(pair.sandbox.url, address)
        assert_none_shows(pair, run_here(pair, caplog, api_url=url))
        assert_none_shows(pair, run_there(pair, config(pair, api_url=url), records(pair)))
    assert any("search=email" in call["query"] for call in pair.calls()), "an address was sought"


# What breaks


FAULTS: dict[str, dict[str, Any]] = {
    "dropped": {"do": {"drop": True}},
    "dropped after the commit": {"do": {"commit_then_drop": True}},
    "reset": {"do": {"reset": True}},
    "truncated": {"do": {"truncate": True}},
    "malformed": {"do": {"malformed": True}},
    "HTML": {"do": {"html": True}},
    "without id": {"do": {"no_id": True}},
    "errors in 200": {"do": {"errors_in_200": True}},
    "401 in mid-run": {"match": {"nth": 5}, "do": {"status": 401}},
    "401 for good": {"do": {"status": 401}},
    "403": {"do": {"status": 403}},
    "404": {"do": {"status": 404}},
    "422": {"do": {"status": 422}},
    "500": {"do": {"status": 500}},
    "503 as HTML": {"do": {"status": 503, "body": "html"}},
}


@pytest.mark.parametrize("side", ["swoogo", "media"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_fault_shows_a_secret(
    pair: Pair, fault: dict[str, Any], side: str, caplog: pytest.LogCaptureFixture
) -> None:
    match = {"side": side} | fault.get("match", {})
    pair.sandbox.faults({"times": None, "match": match, "do": fault["do"]}, quota_enabled=False)
    assert_none_shows(pair, run_here(pair, caplog))


@pytest.mark.parametrize("fault", ["dropped", "HTML", "422", "401 for good"])
def test_no_fault_shows_a_secret_in_the_program(pair: Pair, fault: str) -> None:
    match = {"side": "swoogo", "path": "create|update|session|image"}
    do = FAULTS[fault]["do"]
    pair.sandbox.faults({"times": None, "match": match, "do": do}, quota_enabled=False)
    said = run_there(pair, config(pair), records(pair))
    assert "DEBUG" in said
    assert_none_shows(pair, said)


def test_a_run_that_goes_well_shows_no_secret(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    assert_none_shows(pair, run_here(pair, caplog))
    assert [row["email"] for row in pair.sandbox.state.swoogo["speakers"].values()] == [EMAIL]
    assert_none_shows(pair, run_there(pair, config(pair), records(pair)))


# Settings


SETTINGS: dict[str, dict[str, Any]] = {
    "wrong secret": {"consumer_secret": f"{SECRET}x"},
    "secret of another kind": {"consumer_secret": [SECRET]},
    "key of another kind": {"consumer_key": {"key": KEY}},
    "secret in another setting": {"max_workers": SECRET},
    "secret as a choice": {"subsessions": SECRET},
    "secret as a mapping": {"event_mappings": [{"sessionboard_event_id": SECRET}]},
    "unreachable": {"api_url": CLOSED},
    "token of another kind": {"sessionboard_access_token": [ACCESS]},
    "webhook of another kind": {"webhook_url": {"url": WEBHOOK}},
    "webhook that is not safe": {"webhook_url": f"http://hooks.test/services/{HOOK}"},
    "webhook that is no address": {"webhook_url": f"https://[{HOOK}"},
    "secret as true or false": {"dry_run": SECRET},
    "secret as a field": {"create_only_fields": [SECRET]},
    "password in the address": {"api_url": f"http://me:{PASSWORD}@127.0.0.1:9/api"},
    "database that is not there": {"ledger_url": f"postgresql://me:{PASSWORD}@127.0.0.1:9/x"},
    "password in the query": {"ledger_url": f"postgresql://me@127.0.0.1:9/x?password={PASSWORD}"},
    "password in the wrong place": {"ledger_url": f"postgresql://me:a/{PASSWORD}@127.0.0.1/x"},
    "port that is none": {"ledger_url": f"postgresql://me@127.0.0.1:{PASSWORD}/x"},
    "other database": {"ledger_url": f"mysql://me:{PASSWORD}@127.0.0.1/x"},
    "no address at all": {"ledger_url": f"me:{PASSWORD}"},
    "unknown option": {"ledger_url": f"sqlite:///{{folder}}/x.db?password={PASSWORD}"},
    "ledger that cannot be": {"ledger_url": "sqlite:////dev/null/x.db"},
    "no event": {"event_mappings": [{"sessionboard_event_id": 4101, "swoogo_event_id": 7}]},
    "report that cannot be": {"report_path": "/dev/null/reports"},
}


@pytest.mark.parametrize("overrides", SETTINGS.values(), ids=SETTINGS)
def test_no_wrong_setting_shows_a_secret(pair: Pair, overrides: dict[str, Any]) -> None:
    said = run_there(pair, config(pair, **overrides), records(pair))
    assert "ERROR" in said or "report_path" in said or "x.db" in str(overrides)
    assert_none_shows(pair, said)


COMMANDS = [
    ("check",),
    ("plan",),
    ("status",),
    ("why", EMAIL),
    ("why", "ada"),
    ("verify", "--repair"),
    ("approve", "--list"),
    ("retry",),
    ("sync-only", EMAIL),
    ("restore", "speaker", EMAIL),
    ("release", "4101"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(
    pair: Pair,
    words: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_here(pair, caplog)
    caplog.clear()
    wrong: list[dict[str, Any]] = [
        {},
        {"consumer_secret": f"{SECRET}x"},
        {"sessionboard_access_token": f"{ACCESS}x"},
        {"sessionboard_api_url": f"https://me:{PASSWORD}@[{ACCESS}"},
        {"webhook_url": f"https://[{HOOK}"},
        {"dry_run": SECRET},
    ]
    for overrides in wrong:
        for name, value in config(pair, **overrides).items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"TARGET_SWOOGO_{name.upper()}", text)
        for options in ([], ["--json"]):
            with all_logged(caplog):
                result = CliRunner().invoke(main, [*words, *options])
            assert isinstance(result.exception, SystemExit | None)
            assert result.exit_code != UsageError.exit_code, result.output
            assert result.output
            assert_none_shows(pair, result.output, caplog.text)


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("form", ["object", "text"])
def test_what_a_webhook_repeats_is_not_shown(
    pair: Pair, status: int, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    with echoing(pair.sandbox.url, Fault("services", status, form)) as address:
        url = WEBHOOK.replace(CLOSED, address)
        said = run_here(pair, caplog, webhook_url=url, consumer_secret=f"{SECRET}x")
    assert f"The webhook answered {status}; check webhook_url." in said
    assert_none_shows(pair, said)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"access_token": f"{ACCESS}x"},
        {"access_token": [ACCESS]},
        {"event_ids": ACCESS},
        {"api_url": f"http://me:{PASSWORD}@SANDBOX/sessionboard", "event_ids": [7]},
        {"event_ids": [7]},
        {"user_agent": "x", "region": ACCESS},
    ],
)
def test_the_tap_shows_no_secret(pair: Pair, overrides: dict[str, Any]) -> None:
    program = [str(Path(sys.executable).with_name("tap-sessionboard"))]
    settings = pair.tap_config(**{"access_token": ACCESS, "event_ids": [4101], **overrides})
    host = pair.sandbox.url.removeprefix("http://")
    settings["api_url"] = settings["api_url"].replace("SANDBOX", host)
    assert_none_shows(pair, run_there(pair, settings, program=program))


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_sessionboard_repeats_is_not_shown(pair: Pair, status: int) -> None:
    program = [str(Path(sys.executable).with_name("tap-sessionboard"))]
    with echoing(pair.sandbox.url, Fault("v1/event", status, "object")) as address:
        settings = {"api_url": f"{address}/sessionboard", "access_token": ACCESS}
        assert_none_shows(pair, run_there(pair, settings, program=program))


# Bugs


BUGS = {
    "after a create": "book.Book.created",
    "before a create": "book.Book.begin_create",
    "in a call": "calls.Caller.create",
    "in the client": "swoogo.judged",
    "in an image": "images.fit",
    "in a link": "book.Book.linked",
    "in the rules": "rules.email_of",
    "in the plan": "evaluate.make_plan",
    "in the report": "report_json._action",
    "in the sink": "sinks._payload",
    "in the ledger": "ledger.Ledger.put",
}


@pytest.mark.parametrize("where", BUGS.values(), ids=BUGS)
def test_the_traceback_of_a_bug_shows_no_secret(pair: Pair, where: str) -> None:
    module, _, name = where.partition(".")
    code = (
        f"from target_swoogo import {module}\n"
        "from target_swoogo.target import TargetSwoogo\n"
        "def bug(*args, **kwargs): raise RuntimeError('a bug')\n"
        f"{where} = bug\n"
        "TargetSwoogo.cli()\n"
    )
    assert name
    said = run_there(pair, config(pair), records(pair), program=[sys.executable, "-c", code])
    assert "RuntimeError: a bug" in said or where == "images.fit"
    assert_none_shows(pair, said)


def test_a_database_that_fails_in_mid_run_shows_no_record(pair: Pair) -> None:
    """The database's library would show the statement with all its values."""
    code = (
        "from sqlalchemy import event, Engine\n"
        "from target_swoogo.target import TargetSwoogo\n"
        "@event.listens_for(Engine, 'before_cursor_execute', retval=True)\n"
        "def spoil(conn, cursor, statement, parameters, context, many):\n"
        "    bad = 'swoogo_source' in statement and 'INSERT' in statement\n"
        "    return (statement.replace('payload', 'payloud') if bad else statement), parameters\n"
        "TargetSwoogo.cli()\n"
    )
    said = run_there(pair, config(pair), records(pair), program=[sys.executable, "-c", code])
    assert "payloud" in said
    assert_none_shows(pair, said)
