"""Rules and plan over a ledger in which nothing has changed."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
from target_swoogo import observe, values
from target_swoogo.edits import evaluate_edits
from target_swoogo.evaluate import evaluate, planned, records
from target_swoogo.html import sanitize
from target_swoogo.ledger import Ledger, Pair
from target_swoogo.model import Choice, Kind, Mapped, Ref, State
from target_swoogo.reconcile import Reconciler
from target_swoogo.rest import Rests
from target_swoogo.settings import Settings

from benchmarks import programme
from benchmarks.figures import Figure, Scale, at_most, medians

if TYPE_CHECKING:
    from target_swoogo.actions import Plan
    from target_swoogo.model import Scalar, Value
    from target_swoogo.rest import Rest

_FEW, _TIMES = 20_000, 5
"""Of 10,000 rows, each takes a tenth less: presumably they fit better into the caches."""

_MOST_SECONDS, _MOST_GROWTH, _MOST_OF_A_RUN = 2.0, 5.5, 0.1
_HTML = {"sessions": "description", "speakers": "about", "sponsors": "description"}
_EDITED = "session-000007"
_submissions = count()
_EVENTS = (programme.EVENT, programme.SWOOGO_EVENT)


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    logging.getLogger("target_swoogo").setLevel(logging.ERROR)  # that each ledger is new
    few = scale.of(_FEW, 500)
    many = _TIMES * few
    with TemporaryDirectory() as small, TemporaryDirectory() as great:
        settings = {}
        for rows, folder in ((few, small), (many, great)):
            settings[rows] = _settings(f"sqlite:///{folder}/ledger.db", Path(folder))
            _fill(settings[rows], rows)
        of_few, judged, read, again, edited, moved, submitted, ended = medians(
            scale.repetitions,
            partial(_judge, settings[few], few),
            partial(_judge, settings[many], many),
            partial(_read, settings[many]),
            partial(_run, settings[many]),
            partial(_edit, settings[many], {"title": "Another title"}),
            partial(_edit, settings[many], _move()),
            partial(_submit, settings[many]),
            partial(_end, settings[many]),
        )
    return [
        at_most(
            f"Rules and plan over {many:,} rows, of which all but one are unchanged: seconds of "
            f"processor time",
            edited,
            _MOST_SECONDS,
            "{}",
        ),
        at_most(
            f"Rules and plan over {many:,} rows, when one session moves to another room and time: "
            f"seconds of processor time",
            moved,
            _MOST_SECONDS,
            "{}",
        ),
        at_most(
            f"Rules and plan over {many:,} unchanged rows, when a new session comes that is not "
            f"accepted: seconds of processor time",
            submitted,
            _MOST_SECONDS,
            "{}",
        ),
        at_most(
            f"Rules and plan over {many:,} unchanged rows, weeks later, when a session has ended: "
            f"seconds of processor time",
            ended,
            _MOST_SECONDS,
            "{}",
        ),
        at_most(
            f"Rules and plan over {many:,} rows, all judged anew, as once after another setting: "
            f"seconds of processor time",
            judged,
            _MOST_SECONDS,
            f"{{}}, of which {read:.2f} to read, check and decode the ledger and to clean the HTML",
        ),
        at_most(
            f"The same: {many:,} rows against {few:,}",
            judged / of_few,
            _MOST_GROWTH,
            f"{{}} ({judged:.2f} s against {of_few:.2f} s)",
        ),
        at_most(
            f"A run that brings nothing new over {many:,} rows: its processor time after "
            f"the last record, against rules and plan",
            again / judged,
            _MOST_OF_A_RUN,
            f"{{}} ({again:.2f} s)",
        ),
    ]


def _settings(url: str, folder: Path) -> Settings:
    mapping = dict(zip(("sessionboard_event_id", "swoogo_event_id"), _EVENTS, strict=True))
    return Settings.from_config(
        {
            "consumer_key": "key",
            "consumer_secret": "secret",
            "api_url": "http://127.0.0.1:9",  # nobody listens: a call would fail
            "ledger_url": url,
            "event_mappings": [mapping],
            "report_path": str(folder),
        }
    )


def _judge(settings: Settings, rows: int) -> float:
    with Ledger.open(settings.ledger_url) as ledger:
        (pair,) = ledger.pairs()
        now = datetime.now(timezone.utc)
        for remembered in (values.line, values.place, values.moment):
            remembered.cache_clear()  # a run begins without what the one before it had met
        began = time.process_time()
        seen = evaluate(ledger, pair, settings, now)
        plan = planned(seen, observe.observed(pair, {}), settings, now, ())
        seconds = time.process_time() - began
    if plan.actions or len(plan.unchanged) < rows:
        message = f"{len(plan.actions)} actions, {len(plan.unchanged)} of {rows} rows unchanged"
        raise RuntimeError(message)
    return seconds


def _read(settings: Settings) -> float:
    """What all is judged by is read, and its HTML cleaned; nothing is judged."""
    with Ledger.open(settings.ledger_url) as ledger:
        (pair,) = ledger.pairs()
        began = time.process_time()
        for kept in (ledger.mapped, ledger.links, ledger.images):
            kept(pair)
        for stream, name in _HTML.items():
            for record in records(ledger, stream, pair.sessionboard_event_id):
                sanitize(getattr(record, name) or "")
        return time.process_time() - began


def _run(settings: Settings) -> float:
    """The second of two runs: the first looks whether anybody has changed the ledger."""
    taken = 0.0
    for _ in range(2):
        with Ledger.open(settings.ledger_url) as ledger:
            run = Reconciler(
                ledger, settings, threading.Event(), "benchmark", datetime.now(timezone.utc)
            )
            began = time.process_time()
            run.run()
            taken = time.process_time() - began
    return taken


def _edit(settings: Settings, changes: dict[str, object]) -> float:
    """A session is edited, in a pair that is at rest."""
    _run(settings)
    with Ledger.open(settings.ledger_url) as ledger:
        stored = dict(ledger.sources("sessions", programme.EVENT, [_EDITED]))[_EDITED]
        edited = msgspec.json.encode(msgspec.json.decode(stored) | changes)
        seconds = _arrive(ledger, settings, _EDITED, edited, actions=1)
        with ledger.commit():
            ledger.put("sessions", [(programme.EVENT, _EDITED, stored.encode())])
    return seconds


def _move() -> dict[str, object]:
    """The edited session in another room, and over a minute sooner."""
    made = programme.make(10, images=False)
    session = next(one for one in made["sessions"] if one["id"] == _EDITED)
    ends = msgspec.convert(session["ends_at"], datetime) - timedelta(minutes=1)
    room = next(one for one in made["rooms"] if one != session["room"])
    return {"ends_at": ends.isoformat(), "room": room}


def _submit(settings: Settings) -> float:
    """A call for papers gets one more answer, in a pair that is at rest."""
    _run(settings)
    record_id = f"submission-{next(_submissions)}"
    submission = {"id": record_id, "title": "What we learned", "status": "pending"}
    with Ledger.open(settings.ledger_url) as ledger:
        return _arrive(ledger, settings, record_id, msgspec.json.encode(submission), actions=0)


def _arrive(
    ledger: Ledger, settings: Settings, record_id: str, payload: bytes, *, actions: int
) -> float:
    now = datetime.now(timezone.utc)
    with ledger.commit():
        ledger.put("sessions", [(programme.EVENT, record_id, payload)])
    began = time.process_time()
    plan, _ = _alone(ledger, settings, now)
    seconds = time.process_time() - began
    if len(plan.actions) != actions:
        message = f"{len(plan.actions)} actions"
        raise RuntimeError(message)
    return seconds


def _end(settings: Settings) -> float:
    """The next session ends, in a pair that is at rest."""
    _run(settings)
    with Ledger.open(settings.ledger_url) as ledger:
        (pair,) = ledger.pairs()
        before = Rests(ledger, settings, "benchmark", datetime.now(timezone.utc)).since(pair)
        if before is None:
            message = "the pair is not at rest"
            raise RuntimeError(message)
        now = before.rest.ends[0][0]
        began = time.process_time()
        plan, rest = _alone(ledger, settings, now)
        seconds = time.process_time() - began
    if plan.actions or len(rest.skips) != len(before.rest.skips) + 1:
        message = f"{len(plan.actions)} actions, {len(rest.skips)} skips"
        raise RuntimeError(message)
    return seconds


def _alone(ledger: Ledger, settings: Settings, now: datetime) -> tuple[Plan, Rest]:
    """The plan for what has happened to the pair at rest, and what is at rest after it."""
    (pair,) = ledger.pairs()
    since = Rests(ledger, settings, "benchmark", now).since(pair)
    part = evaluate_edits(ledger, pair, since, settings, now) if since else None
    if part is None:
        message = "what happened was not evaluated alone"
        raise RuntimeError(message)
    seen, rest = part
    return planned(seen, observe.observed(pair, {}), settings, now, ()), rest


def _fill(settings: Settings, rows: int) -> None:
    """Make a ledger as it is when so many sessions and speakers have been synced."""
    with Ledger.open(settings.ledger_url) as ledger:
        (pair,) = ledger.hold([_EVENTS])
        with ledger.commit():
            for stream, records in programme.make(rows // 2, images=False).items():
                event = programme.EVENT
                batch = [(event, str(row["id"]), msgspec.json.encode(row)) for row in records]
                ledger.put(stream, batch)
        levels = [[number, name] for number, name in enumerate(("Gold", "Silver", "Bronze"))]
        pair.observed |= {"timezone": "US/Eastern", "levels": levels, "levels_read_at": 0.0}
        with ledger.commit():
            ledger.remember(pair)
            _map(ledger, pair, settings)
        # Once as any run, so that what runs keep for each other is there.
        Reconciler(
            ledger, settings, threading.Event(), "benchmark", datetime.now(timezone.utc)
        ).run()


def _map(ledger: Ledger, pair: Pair, settings: Settings) -> None:
    """Note every record as Swoogo should have it, and every link."""
    seen = evaluate(ledger, pair, settings, datetime.now(timezone.utc))
    ids = {row.key: number for number, row in enumerate(seen.programme.rows, start=1)}
    levels = {name: number for number, name in pair.observed["levels"]}

    def resolved(value: Value) -> Scalar:
        if isinstance(value, Ref):
            return ids[value.kind, value.source_id]
        return levels[value.name] if isinstance(value, Choice) else value

    for row in seen.programme.rows:
        applied = {name: resolved(value) for name, value in row.fields.items()}
        ledger.save(
            pair, Mapped(row.kind, row.source_id, row.label, ids[row.key], applied, State.SYNCED)
        )
        if row.kind is Kind.SPEAKER:
            ledger.save_links(pair, row.source_id, row.sessions, made=True)
