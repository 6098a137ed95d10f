"""The Sessionboard public API v1 over HTTP: requests, waits and failures."""

from __future__ import annotations

import copy
import json
import logging
import sys
import typing as t
from datetime import datetime, timezone
from functools import cached_property, partial
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from urllib.parse import urlsplit

import backoff
import requests
from singer_sdk import RESTStream, SchemaDirectory, StreamSchema
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError, SyncLifecycleSignal
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import resolve_schema_references
from singer_sdk.streams.rest import PageContext
from typing_extensions import override

from tap_sessionboard.ahead import Answer
from tap_sessionboard.encoding import Writer, is_json, parse
from tap_sessionboard.failures import explain
from tap_sessionboard.headers import date_header, retry_after
from tap_sessionboard.paging import Page, Reading, parse_page, read_completely
from tap_sessionboard.records import has_empties, has_masks, tidying

if t.TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from backoff.types import Details
    from singer_sdk.helpers.types import Context, Record

    from tap_sessionboard.ahead import Fetch
    from tap_sessionboard.records import Tidy
    from tap_sessionboard.tap import TapSessionboard

REGIONS = {
    "us": "https://public-api.sessionboard.com",
    "eu": "https://public-api-eu.sessionboard.com",
    "me": "https://public-api-me.sessionboard.com",
}
"""Where each region's API is (Sessionboard API v1 reference, Servers)."""

_MOST_AT_ONCE = 1_048_576
"""How many bytes of an answer are waited for at once."""

_NAME = f"tap-sessionboard/{version('tap-sessionboard')}"

_RETRIED = (
    RetriableAPIError,
    requests.exceptions.Timeout,
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)

_P = t.ParamSpec("_P")
_T = t.TypeVar("_T")


class _Schemas(SchemaDirectory):
    """The schema files, with what they share (``common.json``) put in its places."""

    @override
    def fetch_schema(self, key: str) -> dict[str, t.Any]:
        common = super().fetch_schema("common")
        schema = super().fetch_schema(key)
        # A copy, for each place must be selectable on its own.
        return copy.deepcopy(resolve_schema_references(schema, {"common.json": common}))


