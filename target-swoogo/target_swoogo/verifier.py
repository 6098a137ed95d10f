"""Reads what Swoogo has of the event pairs, at a price that is known before, and compares it."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from target_swoogo import match, observe
from target_swoogo.actions import Verb
from target_swoogo.answers import NotFound, SwoogoError
from target_swoogo.clock import utc_now
from target_swoogo.endpoints import EVENT, GET, LIST, PER_PAGE, TOKEN
from target_swoogo.errors import TargetError
from target_swoogo.evaluate import evaluate, held_now, planned
from target_swoogo.model import Found, Kind
from target_swoogo.observe import PairError
from target_swoogo.quota import Quota, QuotaSpent
from target_swoogo.swoogo import Swoogo
from target_swoogo.values import label_of
from target_swoogo.verify import Comparison, compare, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_swoogo.evaluate import Evaluated
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Mapped
    from target_swoogo.settings import Settings


@dataclass
class Verified:
    """One event pair, verified.

    Attributes:
        mapping: Its Sessionboard and Swoogo event ids.
        name: What people call the event.
        result: What came of comparing; None where that could not be done.
        error: Code and sentence of why not.
    """

    mapping: tuple[int, int]
    name: str = "Event"
    result: Comparison | None = None
    error: tuple[str, str] | None = None

    @property
    def in_sync(self) -> bool:
        """Whether it was compared and nothing differs."""
        return self.result is not None and self.result.in_sync


@dataclass
class Verifier:
    """Reads Swoogo and compares. Changes nothing, there or in the ledger.

    Attributes:
        ledger: What Swoogo was told.
        settings: The settings.
        user_agent: Names this program.
        mappings: The event pairs to look at.
    """

    ledger: Ledger
    settings: Settings
    user_agent: str
    mappings: Sequence[tuple[int, int]]

    def __post_init__(self) -> None:
        settings = self.settings
        deadline = time.monotonic() + settings.time_budget_minutes * 60
        # A person waits for the answer: what the quota does not allow now is said, not waited for.
        self.quota = Quota(settings.quota_reserve_percent, deadline, sleep=lambda _: True)
        self._client = Swoogo(
            settings.api_url,
            settings.consumer_key,
            settings.consumer_secret,
            self.quota,
            user_agent=self.user_agent,
        )
        self._now = utc_now()
        known = {pair.events: pair for pair in self.ledger.pairs()}
        self._pairs = {mapping: known.get(mapping) for mapping in self.mappings}

    def cost(self) -> int:
        """The credits that verifying takes, by what the ledger knows to be in Swoogo."""
        pairs = [pair for pair in self._pairs.values() if pair is not None]
        return (TOKEN.cost if pairs else 0) + sum(self._pair_cost(pair) for pair in pairs)

    def _pair_cost(self, pair: Pair) -> int:
        counts = Counter(kind for kind, _ in self.ledger.mapped(pair))
        return EVENT.cost + sum(
            LIST[kind].cost * max(-(-counts[kind] // PER_PAGE), 1) for kind in Kind
        )

    def verify(self) -> list[Verified]:
        """Compare every pair.

        Returns:
            One result for each pair, in the order of the mappings.

        Raises:
            TargetError: The quota does not allow it, or Swoogo lets nobody in.
        """
        results = [Verified(mapping) for mapping in self.mappings]
        with closing(self._client):
            for result in results:
                try:
                    self._verify(result)
                except PairError as error:
                    result.error = (error.code, str(error))
                except SwoogoError as error:
                    result.error = (error.code, f"Swoogo could not be read: {error}.")
                except QuotaSpent:
                    raise self._too_dear() from None
        return results

    def _verify(self, result: Verified) -> None:
        pair = self._pairs[result.mapping]
        if pair is None:
            raise PairError(
                "pair_never_synced",
                f"Sessionboard event {result.mapping[0]} was never synced to Swoogo event "
                f"{result.mapping[1]}; run a sync first.",
            )
        seen = evaluate(self.ledger, pair, self.settings, self._now)
        result.name = label_of(seen.event.name, None, "Event")
        observe.check_event(self._client, pair)
        left = self.quota.left
        if left is not None and left < self._pair_cost(pair) - EVENT.cost:
            raise QuotaSpent
        held = self.ledger.held(pair)
        plan = planned(seen, observe.observed(pair, {}), self.settings, self._now, held)
        result.result = compare(
            seen,
            plan,
            self._records(seen, pair),
            held=held_now(plan, held),
            create_only=self.settings.create_only_fields,
            levels=dict(pair.observed.get("levels", ())),
        )

    def _records(self, seen: Evaluated, pair: Pair) -> dict[Kind, list[Found]]:
        records = {kind: list(self._listed(kind, pair.swoogo_event_id)) for kind in Kind}
        for entry in unseen(seen, records):
            if (found := self._unlisted(pair, entry)) is not None:
                records[entry.kind].append(found)
        return records

    def _unlisted(self, pair: Pair, entry: Mapped) -> Found | None:
        """A record that is there although no list shows it: lists lag, and shift while read."""
        swoogo_id = entry.swoogo_id or 0
        if entry.kind in GET:
            try:
                return match.found(self._client.get(entry.kind, swoogo_id))
            except NotFound:
                return None
        since = self._now - timedelta(seconds=self.settings.list_lag_seconds)
        made = [
            told for told in self.ledger.told(pair, entry.key) if told.action == Verb.CREATE.value
        ]
        is_new = any(datetime.fromisoformat(told.at) > since for told in made)
        return Found(swoogo_id, dict(entry.applied), {}) if is_new else None

    def _listed(self, kind: Kind, event_id: int) -> Iterator[Found]:
        number, pages = 1, 1
        while number <= pages:
            page = self._client.whole_page(kind, event_id, number)
            yield from (match.found(item) for item in page.items)
            number, pages = number + 1, page.pages

    def _too_dear(self) -> TargetError:
        left = f"{self.quota.left:,}" if self.quota.left is not None else "unknown"
        return TargetError(
            "quota_too_short",
            f"Verifying takes about {self.cost():,} credits of Swoogo's quota, which does not "
            f"allow that now (left: {left}, of which {self.settings.quota_reserve_percent} % of "
            f"the quota are reserved for others); try again in ten minutes.",
        )
