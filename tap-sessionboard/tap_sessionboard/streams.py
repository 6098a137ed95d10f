"""What the tap reads: one class for each stream."""

from __future__ import annotations

import logging
import typing as t
from datetime import datetime, timedelta, timezone

from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

from tap_sessionboard.ahead import EVENTS_AHEAD
from tap_sessionboard.client import SessionboardStream
from tap_sessionboard.records import parse_timestamp

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context, Record

PROGRESS = "progress_markers"
"""The key, in an event's state, of how far the SDK has come in a read that is not over."""

FULL_READ_AT = "full_read_at"
"""The key, in an event's state, of when everything was last read."""

FULL_READ_COUNTS = "full_read_counts"
"""The key, in an event's state, of how many records the last two full reads gave, the latest last.

A target that is told can doubt a list that is suddenly much shorter, or empty.
"""

MAX_LISTED = 20
"""How many events a message names."""


class EventsStream(SessionboardStream):
    """The events that the token can see, or those that the setting ``event_ids`` names."""

    name = "events"
    path = "events"
    primary_keys = ("id",)
    scope = "read:events"

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        # All of them first: a name that is wrong must end the run before any event is read.
        events = {event["id"]: event for event in super().get_records(context)}
        if not all(isinstance(event_id, int) for event_id in events):
            msg = "Sessionboard sent an event whose id is not a number: report it to them."
            raise FatalAPIError(msg)
        wanted = set(self.config.get("event_ids") or events)
        if unknown := wanted - set(events):
            msg = (
                f"The setting event_ids names {_listed(unknown)}, which this access token cannot "
                f"see; it can see {_listed(events) or 'no event'}: correct event_ids, or use the "
                "token of the organisation that owns the event."
            )
            raise FatalAPIError(msg)
        order = sorted(wanted)
        try:
            for position, event_id in enumerate(order):
                logging.getLogger(self.tap_name).info(
                    "Reading event %d (%d of %d).", event_id, position + 1, len(order)
                )
                self._ask_ahead(order[position : position + EVENTS_AHEAD])
                yield events[event_id]
                # The SDK has read the event's own streams by now.
                self._warn_of_masked_emails(event_id)
        finally:
            self.ahead.close()

    @override
    def get_child_context(self, record: Record, context: Context | None) -> Context:
        return {"event_id": record["id"]}

    def _ask_ahead(self, event_ids: Iterable[int]) -> None:
        """Ask for the first pages of events, most of which have no others, in reading order."""
        for event_id in event_ids:
            for stream in t.cast("list[_EventList]", self.child_streams):
                if stream.selected:
                    stream.ask_ahead({"event_id": event_id})

    def _warn_of_masked_emails(self, event_id: int) -> None:
        if people := self.masked_emails.count(event_id):
            self.logger.warning(
                "The access token masks e-mail addresses in event %d (people in this run: %d): "
                "use a token that may see personal data.",
                event_id,
                people,
            )


class _EventList(SessionboardStream):
    """A list within an event, searched in the order of creation."""

    parent_stream_type = EventsStream
    primary_keys = ("event_id", "id")
    http_method = "POST"

    filters: t.ClassVar[dict[str, t.Any]] = {}
    """What every search of the list asks for."""

    expand: t.ClassVar[tuple[str, ...]] = ()
    """The details that every search of the list asks for."""

    @override
    def searches(self, context: Context | None) -> Iterable[dict[str, t.Any]]:
        yield self.search()

    def search(self, **filters: t.Any) -> dict[str, t.Any]:
        """Give a request body (Sessionboard API v1 reference, RecordSearchBody).

        Args:
            **filters: Filters beyond those of the list.

        Returns:
            The body.
        """
        body: dict[str, t.Any] = {
            "filters": {**self.filters, **filters},
            # An edit does not move a record in this order, unlike in that of updatedAt.
            "sort": {"order": "createdAt", "sort": "asc"},
        }
        if self.expand:
            body["expand"] = list(self.expand)
        return body

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        return ()


