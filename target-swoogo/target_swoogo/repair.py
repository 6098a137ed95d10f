"""Repairs drift: the ledger forgets what drifted, and an ordinary run sends it again."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from target_swoogo.clock import utc_now
from target_swoogo.guards import FEWEST
from target_swoogo.model import Kind
from target_swoogo.reconcile import Reconciler

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Mapping, Sequence

    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Key
    from target_swoogo.report import RunReport
    from target_swoogo.settings import Settings
    from target_swoogo.verify import Drift


@dataclass(slots=True)
class Forgetting:
    """What the ledger must un-know so that an ordinary run sends it again.

    Attributes:
        fields: The fields of each record.
        links: Links, by Sessionboard ids of speaker and session, that are gone.
        added: Links that somebody made: they are known from now on, and treated as any other.
        images: Records whose image is gone.
    """

    fields: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    links: list[tuple[str, str]] = field(default_factory=list)
    added: list[tuple[str, str]] = field(default_factory=list)
    images: list[Key] = field(default_factory=list)

    @property
    def keys(self) -> set[Key]:
        """The records that are concerned."""
        speakers = {(Kind.SPEAKER, speaker) for speaker, _ in (*self.links, *self.added)}
        return {*self.fields, *speakers, *self.images}


def to_forget(drift: Iterable[Drift]) -> Forgetting:
    """What the ledger must un-know to have drift repaired by an ordinary run.

    Of a record that is missing one field is enough: its update finds out what became of it.

    Args:
        drift: What differs.
    """
    out = Forgetting()
    for one in drift:
        if one.code == "edited_in_swoogo" and one.field is not None:
            out.fields[one.key].add(one.field)
        elif one.code == "missing_in_swoogo":
            out.fields[one.key].add("first_name" if one.key[0] is Kind.SPEAKER else "name")
        elif one.code == "image_missing":
            out.images.append(one.key)
        elif one.session_id is not None:
            links = out.links if one.code == "link_missing" else out.added
            links.append((one.key[1], one.session_id))
    return out


def refusal(compared: Mapping[str, int], drift: Iterable[Drift], limit: int) -> str | None:
    """Why so much is not repaired unasked: an older ledger would roll all of Swoogo back.

    Args:
        compared: How many records of each kind were compared, by its plural.
        drift: What would be repaired.
        limit: The share of the records of a kind, in percent, that may be; 0 allows all.

    Returns:
        A sentence, or None where a repair may be.
    """
    edited = Counter(kind for kind, _ in {d.key for d in drift if d.code == "edited_in_swoogo"})
    for kind, count in edited.items():
        known = compared[kind.plural]
        if known >= FEWEST and 100 * count / known > limit > 0:
            return (
                f"{count:,} of the {known:,} {kind.plural} in Swoogo are not what was sent, more "
                f"than guard_changed_percent ({limit} %) lets through: is this an older ledger, "
                f"brought back? Nothing was repaired; run a sync first; if it is meant: --force"
            )
    return None


def repair(
    ledger: Ledger,
    settings: Settings,
    stop: threading.Event,
    user_agent: str,
    drift: Mapping[tuple[int, int], Sequence[Drift]],
) -> RunReport:
    """Bring back what drifted, and nothing else.

    What was deleted in Swoogo is not made anew: its update finds that out, and it is left so until
    it is restored.

    Args:
        ledger: The ledger.
        settings: The settings, with the event pairs that are to be repaired.
        stop: Set to end early.
        user_agent: Names this program.
        drift: What drifted, by Sessionboard and Swoogo event id.

    Returns:
        What the run did.
    """
    forget = {mapping: to_forget(some) for mapping, some in drift.items()}
    for pair in ledger.pairs():
        if pair.events in forget:
            _forget(ledger, pair, forget[pair.events])
    return Reconciler(
        ledger,
        settings,
        stop,
        user_agent,
        utc_now(),
        only=lambda pair, _programme, _applied: forget[pair.events].keys,
    ).run()


def _forget(ledger: Ledger, pair: Pair, forget: Forgetting) -> None:
    mapped, images = ledger.mapped(pair), ledger.images(pair)
    with ledger.commit():
        for key, names in forget.fields.items():
            entry = mapped[key]
            kept = {name: value for name, value in entry.applied.items() if name not in names}
            ledger.save(pair, replace(entry, applied=kept))
        for key in forget.images:
            ledger.save_image(pair, key, replace(images[key], begun=True))
        for links, made in ((forget.links, False), (forget.added, True)):
            for speaker_id, session_id in links:
                ledger.save_links(pair, speaker_id, [session_id], made=made)