class SessionboardStream(RESTStream[int]):
    """A list of the Sessionboard API, read completely."""

    schema = StreamSchema(_Schemas(files(__package__).joinpath("schemas")))

    scope: t.ClassVar[str]
    """The scope that a token needs to read the list (Sessionboard API v1 reference)."""

    # The schemas let all fields through, and what comes is JSON already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    # requests would send the token on to whatever host a redirect names.
    allow_redirects = False

    def __init__(self, tap: TapSessionboard) -> None:
        super().__init__(tap)
        self.masked_emails = tap.masked_emails
        self.ahead = tap.ahead
        self._tidy = {
            empties: t.cast("Tidy", tidying(self.schema, empties=empties))
            for empties in (False, True)
        }

    # Requests

    @property
    @override
    def requests_session(self) -> requests.Session:
        return t.cast("TapSessionboard", self._tap).session

    @property
    @override
    def url_base(self) -> str:
        return f"{api_url(self.config)}/v1/"

    @cached_property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(
            key="x-access-token",
            value=self.config["access_token"].strip(),
        )

    @property
    @override
    def user_agent(self) -> str:
        return self.config.get("user_agent") or _NAME

    @property
    @override
    def timeout(self) -> int:
        return t.cast("int", self.config["request_timeout_seconds"])

    @override
    def get_url_params(
        self,
        context: Context | None,
        next_page_token: int | None,
    ) -> dict[str, t.Any]:
        return {"page": next_page_token, "pageSize": self.config["page_size"]}

    def searches(self, context: Context | None) -> Iterable[dict[str, t.Any] | None]:
        """Give the request bodies whose answers make up the list.

        Args:
            context: The event to read, for a list within an event.

        Returns:
            One body for each search; None for a plain GET.
        """
        del context
        return (None,)

    def fetch(
        self,
        context: Context | None,
        body: dict[str, t.Any] | None,
        number: int,
    ) -> Answer:
        """Ask for one page, as often as it takes.

        Args:
            context: The event to read, for a list within an event.
            body: The search, or None for a plain GET.
            number: The page's number, counted from 1.

        Returns:
            The answer.

        Raises:
            FatalAPIError: Sessionboard refuses, or cannot be reached.
            RetriableAPIError: Sessionboard still fails after the last try.
        """
        request = self.get_http_request(
            page=PageContext(stream_context=context, next_page_token=number),
        )
        try:
            prepared = self.build_prepared_request(
                method=request.method,
                url=request.url,
                params=request.params,
                headers=request.headers,
                json=body,
            )
            return self.request_decorator(self._fetch_once)(prepared, context)
        except requests.RequestException as error:
            msg = (
                f"Sessionboard cannot be reached at {self._host} ({type(error).__name__}): "
                "check the network and the settings region and api_url."
            )
            raise FatalAPIError(msg) from error

    def _fetch_once(self, request: requests.PreparedRequest, context: Context | None) -> Answer:
        """Ask for one page once."""
        asked_at = datetime.now(timezone.utc)
        with self._request(request, context) as response:
            self._check(response, context)
            # In one piece, for between two the thread that writes records may go on.
            text = b"".join(response.iter_content(_MOST_AT_ONCE))
        if served_at := date_header(response, "Date"):
            asked_at = min(asked_at, served_at - response.elapsed)
        if not is_json(text):
            msg = (
                f"Sessionboard answered the {self.place(context)} with something that is not JSON: "
                f"check that the API is at {self._host} (settings region and api_url), "
                "and try again later."
            )
            raise RetriableAPIError(msg, response)
        return Answer(text, asked_at)

    def page(self, context: Context | None, fetch: Fetch) -> Page:
        """Take the page out of an answer.

        Args:
            context: The event that is read, for a list within an event.
            fetch: Gives the answer.

        Returns:
            The page, its records evened out.

        Raises:
            FatalAPIError: The answer is none that the tap understands.
        """
        answer = fetch()
        page = parse_page(parse(answer.text), answer.asked_at, self.place(context))
        if context and has_masks(answer.text):
            for record in page.records:
                self.masked_emails.note(context["event_id"], record)
        self._even_out(page, context, empties=has_empties(answer.text))
        return page

    def _even_out(self, page: Page, context: Context | None, *, empties: bool) -> None:
        """Even out the records of a page.

        Raises:
            FatalAPIError: One has a date-time that is none.
        """
        tidy = self._tidy[empties]
        for record in page.records:
            if context:
                record["event_id"] = context["event_id"]
            try:
                tidy(record)
            except ValueError as error:
                msg = (
                    f"Sessionboard sent record {record['id']} of the {self.place(context)} with a "
                    f"{error} that is not a date-time: correct it in Sessionboard, or report it."
                )
                raise FatalAPIError(msg) from None

    def ask_ahead(self, context: Context) -> None:
        """Ask for the first pages of the list, without waiting for them.

        Args:
            context: The event to read.
        """
        # What is searched depends on it.
        self._write_starting_replication_value(context)
        for body in self.searches(context):
            fetch = partial(self.fetch, context, body, 1)
            self.ahead.ask_first(self._named(context, body), fetch)

    def _named(self, context: Context | None, body: dict[str, t.Any] | None) -> str:
        return json.dumps([self.place(context), body])

    # Records

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        yield from self.read(context)

    def read(self, context: Context | None) -> Generator[Record, None, Reading]:
        """Yield every record of the list once.

        Args:
            context: The event to read, for a list within an event.

        Yields:
            The records as Sessionboard sends them.

        Returns:
            How the read went.
        """
        seen: set[str | int] = set()
        readings = []
        with self.get_http_request_counter() as pages:
            pages.with_context(context)
            for body in self.searches(context):
                reading = yield from self._read_search(context, body, seen)
                pages.increment(reading.pages)
                readings.append(reading)
        reading = Reading(
            all(r.complete for r in readings),
            min(r.started for r in readings),
            len(seen),
            sum(r.pages for r in readings),
        )
        if not reading.complete:
            self.logger.warning(
                "The %s kept changing while they were read, so some may be missing from this run: "
                "the next run reads from the earlier bookmark again.",
                self.place(context),
            )
        return reading

    def _read_search(
        self, context: Context | None, body: dict[str, t.Any] | None, seen: set[str | int]
    ) -> Generator[Record, None, Reading]:
        def ask(number: int) -> Callable[[], Page]:
            asked = self.ahead.ask(partial(self.fetch, context, body, number))
            return partial(self.page, context, asked)

        fetch = partial(self.fetch, context, body, 1)
        first = partial(self.ahead.first, self._named(context, body), fetch)
        first_page = partial(self.page, context, first)
        try:
            return (yield from read_completely(ask, seen, self.place(context), first_page))
        except Exception:
            self.ahead.close()
            raise

    @override
    def _write_record_message(self, record: Record) -> None:
        if self._write is None:
            super()._write_record_message(record)
        else:
            self._write(self.name, record)
            self.state_manager.is_flushed = False

    @cached_property
    def _write(self) -> Callable[[str, Record], None] | None:
        """Write a record as it is; None where fields were deselected, or are mapped.

        The SDK looks at each field of each record for whether it was selected.
        """
        writer = self._tap.message_writer
        is_whole = (
            all(self.mask.values())
            and self._stream_version is None
            and all(type(one) is SameRecordTransform for one in self.stream_maps)
            and not any(one.flattening_enabled for one in self.stream_maps)
        )
        return writer.write_record if is_whole and isinstance(writer, Writer) else None

    def place(self, context: Context | None) -> str:
        """Name what is read, such as "rooms of event 3950"."""
        name = self.name.replace("_", " ")
        return f"{name} of event {context['event_id']}" if context else name

    # Waits

    @override
    def request_decorator(self, func: Callable[_P, _T]) -> Callable[_P, _T]:
        # As the SDK's, but silent: backoff would log each failure beside our own sentence.
        return backoff.on_exception(
            self.backoff_wait_generator,
            _RETRIED,
            max_tries=self.backoff_max_tries,
            on_backoff=self.backoff_handler,
            jitter=self.backoff_jitter,
            logger=None,
        )(func)

    @override
    def backoff_wait_generator(self) -> Generator[float, None, None]:
        growing = backoff.expo(base=2, factor=2)
        next(growing)  # primes it

        def wait(error: Exception) -> float:
            response = getattr(error, "response", None)
            asked = None if response is None else retry_after(response)
            return next(growing) if asked is None else asked

        return self.backoff_runtime(value=wait)

    @override
    def backoff_handler(self, details: Details) -> None:
        error = details.get("exception")
        self.logger.warning(
            "%s; trying again in %.1f seconds (try %d of %d).",
            str(error).partition(":")[0]
            if isinstance(error, RetriableAPIError)
            else f"Sessionboard cannot be reached at {self._host} ({type(error).__name__})",
            details["wait"],
            details["tries"] + 1,
            self.backoff_max_tries(),
        )

    # Failures

    @override
    def validate_response(self, response: requests.Response) -> None:
        """Leave it to the caller, who knows of which event the answer is."""

    def _check(self, response: requests.Response, context: Context | None) -> None:
        """Raise what an answer that is no success means."""
        if response.status_code == HTTPStatus.OK:
            return
        msg = explain(response, self.place(context), self.scope, self.config)
        if (
            response.status_code in self.extra_retry_statuses
            or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise RetriableAPIError(msg, response)
        raise FatalAPIError(msg)

    @property
    def _host(self) -> str:
        """The API's host, without what else a URL may hold."""
        return urlsplit(self.url_base).hostname or ""

    @override
    def log(self, message: str, *args: t.Any, level: int = logging.INFO, **kwargs: t.Any) -> None:
        # The SDK announces every failure once for the stream and once for its parent, which the
        # command says in one sentence; and the end of --test as if it were a failure.
        if isinstance(sys.exc_info()[1], FatalAPIError | RetriableAPIError | SyncLifecycleSignal):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)


def api_url(config: t.Mapping[str, t.Any]) -> str:
    """Give the API's base URL, without the version.

    Args:
        config: The tap's settings.
    """
    url: str = config.get("api_url") or REGIONS[config["region"]]
    return url.rstrip("/").removesuffix("/v1")