class _ChangingList(_EventList):
    """A list within an event of which only the changes are read."""

    replication_key = "updated_at"

    change_filters: t.ClassVar[tuple[str, ...]] = ("updatedAt",)
    """The filters that find what changed, each searched on its own."""

    _latest = ""
    """The greatest replication key of the records of a read."""

    @override
    def searches(self, context: Context | None) -> Iterable[dict[str, t.Any]]:
        since = self._changed_since(context)
        if since is None:
            yield self.search()
            return
        since = since.astimezone(timezone.utc)
        after = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for change in self.change_filters:
            yield self.search(**{change: {"after": after}})

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        run_started = self.get_replication_key_signpost(context)
        if run_started is None:  # the catalogue asks for the full table
            yield from self.read(context)
            return
        is_full = self._is_full_read_due(context)
        state = self.get_context_state(context)
        self._latest = ""
        reading = yield from self.read(context)
        if not reading.complete:
            # Without progress the SDK leaves the bookmark where it was.
            return
        if self._latest:
            state[PROGRESS] = {
                "replication_key": self.replication_key,
                "replication_key_value": self._latest,
            }
        # A clock of ours that is fast must not carry the bookmark past edits still to come.
        self.state_manager.write_replication_key_signpost(
            min(run_started, reading.started),
            context=context,
        )
        if is_full:
            state[FULL_READ_AT] = run_started.isoformat()
            state[FULL_READ_COUNTS] = [
                *state.get(FULL_READ_COUNTS, [])[-1:],
                reading.records,
            ]

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        # The SDK's would look for the event in the state at each record, and warn that an unsorted
        # read cannot be resumed, which is the intention here.
        latest = latest_record.get(self.replication_key)
        if latest is not None and (text := str(latest)) > self._latest:
            self._latest = text

    def _changed_since(self, context: Context | None) -> datetime | None:
        """Give the moment after which changes are read, or None to read everything."""
        text = self.config.get("start_date")
        start = parse_timestamp(text) if text else None
        bookmark = self.get_starting_timestamp(context)
        if bookmark is None or self._is_full_read_due(context):
            return start
        # One millisecond more, for it is not documented whether ``after`` includes the moment.
        since = bookmark - timedelta(minutes=self.config["lookback_minutes"], milliseconds=1)
        return max(since, start) if start else since

    def _is_full_read_due(self, context: Context | None) -> bool:
        """Tell whether it is time to read what no ``updated_at`` gives away.

        Sessionboard does not document what changes a session's ``updated_at``: attaching a
        speaker may not.
        """
        run_started = self.get_replication_key_signpost(context)
        last = self.get_context_state(context).get(FULL_READ_AT)
        return (
            last is None
            or run_started is None
            or run_started - parse_timestamp(last)
            >= timedelta(hours=self.config["full_read_hours"])
        )


class SessionsStream(_ChangingList):
    """The sessions of an event's programme, of every status."""

    name = "sessions"
    path = "event/{event_id}/sessions"
    scope = "read:sessions"
    filters: t.ClassVar[dict[str, t.Any]] = {"isAbstract": False}
    expand = ("subsession_details",)


class SessionStatusesStream(_ChangingList):
    """The status of every session of an event, deleted ones and submissions included."""

    name = "session_statuses"
    path = "event/{event_id}/sessions/status"
    scope = "read:sessions"
    # It is not documented whether a deletion changes updated_at.
    change_filters = ("updatedAt", "deletedAt")


class SpeakersStream(_ChangingList):
    """The speakers of an event."""

    name = "speakers"
    path = "event/{event_id}/speakers"
    scope = "read:contacts"


class SponsorsStream(_ChangingList):
    """The sponsors of an event."""

    name = "sponsors"
    path = "event/{event_id}/sponsors"
    scope = "read:sponsors"


class RoomsStream(_EventList):
    """The rooms of an event."""

    name = "rooms"
    path = "event/{event_id}/rooms"
    scope = "read:metadata"


class TracksStream(_EventList):
    """The tracks of an event."""

    name = "tracks"
    path = "event/{event_id}/tracks"
    scope = "read:metadata"


STREAMS: tuple[type[SessionboardStream], ...] = (
    EventsStream,
    RoomsStream,
    TracksStream,
    SessionStatusesStream,
    SessionsStream,
    SpeakersStream,
    SponsorsStream,
)


def _listed(event_ids: Iterable[int]) -> str:
    """Name events, but no more than fit into a sentence."""
    ids = sorted(event_ids)
    named, others = ids[:MAX_LISTED], len(ids[MAX_LISTED:])
    return ", ".join(map(str, named)) + (f" and {others} more" if others else "")
