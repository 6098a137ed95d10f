"""What one action says to Swoogo. Runs in threads, and never touches the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from target_swoogo.answers import NotFound, Refused, SwoogoError
from target_swoogo.errors import ImageError
from target_swoogo.model import Key, Kind, Ref, Row, Uploaded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_swoogo.images import ImageFetcher
    from target_swoogo.ledger import Pair
    from target_swoogo.model import Scalar
    from target_swoogo.swoogo import Swoogo


class RecordGone(Exception):
    """The record was deleted in Swoogo: 404 on a write, confirmed by a read."""


class NoContact(SwoogoError):
    """The speaker has no contact in Swoogo to carry a headshot."""

    code = "speaker_without_contact"


@dataclass(slots=True)
class Written:
    """What a create or an update came to.

    Attributes:
        values: The fields that Swoogo now has.
        raw: Swoogo's answer to a create.
        gone: Rooms and tracks that turned out to be deleted in Swoogo.
    """

    values: dict[str, Scalar]
    raw: dict[str, Any] = field(default_factory=dict)
    gone: list[Key] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link came to.

    Attributes:
        sessions: Sessionboard ids of the sessions that are linked now.
        gone: Sessions that turned out to be deleted in Swoogo.
    """

    sessions: list[str]
    gone: list[Key]


