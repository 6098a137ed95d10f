"""A run in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from target_swoogo.actions import Verb
from target_swoogo.answers import OutcomeUnknown, Unavailable
from target_swoogo.apply import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_swoogo.report import PairReport

COLUMNS = (
    "created",
    "updated",
    "adopted",
    "unchanged",
    "held",
    "skipped",
    "failed",
    "pending",
)
"""The columns of the table of counts."""

_THERE = ("created", "updated", "adopted", "unchanged")
_AMISS = ("held", "failed", "pending")
_WANTED = (*_THERE, *_AMISS)
_CHANGED = ("created", "updated", "adopted")
_PASSING = frozenset({Unavailable.code, OutcomeUnknown.code})
"""Failures that the next run mends by itself."""


def outcome(pairs: Sequence[PairReport], *, dry_run: bool) -> str:
    """What came of one event pair or of several, as one sentence for people.

    Args:
        pairs: The pairs.
        dry_run: Whether nothing was to be changed.
    """
    stopped = [pair for pair in pairs if pair.error]
    if len(pairs) == 1 and pairs[0].error:
        return f"Stopped: {pairs[0].error[1]}"
    if len(pairs) == 1 and pairs[0].postponed:
        return "Not looked at: the run ended before its turn; the next run does it."
    if not pairs:
        return "No event is mapped, so there was nothing to do."
    parts = []
    if stopped:
        needs = "needs" if len(stopped) == 1 else "need"
        parts.append(f"{len(stopped)} of {len(pairs)} events stopped and {needs} you")
    if late := sum(pair.postponed for pair in pairs):
        parts.append(f"{late} of {len(pairs)} events wait for the next run")
    rest = [pair for pair in pairs if not pair.error and not pair.postponed]
    if old := sum(not pair.read for pair in rest):
        which = "Sessionboard was" if old == len(rest) else f"{old} of {len(rest)} events were"
        parts.append(f"{which} not read whole in this run, so this may be old")
    if rest:
        parts += _would(rest) if dry_run else _did(rest)
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def attention(pairs: Iterable[PairReport]) -> bool:
    """Whether something waits for a person: a stop, a failure, or a change held back."""
    return any(pair.error or pair.plan.held or pair.failures() for pair in pairs)


def changed(pairs: Iterable[PairReport]) -> bool:
    """Whether anything was done in Swoogo, or in a dry run would be."""
    return any(pair.steps() for pair in pairs)


def _did(pairs: Sequence[PairReport]) -> list[str]:
    counts, extras = _totals(pairs)
    results = _results(pairs)
    done = [_many(results[column], "", column) for column in _CHANGED if results[column]]
    if not done:
        done = [
            _many(extras[key], noun, did)
            for key, noun, did in (
                ("links linked", "speaker", "linked to sessions"),
                ("links unlinked", "speaker", "taken off sessions"),
                ("images sent", "image", "sent"),
            )
            if extras[key]
        ]
    made = [f"{_and(done)} in this run"] if done else []
    if not made and any(counts[c] for c in _THERE) and not any(counts[c] for c in _AMISS):
        made = ["nothing had to be changed"]
    return [_there(counts), *made, *_open(pairs, counts)]


def _would(pairs: Sequence[PairReport]) -> list[str]:
    counts, extras = _totals(pairs)
    results = _results(pairs)
    links = extras["links to link"] + extras["links to unlink"]
    wanted = [
        *(f"{_amount(results[c], 'record')} {c}" for c in _CHANGED if results[c]),
        *([f"{_amount(links, 'speaker')} linked to sessions"] if links else []),
        *([f"{_amount(n, 'image')} looked at"] if (n := extras["images to look at"]) else []),
    ]
    would = f"it would have {_and(wanted)}" if wanted else "it would have nothing to change"
    return ["this was a dry run, and nothing was changed", would, *_open(pairs, counts)]


def _there(counts: Counter[str]) -> str:
    there = sum(counts[column] for column in _THERE)
    wanted = sum(counts[column] for column in _WANTED)
    if not wanted:
        return "there is nothing to sync yet"
    if there < wanted:
        return f"{there:,} of {_amount(wanted, 'record')} are in Swoogo as they should be"
    return (
        "the only record is in Swoogo" if wanted == 1 else f"all {wanted:,} records are in Swoogo"
    )


def _open(pairs: Sequence[PairReport], counts: Counter[str]) -> list[str]:
    """What is not as it should be."""
    failed = Counter(
        "passing" if one.code in _PASSING else _NOUNS.get(one.action.verb, "record")
        for pair in pairs
        for one in pair.outcomes
        if one.verdict is Verdict.FAILED
    )
    parts = []
    if named := [_amount(failed[noun], noun) for noun in _WAITING if failed[noun]]:
        alone = sum(failed[noun] for noun in _WAITING) == 1
        parts.append(f"{_and(named)} {'needs' if alone else 'need'} you")
    if again := failed["passing"]:
        parts.append(f"{again:,} failed and will be tried again by the next run")
    if held := sum(len(pair.plan.held) for pair in pairs):
        parts.append(f"{_amount(held, 'change')} {'waits' if held == 1 else 'wait'} for approval")
    if late := sum(len(pair.pending()) for pair in pairs):
        parts.append(f"{late:,} {'follows' if late == 1 else 'follow'} in the next run")
    if left := counts["skipped"]:
        parts.append(_many(left, "", "left out"))
    return parts


_WAITING = ("record", "image", "link")
_NOUNS = {Verb.IMAGE: "image", Verb.LINK: "link", Verb.UNLINK: "link"}


def _totals(pairs: Iterable[PairReport]) -> tuple[Counter[str], Counter[str]]:
    counts: Counter[str] = Counter()
    extras: Counter[str] = Counter()
    for pair in pairs:
        extras += pair.extras()
        for of_kind in pair.counts().values():
            counts += of_kind
    return counts, extras


def _results(pairs: Iterable[PairReport]) -> Counter[str]:
    return sum((pair.done() for pair in pairs), Counter())


def _amount(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _many(number: int, noun: str, did: str) -> str:
    who = _amount(number, noun) if noun else f"{number:,}"
    return f"{who} {'was' if number == 1 else 'were'} {did}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
