"""One event pair's rows of the ledger in memory, and every change of them written through.

What is about to be sent is un-known first: the ledger forgets the old value of a field, marks a
link or an image as begun, opens the intent of a create. Only an answer makes it known again. So
whatever the moment at which a run dies, the next one sends again what Swoogo may or may not have.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from target_swoogo.model import Intent, Key, Kind, Mapped, State, Told, Uploaded
from target_swoogo.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_swoogo.actions import Action
    from target_swoogo.calls import Sent
    from target_swoogo.ledger import Ledger, Pair
    from target_swoogo.model import Found, Row, Scalar


@dataclass
class Book:
    """The rows of one pair. Every method that changes them is called inside `Ledger.commit`.

    Attributes:
        pair: The pair.
        ledger: Where they are kept.
    """

    pair: Pair
    ledger: Ledger

    def __post_init__(self) -> None:
        self.mapped = self.ledger.mapped(self.pair)
        self.images = self.ledger.images(self.pair)
        self.links = self.ledger.links(self.pair)
        self.intents = self.ledger.intents(self.pair)
        self.ids: dict[Key, int] = {}
        """Swoogo ids of what is known to be there."""
        self._by_address: dict[str, set[Key]] = defaultdict(set)
        for entry in self.mapped.values():
            self._index(entry)

    def _index(self, entry: Mapped) -> None:
        if entry.kind is Kind.SPEAKER:
            self._by_address[_address(entry.applied)].add(entry.key)
        if entry.state is State.TOMBSTONE:
            self.ids.pop(entry.key, None)
        elif entry.swoogo_id is not None:
            self.ids[entry.key] = entry.swoogo_id

    def save(self, entry: Mapped) -> None:
        """Write an entry of the ID map."""
        self.mapped[entry.key] = entry
        self._index(entry)
        self.ledger.save(self.pair, entry)

    # Before a call is sent: each returns what takes it back if the call did not happen

    def begin_create(self, row: Row, intent: Intent) -> Callable[[], None]:
        """Open the intent of a create."""
        self._share_contact(row, intent.fields)
        self.intents[row.key] = intent
        self.ledger.open_intent(self.pair, row.key, intent)
        return lambda: self.ledger.close_intent(self.pair, row.key)

    def begin_update(self, row: Row, values: Mapping[str, Scalar]) -> Callable[[], None]:
        """Forget what Swoogo has in the fields that are about to be sent."""
        entry = self.mapped[row.key]
        before, contact_id, image = dict(entry.applied), entry.contact_id, self.images.get(row.key)
        entry.applied = {name: value for name, value in before.items() if name not in values}
        if "email" in values:
            self._share_contact(row, values)
            # Another address is another contact, which has no headshot yet.
            entry.contact_id = None
            if image is not None:
                self._image(row.key, replace(image, begun=True))
        self.save(entry)

        def undo() -> None:
            entry.applied, entry.contact_id = before, contact_id
            self.save(entry)
            if image is not None and "email" in values:
                self._image(row.key, image)

        return undo

    def begin_link(self, speaker_id: str, sessions: Iterable[str]) -> Callable[[], None]:
        """Mark links as begun."""
        new = [s for s in sessions if (speaker_id, s) not in self.links]
        self._link(speaker_id, new, made=False)
        return lambda: self.unlinked(speaker_id, new)

    def begin_unlink(self, speaker_id: str, sessions: Iterable[str]) -> Callable[[], None]:
        """Mark links as no longer known to be there."""
        made = [session for session in sessions if self.links.get((speaker_id, session))]
        self._link(speaker_id, made, made=False)
        return lambda: self._link(speaker_id, made, made=True)

    def begin_image(self, row: Row) -> Callable[[], None]:
        """Mark an image as begun."""
        known = self.images.get(row.key, Uploaded("", ""))
        self._image(row.key, replace(known, begun=True))
        return lambda: self._image(row.key, known)

    def _share_contact(self, row: Row, values: Mapping[str, Scalar]) -> None:
        """Forget the headshots of those who had the address before: one contact has one."""
        address = _address(values)
        for key in self._by_address.get(address, set()) - {row.key} if address else ():
            image = self.images.get(key)
            if image is not None and _address(self.mapped[key].applied) == address:
                self._image(key, replace(image, begun=True))

    # After the answer

    def created(self, row: Row, raw: dict[str, Any], values: dict[str, Scalar]) -> None:
        """A create came through."""
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
        self.save(entry)
        self.ledger.close_intent(self.pair, row.key)

    def adopted(self, row: Row, found: Found, replaces: Key | None = None) -> None:
        """A record that Swoogo has is this row's from now on.

        Args:
            row: The row.
            found: The record.
            replaces: The entry that had it before, if one did.
        """
        if replaces is not None:
            # The same record under a new id: what Swoogo was told of it is known.
            applied = self._hand_over(replaces, row.key)
        else:
            # Where Sessionboard has nothing, what somebody wrote by hand is left alone.
            intent = self.intents.get(row.key)
            applied = {
                name: found.fields.get(name)
                if value is not None or found.carries(intent, name)
                else None
                for name, value in row.fields.items()
            }
        entry = Mapped(
            row.kind,
            row.source_id,
            row.label,
            found.swoogo_id,
            applied,
            State.SYNCED,
            adopted=True,
            contact_id=_integer(found.raw.get("contact_id")),
            direct_link=_text(found.raw.get("direct_link")),
        )
        self.save(entry)
        self.ledger.close_intent(self.pair, row.key)

    def _hand_over(self, old: Key, new: Key) -> dict[str, Scalar]:
        """Give a record's links and image to another row; what was applied to it."""
        for (speaker, session), made in list(self.links.items()):
            if old == (Kind.SPEAKER, speaker):
                self._link(new[1], [session], made=made)
            elif old == (Kind.SESSION, session):
                self._link(speaker, [new[1]], made=made)
            else:
                continue
            del self.links[speaker, session]
        if (image := self.images.pop(old, None)) is not None:
            self._image(new, image)
        self.ledger.forget(self.pair, old)
        self.ids.pop(old, None)
        return self.mapped.pop(old).applied

    def updated(self, row: Row, values: dict[str, Scalar]) -> None:
        """An update came through."""
        entry = self.mapped[row.key]
        entry.applied |= values
        entry.label, entry.state, entry.code, entry.message = row.label, State.SYNCED, None, None
        self.save(entry)

    def linked(self, speaker_id: str, sessions: Iterable[str]) -> None:
        """Links were made."""
        self._link(speaker_id, sessions, made=True)

    def unlinked(self, speaker_id: str, sessions: Iterable[str]) -> None:
        """Links are not there, or no longer."""
        sessions = list(sessions)
        for session in sessions:
            self.links.pop((speaker_id, session), None)
        self.ledger.drop_links(self.pair, speaker_id, sessions)

    def image_sent(self, row: Row, sent: Sent) -> None:
        """An image was sent, or is the same as before."""
        self._image(row.key, sent.uploaded)
        entry = self.mapped[row.key]
        if entry.contact_id != sent.contact_id:
            entry.contact_id = sent.contact_id
            self.save(entry)

    def image_failed(self, row: Row, code: str, message: str) -> None:
        """An image could not be had, or Swoogo did not take it."""
        known = self.images.get(row.key, Uploaded("", ""))
        self._image(row.key, replace(known, code=code, message=message))

    def failed(self, row: Row, code: str, message: str) -> None:
        """A record could not be written."""
        entry = self.mapped.get(row.key) or Mapped(row.kind, row.source_id, row.label)
        entry.state, entry.code, entry.message = State.FAILED, code, message
        self.save(entry)

    def settled(self, key: Key) -> None:
        """What failed with a record is over; one that was never made leaves no trace."""
        entry = self.mapped[key]
        if entry.swoogo_id is None:
            del self.mapped[key]
            self.images.pop(key, None)
            self.ledger.forget(self.pair, key)
        else:
            entry.state, entry.code, entry.message = State.SYNCED, None, None
            self.save(entry)

    def image_settled(self, key: Key) -> None:
        """What failed with an image is over."""
        self._image(key, replace(self.images[key], code=None, message=None))

    def buried(self, key: Key) -> None:
        """A record was deleted in Swoogo."""
        entry = self.mapped[key]
        entry.state, entry.code = State.TOMBSTONE, "deleted_in_swoogo"
        self.save(entry)

    def told(self, action: Action, outcome: str, code: str | None, message: str | None) -> None:
        """Note for those who ask later what Swoogo was told."""
        changes = {
            name: [shown(name, change.old), shown(name, change.new)]
            for name, change in action.changes.items()
        }
        at = datetime.now(timezone.utc).isoformat(timespec="microseconds")
        row, verb = action.row, action.verb.value
        told = Told(row.kind, row.source_id, at, verb, outcome, code, message, changes)
        if code is not None:
            # What goes wrong in every run, the same way, is told once.
            before = [one for one in self.ledger.told(self.pair, row.key) if one.action == verb]
            if before and replace(before[-1], at=at) == told:
                return
        self.ledger.tell(self.pair, told)

    def _link(self, speaker_id: str, sessions: Iterable[str], *, made: bool) -> None:
        sessions = list(sessions)
        self.links |= {(speaker_id, session): made for session in sessions}
        self.ledger.save_links(self.pair, speaker_id, sessions, made=made)

    def _image(self, key: Key, uploaded: Uploaded) -> None:
        self.images[key] = uploaded
        self.ledger.save_image(self.pair, key, uploaded)


def _address(fields: Mapping[str, Scalar]) -> str:
    return str(fields.get("email") or "").casefold()


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
