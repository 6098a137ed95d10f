"""Tells people through a webhook that a sync needs them, once per situation."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import requests
from sqlalchemy.exc import SQLAlchemyError

from target_swoogo.errors import TargetError
from target_swoogo.status import is_stale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_swoogo.history import History
    from target_swoogo.report import PairReport, RunReport

_log = logging.getLogger("target-swoogo")

_AGAIN = timedelta(hours=24)
"""After this time a situation that lasts is told again."""

_TIMEOUT_SECONDS = 10
"""Of a single wait for the webhook."""

_LONGEST_SECONDS = 15
"""For a whole call: one that answers a byte at a time must not keep the ledger from other runs."""

_TOLD = "alerts"
"""Where the ledger keeps what was told."""

_CARDS = (".logic.azure.com", ".powerplatform.com")
"""Hosts of Teams workflows, which take adaptive cards only (assumed of Microsoft's Workflows, "When
a Teams webhook request is received"); Slack and Teams' incoming webhooks take a plain text."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Something that a person should know of.

    Attributes:
        name: Tells it from other situations; it stays the same for as long as that lasts.
        text: One or two sentences, without personal data.
    """

    name: str
    text: str


class _Memory(msgspec.Struct):
    """What was told, and when last, in UTC."""

    names: list[str]
    at: datetime


def situations(
    report: RunReport | None, failure: Exception | None, stale_minutes: int, now: datetime
) -> list[Situation]:
    """What of a run people should be told.

    Args:
        report: What the run did; None when it did not come so far.
        failure: What it failed of.
        stale_minutes: How old the data of an event may be; 0 for any age.
        now: The present instant.

    Returns:
        The situations; none when all is well.
    """
    pairs: Sequence[PairReport] = report.pairs if report else ()
    found = [s for pair in pairs for s in _of_pair(pair, stale_minutes, now)]
    told = {pair.error[0] for pair in pairs if pair.error}
    if isinstance(failure, TargetError):
        # That a run is at work when the next one is due is no news; a sync that lasts shows as
        # stale data.
        if failure.code not in told | {"ledger_held"}:
            found.append(Situation(failure.code, f"The run failed: {failure} [{failure.code}]"))
    elif failure is not None:
        # Its message may hold anything.
        kind = type(failure).__name__
        found.append(Situation(kind, f"The run failed of a bug ({kind}); its log says more."))
    return found


def _of_pair(pair: PairReport, stale_minutes: int, now: datetime) -> Iterator[Situation]:
    ours = pair.pair.sessionboard_event_id
    event = f"{pair.event_name or 'Event'} (Sessionboard event {ours})"
    if pair.error:
        code, message = pair.error
        yield Situation(f"{ours} {code}", f"{event} was not synced: {message} [{code}]")
    held: dict[str, list[str]] = {}
    for one in pair.plan.held:
        held.setdefault(one.code, []).append(one.message)
    for code, messages in held.items():
        count = f"{len(messages):,} change{'' if len(messages) == 1 else 's'}"
        yield Situation(f"{ours} {code}", f"{event}: {count} held back. {messages[0]} [{code}]")
    if is_stale(pair.pair.synced_at, stale_minutes, now):
        yield Situation(f"{ours} stale", f"{event} {_age(pair.pair.synced_at, now)}. [stale]")


def _age(synced_at: str | None, now: datetime) -> str:
    see = "see why in the report of the last run"
    if synced_at is None:
        return f"was never fully synced; {see}"
    minutes = (now - datetime.fromisoformat(synced_at)).total_seconds() / 60
    if minutes < 0:
        return (
            f"was last fully synced {-minutes:,.0f} minutes in the future; see that the clocks of "
            f"the machines that sync are right"
        )
    return f"was last fully synced {minutes:,.0f} minutes ago; {see}"


def alert(url: str, found: Sequence[Situation], ledger: History | None, now: datetime) -> None:
    """Tell people, unless they were told of the same within a day. A failure is only logged.

    Args:
        url: The webhook; a secret.
        found: What they should know; nothing, when all is well.
        ledger: Remembers what was told; None where it cannot be used.
        now: The present instant.
    """
    memory = _recall(ledger)
    names = sorted({situation.name for situation in found})
    known = set(memory.names) if memory else set()
    due = memory is None or now - memory.at >= _AGAIN
    if found and (due or not known.issuperset(names)):
        lines, at = [situation.text for situation in found], now
    elif known and not found:
        lines, at = ["All is well again."], now
    elif memory is not None and known != set(names):
        _remember(ledger, _Memory(names, memory.at))  # one of several is over
        return
    else:
        return
    if _post(url, lines):
        _remember(ledger, _Memory(names, at))


def _recall(ledger: History | None) -> _Memory | None:
    # A ledger that cannot be used is perhaps what there is to tell.
    with suppress(TargetError, SQLAlchemyError, msgspec.DecodeError):
        kept = ledger.recall(_TOLD) if ledger is not None else None
        return msgspec.json.decode(kept, type=_Memory) if kept else None
    return None


def _remember(ledger: History | None, memory: _Memory) -> None:
    with suppress(TargetError, SQLAlchemyError):
        if ledger is None:
            return
        with ledger.commit():
            ledger.note(_TOLD, msgspec.json.encode(memory).decode())


def _post(url: str, lines: Iterable[str]) -> bool:
    """Whether the webhook took it."""
    problems: list[str | None] = []
    # A daemon, so that a webhook that never comes to an end does not keep the process alive.
    call = threading.Thread(target=lambda: problems.append(_call(url, lines)), daemon=True)
    call.start()
    call.join(_LONGEST_SECONDS)
    problem = problems[0] if problems else "could not be reached (it did not answer in time)"
    if problem is not None:
        _log.warning("The webhook %s; check webhook_url.", problem)
    return problem is None


def _call(url: str, lines: Iterable[str]) -> str | None:
    """What went wrong, if anything did."""
    try:
        answer = requests.post(
            url,
            json=message(url, lines),
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        )
        answer.close()
    except (requests.RequestException, ValueError) as error:
        # The sentence of the error holds the address.
        return f"could not be reached ({type(error).__name__})"
    if not 200 <= answer.status_code < 300:  # noqa: PLR2004 - HTTP's successes
        return f"answered {answer.status_code}"
    return None


def message(url: str, lines: Iterable[str]) -> dict[str, Any]:
    """The JSON body that the service behind an address takes.

    Args:
        url: The webhook.
        lines: The text.
    """
    head = "target-swoogo"
    host = urlsplit(url).hostname or ""
    if not f".{host}".endswith(_CARDS):
        # Slack reads these three as markup, by which a name could call for everybody.
        text = "\n\n".join([f"*{head}*", *lines])
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    blocks = [{"type": "TextBlock", "text": line, "wrap": True} for line in lines]
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [{"type": "TextBlock", "text": head, "weight": "Bolder"}, *blocks],
                },
            }
        ],
    }
