"""Actions → calls: stage by stage, several at once, journalled; every action has an outcome.

Threads only talk to Swoogo. The ledger is written by the calling thread alone, which commits what
has ended together with the intents of what begins next, so that no create is sent before its intent
is durable and no answer is lost once it was read.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from target_swoogo import match, wording
from target_swoogo.actions import Action, Verb, values_to_send
from target_swoogo.answers import OutcomeUnknown, Refused, SwoogoError, Unavailable
from target_swoogo.calls import Caller, Linked, RecordGone, Sent
from target_swoogo.errors import TargetError
from target_swoogo.images import ImageError
from target_swoogo.model import Intent, Key, Kind, Mapped, State, Uploaded
from target_swoogo.observe import find
from target_swoogo.quota import QuotaSpent

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from target_swoogo.actions import Plan
    from target_swoogo.images import ImageFetcher
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Scalar
    from target_swoogo.settings import Settings
    from target_swoogo.swoogo import Swoogo

_MOST_UNAVAILABLE = 10
"""After so many calls in a row without a usable answer the run ends; the next one continues."""


class Verdict(str, Enum):
    """How an action ended."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    LINKED = "linked"
    IMAGE_SENT = "image sent"
    IMAGE_SAME = "image same"
    GONE = "deleted in Swoogo"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended, and why if not well.

    Attributes:
        action: The action.
        verdict: How it ended.
        code: Stable name of the reason.
        message: One sentence that names the record and says what to do.
        detail: For an image, what was done to make it fit.
    """

    action: Action
    verdict: Verdict
    code: str | None = None
    message: str | None = None
    detail: str | None = None


@dataclass(slots=True)
class _Step:
    """An action that has begun: its call, and its intent if it creates."""

    action: Action
    call: Callable[[], Any]
    intent: Intent | None = None


@dataclass
class Applier:
    """Carries out the plan of one event pair.

    Attributes:
        pair: The pair.
        ledger: Where intents and outcomes are kept.
        client: Swoogo.
        fetcher: Fetches images.
        settings: The settings.
        stop: Set to end early; what was begun is finished, the rest stays pending.
        error: The failure that ended the run for all records, if there was one.
    """

    pair: Pair
    ledger: Ledger
    client: Swoogo
    fetcher: ImageFetcher
    settings: Settings
    stop: threading.Event
    clock: Callable[[], float] = time.time
    error: TargetError | None = None

    def __post_init__(self) -> None:
        self._mapped = self.ledger.mapped(self.pair)
        self._images = self.ledger.images(self.pair)
        self._ids = {
            key: entry.swoogo_id
            for key, entry in self._mapped.items()
            if entry.swoogo_id is not None and entry.state is not State.TOMBSTONE
        }
        self._lost: list[tuple[Action, Intent]] = []
        self._unavailable = 0
        self._ending: tuple[str, str] | None = None
        self._outcomes: list[Outcome] = []
        self._caller = Caller(self.pair, self.client, self.fetcher)

    def run(self, plan: Plan) -> list[Outcome]:
        """Carry out a plan.

        Args:
            plan: The plan.

        Returns:
            An outcome for each of its actions.
        """
        for _, stage in groupby(plan.actions, key=lambda action: action.stage):
            self._run_stage(deque(stage))
            self._look_up_lost()
        return self._outcomes

    def _run_stage(self, waiting: deque[Action]) -> None:
        running: dict[Future[Any], _Step] = {}
        done: Iterable[Future[Any]] = ()
        with ThreadPoolExecutor(self.settings.max_workers) as pool:
            while waiting or running:
                begun: list[_Step] = []
                with self.ledger.commit():
                    for future in done:
                        self._settle(running.pop(future), future)
                    while waiting and len(running) + len(begun) < self.settings.max_workers:
                        action = waiting.popleft()
                        if self._ended():
                            self._leave(action)
                        elif (step := self._begin(action)) is not None:
                            begun.append(step)
                running |= {pool.submit(step.call): step for step in begun}
                done = wait(running, return_when=FIRST_COMPLETED).done if running else ()

    # Beginning

    def _begin(self, action: Action) -> _Step | None:
        """Journal what must be, and return the call to make; None when there is none to make."""
        if action.verb is Verb.CREATE:
            return self._begin_create(action)
        if action.verb is Verb.ADOPT:
            self._adopt(action)
        step = None
        # Without an id the record itself failed; what hangs on it waits until that is mended.
        if (swoogo_id := self._ids.get(action.row.key)) is not None:
            step = self._begin_known(action, swoogo_id)
        if action.verb is Verb.ADOPT and step is None:
            self._end(action, Verdict.ADOPTED)
        elif step is None:
            self._end(
                action, Verdict.PENDING, "record_missing", wording.waits_for_record(action.row)
            )
        return step

    def _begin_create(self, action: Action) -> _Step:
        row, values = action.row, values_to_send(action, self._ids)
        intent = Intent(values, self.clock())
        self.ledger.open_intent(self.pair, row.key, intent)
        return _Step(action, lambda: self._caller.create(row, values), intent)

    def _begin_known(self, action: Action, swoogo_id: int) -> _Step | None:
        row = action.row
        if action.verb is Verb.IMAGE:
            contact_id, known = self._mapped[row.key].contact_id, self._images.get(row.key)
            return _Step(action, lambda: self._caller.image(row, swoogo_id, contact_id, known))
        if action.verb is Verb.LINK:
            sessions = {
                session_id: self._ids[Kind.SESSION, session_id]
                for session_id in action.sessions
                if (Kind.SESSION, session_id) in self._ids
            }
            if not sessions:
                return None
            return _Step(action, lambda: self._caller.link(swoogo_id, sessions))
        values = values_to_send(action, self._ids)
        if not values:
            return None
        return _Step(action, lambda: self._caller.update(row, swoogo_id, values))

    def _adopt(self, action: Action) -> None:
        row, found = action.row, action.found
        if found is None:  # pragma: no cover - the planner gives every adoption its record
            message = "an adoption without a record"
            raise AssertionError(message)
        entry = Mapped(
            row.kind,
            row.source_id,
            row.label,
            found.swoogo_id,
            # Where Sessionboard has nothing, what somebody wrote by hand is left alone.
            {
                name: None if value is None else found.fields.get(name)
                for name, value in row.fields.items()
            },
            State.SYNCED,
            adopted=True,
            contact_id=_integer(found.raw.get("contact_id")),
            direct_link=_text(found.raw.get("direct_link")),
        )
        self._save(entry)
        self.ledger.close_intent(self.pair, row.key)

    # Settling

    def _settle(self, step: _Step, future: Future[Any]) -> None:
        action, intent = step.action, step.intent
        try:
            result = future.result()
        except OutcomeUnknown:
            if intent is None:  # pragma: no cover - only creates have unknown outcomes
                raise
            self._count_unavailable()
            self._lost.append((action, intent))
            return
        except RecordGone:
            self._bury(action.row.key)
            self._end(
                action, Verdict.GONE, "deleted_in_swoogo", wording.deleted_in_swoogo(action.row)
            )
            return
        except (SwoogoError, ImageError) as error:
            self._fail(action, error)
        except QuotaSpent:
            self._ending = self._ending or ("quota_spent", _QUOTA_SPENT)
            self._leave(action)
        except TargetError as error:
            self.error = self.error or error
            self._leave(action)
        else:
            self._unavailable = 0
            self._succeed(action, result)
        if intent is not None:
            self.ledger.close_intent(self.pair, action.row.key)

    def _succeed(self, action: Action, result: Any) -> None:
        row = action.row
        if isinstance(result, Sent):
            self._images[row.key] = result.uploaded
            self.ledger.save_image(self.pair, row.key, result.uploaded)
            entry = self._mapped[row.key]
            if entry.contact_id != result.contact_id:
                entry.contact_id = result.contact_id
                self._save(entry)
            verdict = Verdict.IMAGE_SENT if result.sent else Verdict.IMAGE_SAME
            self._end(action, verdict, detail=result.note)
            return
        for key in result.gone:
            self._bury(key)
        if isinstance(result, Linked):
            self.ledger.save_links(self.pair, row.source_id, result.sessions)
            self._end(action, Verdict.LINKED if result.sessions else Verdict.GONE)
            return
        if action.verb is Verb.CREATE:
            self._created(action, result.raw, result.values)
            return
        entry = self._mapped[row.key]
        entry.applied |= result.values
        entry.label, entry.state, entry.code, entry.message = row.label, State.SYNCED, None, None
        self._save(entry)
        self._end(action, Verdict.ADOPTED if action.verb is Verb.ADOPT else Verdict.UPDATED)

    def _created(self, action: Action, raw: dict[str, Any], values: dict[str, Scalar]) -> None:
        row = action.row
        entry = Mapped(
            row.kind,
            row.source_id,
            row.label,
            int(raw["id"]),
            values,
            State.SYNCED,
            contact_id=_integer(raw.get("contact_id")),
            direct_link=_text(raw.get("direct_link")),
        )
        self._save(entry)
        self._end(action, Verdict.CREATED)

    def _fail(self, action: Action, error: SwoogoError | ImageError) -> None:
        row = action.row
        if isinstance(error, Unavailable):
            self._count_unavailable()
        message = _failure(action, error)
        if isinstance(error, Refused) and "level" in error.fields:
            # The level that was remembered is there no more; the next run reads them anew.
            self.pair.observed.pop("levels", None)
            self.ledger.remember(self.pair)
        if action.verb is Verb.IMAGE and row.picture is not None:
            known = self._images.get(row.key)
            uploaded = Uploaded(
                row.picture.url,
                row.picture.version,
                known.etag if known else None,
                known.sha256 if known else None,
                error.code,
                message,
            )
            self._images[row.key] = uploaded
            self.ledger.save_image(self.pair, row.key, uploaded)
        else:
            entry = self._mapped.get(row.key) or Mapped(row.kind, row.source_id, row.label)
            entry.state, entry.code, entry.message = State.FAILED, error.code, message
            self._save(entry)
        self._end(action, Verdict.FAILED, error.code, message)

    def _count_unavailable(self) -> None:
        self._unavailable += 1
        if self._unavailable >= _MOST_UNAVAILABLE and self.error is None:
            self.error = TargetError(
                "swoogo_unavailable",
                f"Swoogo gave no usable answer {_MOST_UNAVAILABLE} times in a row, so the run was "
                f"ended; the next one continues. Look at Swoogo's status page if this goes on.",
            )

    def _look_up_lost(self) -> None:
        """Look whether creates whose answers were lost came through; all else is settled now."""
        for action, intent in self._lost:
            row = action.row
            matches = []
            if not self._ended():
                try:
                    found = find(self.client, self.pair, [row], {row.key: intent})[row.key]
                    claimed = {(key[0], swoogo_id) for key, swoogo_id in self._ids.items()}
                    matches = [f for f in found if (row.kind, f.swoogo_id) not in claimed]
                except (SwoogoError, QuotaSpent):
                    pass
                except TargetError as error:
                    self.error = error
            chosen = match.best(intent.fields, matches)
            if chosen is None:
                self._end(action, Verdict.PENDING, "outcome_unknown", wording.outcome_unknown(row))
                continue
            with self.ledger.commit():
                self._adopt(replace(action, found=chosen))
                self._end(action, Verdict.CREATED)
        self._lost.clear()

    # Ending

    def _ended(self) -> bool:
        return self.stop.is_set() or self.error is not None or self._ending is not None

    def _leave(self, action: Action) -> None:
        code, message = self._ending or ("run_ended", _RUN_ENDED)
        self._end(action, Verdict.PENDING, code, f"{action.row.label}: {message}")

    def _end(
        self,
        action: Action,
        verdict: Verdict,
        code: str | None = None,
        message: str | None = None,
        detail: str | None = None,
    ) -> None:
        self._outcomes.append(Outcome(action, verdict, code, message, detail))

    def _bury(self, key: Key) -> None:
        entry = self._mapped[key]
        entry.state, entry.code = State.TOMBSTONE, "deleted_in_swoogo"
        self._save(entry)

    def _save(self, entry: Mapped) -> None:
        self._mapped[entry.key] = entry
        if entry.state is State.TOMBSTONE:
            self._ids.pop(entry.key, None)
        elif entry.swoogo_id is not None:
            self._ids[entry.key] = entry.swoogo_id
        self.ledger.save(self.pair, entry)


_QUOTA_SPENT = "the quota or the time of this run is used up; the next run continues."
_RUN_ENDED = "the run was ended early; the next run continues."


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _failure(action: Action, error: SwoogoError | ImageError) -> str:
    if isinstance(error, Refused):
        return wording.refused(action, str(error))
    if isinstance(error, Unavailable):
        return wording.unavailable(action, str(error))
    return wording.failed(action, str(error))