@dataclass(frozen=True, slots=True)
class Sent:
    """What an image came to.

    Attributes:
        uploaded: What is known of it now.
        sent: Whether it was sent; False where Swoogo had it already.
        contact_id: The contact that carries a speaker's headshot.
        note: What was done to make it fit.
        thumbnail: A small copy of what was sent, as WebP.
    """

    uploaded: Uploaded
    sent: bool
    contact_id: int | None = None
    note: str | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Carries out single actions of one event pair.

    Attributes:
        pair: The pair.
        client: Swoogo.
        fetcher: Fetches images.
    """

    pair: Pair
    client: Swoogo
    fetcher: ImageFetcher

    def create(self, row: Row, values: dict[str, Scalar]) -> Written:
        """Create a record; without its room or track where Swoogo has lost it."""
        try:
            return Written(values, self._post(row, values))
        except Refused as refused:
            gone, left = self._without_gone(row, values, refused)
            if not gone:
                raise
            return Written(left, self._post(row, left), gone)

    def _post(self, row: Row, values: Mapping[str, Scalar]) -> dict[str, Any]:
        return self.client.create(row.kind, self.pair.swoogo_event_id, values)

    def update(self, row: Row, swoogo_id: int, values: dict[str, Scalar]) -> Written:
        """Update a record; without its room or track where Swoogo has lost it.

        Raises:
            RecordGone: The record itself is gone.
        """
        try:
            extra: dict[str, Scalar] = {}
            if row.kind is Kind.SESSION and "name" not in values:
                # An update must carry the name, and the one in Swoogo may be edited by hand.
                extra["name"] = str(self.client.get(row.kind, swoogo_id)["name"])
            try:
                self._put(row, swoogo_id, values | extra)
            except Refused as refused:
                gone, left = self._without_gone(row, values, refused)
                if not gone:
                    raise
                if left:
                    self._put(row, swoogo_id, left | extra)
                return Written(left, gone=gone)
        except NotFound:
            self._confirm_gone(row.kind, swoogo_id)
            raise
        return Written(values)

    def _put(self, row: Row, swoogo_id: int, values: Mapping[str, Scalar]) -> None:
        self.client.update(row.kind, swoogo_id, self.pair.swoogo_event_id, values)

    def link(self, swoogo_id: int, sessions: Mapping[str, int]) -> Linked:
        """Link a speaker to sessions, given by Sessionboard and Swoogo id.

        Raises:
            RecordGone: The speaker is gone.
        """
        try:
            self.client.link(swoogo_id, list(sessions.values()))
        except (Refused, NotFound):
            # One deleted session makes Swoogo refuse them all.
            self._confirm_gone(Kind.SPEAKER, swoogo_id)
            left = {ours: theirs for ours, theirs in sessions.items() if self._there(theirs)}
            if len(left) == len(sessions):
                raise
            if left:
                self.client.link(swoogo_id, list(left.values()))
            gone = [(Kind.SESSION, session) for session in sessions if session not in left]
            return Linked(list(left), gone)
        return Linked(list(sessions), [])

    def unlink(self, swoogo_id: int, sessions: Mapping[str, int]) -> Linked:
        """Take a speaker off sessions, given by Sessionboard and Swoogo id.

        Raises:
            RecordGone: The speaker is gone.
        """
        try:
            self.client.unlink(swoogo_id, list(sessions.values()))
        except (Refused, NotFound):
            self._confirm_gone(Kind.SPEAKER, swoogo_id)
            there = self.client.sessions_of(swoogo_id)
            left = {ours: theirs for ours, theirs in sessions.items() if theirs in there}
            if len(left) == len(sessions):
                raise
            if left:
                self.client.unlink(swoogo_id, list(left.values()))
        return Linked(list(sessions), [])

    def image(
        self, row: Row, swoogo_id: int, contact_id: int | None, known: Uploaded | None
    ) -> Sent:
        """Fetch a record's image, and send it if Swoogo has another one or none.

        Raises:
            RecordGone: The record is gone.
            ImageError: The image cannot be had or used.
            NoContact: There is no contact to carry the headshot.
        """
        picture = row.picture
        if picture is None:
            raise ImageError("image_not_found", "there is no image in Sessionboard")
        sent = known if known is not None and known.sha256 and not known.begun else None
        etag = sent.etag if sent and sent.url == picture.url else None
        image = self.fetcher.fetch(picture.url, etag=etag, sha256=sent.sha256 if sent else None)
        if image is None:
            same = replace(sent or Uploaded("", ""), url=picture.url, version=picture.version)
            same = replace(same, etag=etag, code=None, message=None, begun=False)
            return Sent(same, sent=False, contact_id=contact_id)
        try:
            if row.kind is Kind.SPEAKER:
                contact_id = contact_id or self._contact(swoogo_id)
                self.client.upload(row.kind, contact_id, image)
            else:
                self.client.upload(row.kind, swoogo_id, image)
        except NotFound:
            self._confirm_gone(row.kind, swoogo_id)
            raise
        from target_swoogo.thumbnails import preview  # noqa: PLC0415 - Pillow

        shown = preview(image.content)
        uploaded = Uploaded(
            picture.url,
            picture.version,
            image.etag,
            image.sha256,
            width=shown.width,
            height=shown.height,
        )
        return Sent(
            uploaded,
            sent=True,
            contact_id=contact_id,
            note=image.note,
            thumbnail=shown.thumbnail,
        )

    def _contact(self, speaker_id: int) -> int:
        contact_id = self.client.get(Kind.SPEAKER, speaker_id).get("contact_id")
        if not isinstance(contact_id, int):
            raise NoContact(
                "Swoogo has no contact for this speaker, which is where a headshot goes; upload "
                "it there by hand"
            )
        return contact_id

    def _without_gone(
        self, row: Row, values: Mapping[str, Scalar], refused: Refused
    ) -> tuple[list[Key], dict[str, Scalar]]:
        """Which of the refused references were deleted in Swoogo, and the values without them."""
        gone: list[Key] = []
        left = dict(values)
        for name in refused.fields & values.keys():
            ref, target = row.fields[name], values[name]
            if not isinstance(ref, Ref) or not isinstance(target, int):
                continue
            if not self.client.exists(ref.kind, self.pair.swoogo_event_id, target):
                gone.append((ref.kind, ref.source_id))
                del left[name]
        return gone, left

    def _there(self, session_id: int) -> bool:
        return self.client.exists(Kind.SESSION, self.pair.swoogo_event_id, session_id)

    def _confirm_gone(self, kind: Kind, swoogo_id: int) -> None:
        """A 404 alone may be about something else; only a read that finds nothing counts."""
        if not self.client.exists(kind, self.pair.swoogo_event_id, swoogo_id):
            raise RecordGone
