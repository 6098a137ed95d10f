"""Actions → calls: stage by stage, several at once, journalled; every action has an outcome.

Threads only talk to Swoogo. The ledger is written by the calling thread alone, which commits what
has ended together with the intents of what begins next, so that no create is sent before its intent
is durable and no answer is lost once it was read.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from target_swoogo import match, wording
from target_swoogo.actions import Action, Plan, Verb, values_to_send
from target_swoogo.answers import OutcomeUnknown, Refused, SwoogoError, Unavailable
from target_swoogo.book import Book
from target_swoogo.calls import Caller, Linked, RecordGone, Sent
from target_swoogo.errors import TargetError
from target_swoogo.images import ImageError
from target_swoogo.model import Intent, Kind, Row
from target_swoogo.observe import find
from target_swoogo.quota import QuotaSpent

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from target_swoogo.images import ImageFetcher
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Found, Key
    from target_swoogo.progress import Progress
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
    UNLINKED = "unlinked"
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
        thumbnail: For an image that was sent, a small copy as WebP.
    """

    action: Action
    verdict: Verdict
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    thumbnail: bytes | None = None


@dataclass(slots=True)
class _Step:
    """An action that has begun: its call, and what takes it back if the call did not happen."""

    action: Action
    call: Callable[[], Any]
    undo: Callable[[], None]
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
        progress: Tells people how far it has come.
        error: The failure that ended the run for all records, if there was one.
    """

    pair: Pair
    ledger: Ledger
    client: Swoogo
    fetcher: ImageFetcher
    settings: Settings
    stop: threading.Event
    progress: Progress
    clock: Callable[[], float] = time.time
    error: TargetError | None = None

    def __post_init__(self) -> None:
        self._book = Book(self.pair, self.ledger)
        self._caller = Caller(self.pair, self.client, self.fetcher)
        self._lost: list[tuple[Action, Intent]] = []
        self._unavailable = 0
        self._ending: tuple[str, str] | None = None
        self._outcomes: list[Outcome] = []
        self._plan = Plan()

    def run(self, plan: Plan) -> list[Outcome]:
        """Carry out a plan.

        Args:
            plan: The plan.

        Returns:
            An outcome for each of its actions, and for each record that turned out to be deleted
            in Swoogo, which the plan no longer counts as unchanged.
        """
        self._plan = plan
        with self.ledger.commit():
            for key in plan.dead:
                self.ledger.close_intent(self.pair, key)
            for verb, key in plan.settled:
                if verb is Verb.IMAGE:
                    self._book.image_settled(key)
                else:
                    self._book.settled(key)
        for _, stage in groupby(plan.actions, key=lambda action: action.stage):
            self._run_stage(deque(stage))
            self._look_up_lost()
        return self._outcomes

    def _run_stage(self, waiting: deque[Action]) -> None:
        most = self.settings.max_workers + self.settings.max_workers // _WAITING
        running: dict[Future[Any], _Step] = {}
        done: Iterable[Future[Any]] = ()
        with ThreadPoolExecutor(self.settings.max_workers) as pool:
            while waiting or running:
                begun: list[_Step] = []
                with self.ledger.commit():
                    for future in done:
                        self._settle(running.pop(future), future)
                    while waiting and len(running) + len(begun) < most:
                        action = waiting.popleft()
                        if self._ended():
                            self._leave(action)
                        elif (step := self._begin(action)) is not None:
                            begun.append(step)
                running |= {pool.submit(step.call): step for step in begun}
                self.progress.reached(len(self._outcomes))
                done = self._wait(running) if running else ()

    def _wait(self, running: Iterable[Future[Any]]) -> Iterable[Future[Any]]:
        """What has ended; nothing, when it is time to tell that it takes long."""
        timeout = self.progress.every or None
        return wait(running, timeout=timeout, return_when=FIRST_COMPLETED).done

    # Beginning

    def _begin(self, action: Action) -> _Step | None:
        """Journal what must be, and return the call to make; None when there is none to make."""
        if action.verb is Verb.CREATE:
            return self._begin_create(action)
        if action.verb is Verb.ADOPT and action.found is not None:
            self._book.adopted(action.row, action.found, action.replaces)
        step = None
        # Without an id the record itself failed; what hangs on it waits until that is mended.
        if (swoogo_id := self._book.ids.get(action.row.key)) is not None:
            begin = self._begin_extra if action.verb in _EXTRAS else self._begin_update
            step = begin(action, swoogo_id)
        if action.verb is Verb.ADOPT and step is None:
            self._end(action, Verdict.ADOPTED)
        elif step is None:
            missing = wording.waits_for_record(action.row)
            self._end(action, Verdict.PENDING, "record_missing", missing)
        return step

    def _begin_create(self, action: Action) -> _Step:
        row, values = action.row, values_to_send(action, self._book.ids)
        intent = Intent(values, self.clock())
        undo = self._book.begin_create(row, intent)
        return _Step(action, lambda: self._caller.create(row, values), undo, intent)

    def _begin_update(self, action: Action, swoogo_id: int) -> _Step | None:
        row, values = action.row, values_to_send(action, self._book.ids)
        if not values:
            return None
        undo = self._book.begin_update(row, values)
        return _Step(action, lambda: self._caller.update(row, swoogo_id, values), undo)

    def _begin_extra(self, action: Action, swoogo_id: int) -> _Step | None:
        row, book = action.row, self._book
        if action.verb is Verb.IMAGE:
            contact_id, known = book.mapped[row.key].contact_id, book.images.get(row.key)
            undo = book.begin_image(row)
            return _Step(
                action, lambda: self._caller.image(row, swoogo_id, contact_id, known), undo
            )
        sessions = {
            session: book.ids[Kind.SESSION, session]
            for session in action.sessions
            if (Kind.SESSION, session) in book.ids
        }
        if not sessions:
            return None
        if action.verb is Verb.UNLINK:
            undo = book.begin_unlink(row.source_id, sessions)
            return _Step(action, lambda: self._caller.unlink(swoogo_id, sessions), undo)
        undo = book.begin_link(row.source_id, sessions)
        return _Step(action, lambda: self._caller.link(swoogo_id, sessions), undo)

    # Settling

    def _settle(self, step: _Step, future: Future[Any]) -> None:
        action = step.action
        try:
            result = future.result()
        except OutcomeUnknown:
            self._count_unavailable()
            if step.intent is not None:
                self._lost.append((action, step.intent))
        except RecordGone:
            self._book.buried(action.row.key)
            gone = wording.deleted_in_swoogo(action.row)
            self._end(action, Verdict.GONE, "deleted_in_swoogo", gone)
        except (SwoogoError, ImageError) as error:
            # An update that was not answered may have happened; a create has an intent for that.
            if action.verb is Verb.CREATE or not _may_have_happened(error):
                step.undo()
            self._fail(action, error)
        except QuotaSpent:
            self._take_back(step)
            self._ending = self._ending or ("quota_spent", _QUOTA_SPENT)
            self._leave(action)
        except TargetError as error:
            self._take_back(step)
            self.error = self.error or error
            self._leave(action)
        else:
            self._unavailable = 0
            self._succeed(action, result)

    def _take_back(self, step: _Step) -> None:
        """An update may have happened in an earlier try of the call; a create is tried once."""
        if step.action.verb is Verb.CREATE:
            step.undo()

    def _succeed(self, action: Action, result: Any) -> None:
        row, book = action.row, self._book
        if isinstance(result, Sent):
            book.image_sent(row, result)
            verdict = Verdict.IMAGE_SENT if result.sent else Verdict.IMAGE_SAME
            self._end(action, verdict, detail=result.note, thumbnail=result.thumbnail)
            return
        for key in result.gone:
            self._bury(key)
        if isinstance(result, Linked):
            if action.verb is Verb.UNLINK:
                book.unlinked(row.source_id, action.sessions)
                self._end(action, Verdict.UNLINKED)
                return
            book.linked(row.source_id, result.sessions)
            book.unlinked(row.source_id, (session for _, session in result.gone))
            if result.sessions:
                self._end(action, Verdict.LINKED)
            else:
                gone = wording.sessions_gone(row)
                self._end(action, Verdict.GONE, "deleted_in_swoogo", gone)
        elif action.verb is Verb.CREATE:
            book.created(row, result.raw, result.values)
            self._end(action, Verdict.CREATED)
        else:
            book.updated(row, result.values)
            self._end(action, Verdict.ADOPTED if action.verb is Verb.ADOPT else Verdict.UPDATED)

    def _bury(self, key: Key) -> None:
        """Note that a record was deleted in Swoogo, as turned out when others referred to it."""
        if key not in self._book.ids:
            return  # another action has found that out
        self._book.buried(key)
        row = Row(*key, self._book.mapped[key].label, {})
        gone = wording.deleted_in_swoogo(row)
        self._end(Action(Verb.UPDATE, row), Verdict.GONE, "deleted_in_swoogo", gone)
        self._plan.unchanged = [one for one in self._plan.unchanged if one.key != key]

    def _fail(self, action: Action, error: SwoogoError | ImageError) -> None:
        if isinstance(error, Unavailable):
            self._count_unavailable()
        if isinstance(error, Refused) and "level" in error.fields:
            # The level that was remembered is there no more; the next run reads them anew.
            self.pair.observed.pop("levels", None)
            self.ledger.remember(self.pair)
        message = _failure(action, error)
        if action.verb is Verb.IMAGE:
            self._book.image_failed(action.row, error.code, message)
        else:
            self._book.failed(action.row, error.code, message)
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
        lost, self._lost = self._lost, []
        wanted = {action.row.key: intent.fields for action, intent in lost}
        matches = {action.row.key: self._unclaimed(action, intent) for action, intent in lost}
        given = match.assign(wanted, {key: found for key, found in matches.items() if found})
        for action, _ in lost:
            row = action.row
            chosen = given.get(row.key)
            if chosen is None:
                message = wording.outcome_unknown(row)
                self._end(action, Verdict.PENDING, "outcome_unknown", message)
                continue
            with self.ledger.commit():
                self._book.adopted(row, chosen)
                self._end(action, Verdict.CREATED)

    def _unclaimed(self, action: Action, intent: Intent) -> list[Found]:
        row = action.row
        if self._ended():
            return []
        try:
            matches = find(self.client, self.pair, [row], {row.key: intent})[row.key]
        except (SwoogoError, QuotaSpent):
            return []
        except TargetError as error:
            self.error = error
            return []
        claimed = {e.swoogo_id for e in self._book.mapped.values() if e.kind is row.kind}
        return [found for found in matches if found.swoogo_id not in claimed]

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
        thumbnail: bytes | None = None,
    ) -> None:
        self._outcomes.append(Outcome(action, verdict, code, message, detail, thumbnail))
        if verdict is not Verdict.PENDING:
            self._book.told(action, verdict.value, code, message)


_WAITING = 4
"""For so many workers, one call waits for the first that is free while answers are kept.

Each is one more that a kill leaves begun, which the next run then has to look for.
"""

_EXTRAS = frozenset({Verb.LINK, Verb.UNLINK, Verb.IMAGE})
_QUOTA_SPENT = "the quota or the time of this run is used up; the next run continues."
_RUN_ENDED = "the run was ended early; the next run continues."


def _may_have_happened(error: SwoogoError | ImageError) -> bool:
    return isinstance(error, Unavailable) or (isinstance(error, SwoogoError) and error.is_repeated)


def _failure(action: Action, error: SwoogoError | ImageError) -> str:
    if isinstance(error, Refused):
        return wording.refused(action, str(error))
    if isinstance(error, Unavailable):
        return wording.unavailable(action, str(error))
    return wording.failed(action, str(error))
