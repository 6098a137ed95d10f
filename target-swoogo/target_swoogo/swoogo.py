"""The client of the Swoogo API v1: token, quota, retries."""

from __future__ import annotations

import base64
import re
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus

import requests
from requests.adapters import HTTPAdapter

from target_swoogo.answers import (
    NotFound,
    OutcomeUnknown,
    SwoogoError,
    Unavailable,
    as_object,
    is_garbled,
    judged,
    never_sent,
    retry_after,
)
from target_swoogo.endpoints import (
    CREATE,
    EVENT,
    EVENT_FIELDS,
    EVENTS,
    FIELDS,
    GET,
    HEADSHOT,
    IMAGE_FIELDS,
    LEVELS,
    LINK,
    LIST,
    LOGO,
    PER_PAGE,
    TOKEN,
    UNLINK,
    UPDATE,
)
from target_swoogo.errors import TargetError
from target_swoogo.model import Kind
from target_swoogo.quota import QuotaSpent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_swoogo.endpoints import Endpoint
    from target_swoogo.images import Image
    from target_swoogo.model import Scalar
    from target_swoogo.quota import Quota

_TRIES = 4
_TIMEOUT = (10, 60)
_TOKEN_SECONDS = 30 * 60
_LEEWAY_SECONDS = 60
_LONGEST_WAIT = 600.0
_MOST_THROTTLED = 5
"""So many answers of 429 to one call, each after waiting as told: others eat the quota."""


class Page(NamedTuple):
    """One page of a list.

    Attributes:
        items: Its records.
        pages: How many pages there are.
        total: How many records there are.
    """

    items: list[dict[str, Any]]
    pages: int
    total: int


@dataclass
class _Token:
    value: str = ""
    expires_at: float = 0.0


class Swoogo:
    """Calls Swoogo. Safe to use from several threads.

    Attributes:
        quota: Where calls get their credits.
        workers: How many threads call at once.

    Args:
        api_url: Base address of the API.
        key: Consumer key.
        secret: Consumer secret.
        quota: Where calls get their credits.
        workers: How many threads call at once.
        user_agent: Names this program.
        clock: Seconds that only move forward.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        api_url: str,
        key: str,
        secret: str,
        quota: Quota,
        *,
        workers: int = 8,
        user_agent: str = "target-swoogo",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.quota = quota
        self.workers = workers
        self._url = api_url.rstrip("/")
        # RFC 1738 encoding of both halves before they are joined: Swoogo API v1 reference, step 2.
        pair = f"{quote_plus(key)}:{quote_plus(secret)}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._clock = clock
        self._sleep = sleep
        self._token = _Token()
        self._token_lock = threading.Lock()
        self._http = requests.Session()
        self._http.headers["User-Agent"] = user_agent
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=workers)
        self._http.mount("https://", adapter)
        self._http.mount("http://", adapter)
        # Once and for all: looking into the environment for each call takes as long as the call's
        # other preparations, and a password in a .netrc would take the token's place.
        given = self._http.merge_environment_settings(self._url, {}, None, None, None)
        self._http.proxies, self._http.verify = given["proxies"], given["verify"]
        self._http.trust_env = False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # What the target asks for

    def event(self, event_id: int) -> dict[str, Any]:
        """Read one event: id, name, time zone and dates."""
        return as_object(self._call(EVENT, event_id, params={"fields": EVENT_FIELDS}))

    def events(self) -> list[dict[str, Any]]:
        """Read the events that the consumer key may see: id, name, time zone and dates."""
        params = {"fields": EVENT_FIELDS, "per-page": PER_PAGE}
        first = self._page(EVENTS, params, "events")
        events = first.items
        for number in range(2, first.pages + 1):
            events += self._page(EVENTS, params | {"page": number}, "events").items
        return events

    def sponsor_fields(self, event_id: int) -> list[dict[str, Any]]:
        """Read the fields of an event's sponsors, each with its attribute and choices."""
        answer = self._call(LEVELS, params={"event_id": event_id, "per-page": PER_PAGE})
        items = answer.get("items") if isinstance(answer, dict) else answer
        return [item for item in items or () if isinstance(item, dict)]

    def levels(self, event_id: int) -> list[dict[str, Any]]:
        """Read the sponsor levels an event offers, each with id and name."""
        return levels_among(self.sponsor_fields(event_id))

    def page(self, kind: Kind, event_id: int, number: int = 1, search: str | None = None) -> Page:
        """Read one page of an event's records.

        Args:
            kind: Which records.
            event_id: The Swoogo event.
            number: The page, from 1.
            search: One condition, such as ``email=jane@example.org``.

        Returns:
            The page.
        """
        params: dict[str, Any] = {
            "event_id": event_id,
            "fields": FIELDS[kind],
            "per-page": PER_PAGE,
            "page": number,
        }
        if search:
            params["search"] = search
        return self._page(LIST[kind], params, kind.plural)

    def whole_page(self, kind: Kind, event_id: int, number: int = 1) -> Page:
        """Read one page of an event's records with all that can be compared.

        Beside the fields that are written, a speaker tells the sessions they are linked to, and
        speakers and sponsors whether they have an image (Swoogo API v1 reference, Speakers,
        Sponsors).

        Args:
            kind: Which records.
            event_id: The Swoogo event.
            number: The page, from 1.
        """
        fields = [FIELDS[kind], *([IMAGE_FIELDS[kind]] if kind in IMAGE_FIELDS else [])]
        params: dict[str, Any] = {
            "event_id": event_id,
            "fields": ",".join(fields),
            "per-page": PER_PAGE,
            "page": number,
        }
        if kind is Kind.SPEAKER:
            params["expand"] = "sessions"
        return self._page(LIST[kind], params, kind.plural)

    def _page(self, endpoint: Endpoint, params: Mapping[str, Any], what: str) -> Page:
        answer = as_object(self._call(endpoint, params=params))
        items, meta = answer.get("items"), answer.get("_meta")
        try:
            for item in items:  # type: ignore[union-attr] # a wrong shape is what is looked for
                int(item["id"])
            return Page(items, int(meta["pageCount"]), int(meta["totalCount"]))  # type: ignore[arg-type,index]
        except (KeyError, TypeError, ValueError):
            raise Unavailable(f"Swoogo's list of {what} has an unknown shape") from None

    def get(self, kind: Kind, swoogo_id: int) -> dict[str, Any]:
        """Read one record."""
        return as_object(self._call(GET[kind], swoogo_id, params={"fields": FIELDS[kind]}))

    def exists(self, kind: Kind, event_id: int, swoogo_id: int) -> bool:
        """Whether a record is there; locations and tracks have no call of their own."""
        if kind in GET:
            try:
                self.get(kind, swoogo_id)
            except NotFound:
                return False
            return True
        params = {"event_id": event_id, "fields": "id", "ids": swoogo_id}
        return bool(as_object(self._call(LIST[kind], params=params)).get("items"))

    def create(self, kind: Kind, event_id: int, fields: Mapping[str, Scalar]) -> dict[str, Any]:
        """Create a record.

        Args:
            kind: What it is.
            event_id: The Swoogo event.
            fields: Its values; empty ones are left out.

        Returns:
            The record, which has an id.

        Raises:
            OutcomeUnknown: The answer was lost.
        """
        form = {name: value for name, value in fields.items() if value is not None}
        answer = self._call(CREATE[kind], form={"event_id": event_id, **form})
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
            message = "Swoogo's answer to the create has no id"
            raise OutcomeUnknown(message)
        return answer

    def update(
        self, kind: Kind, swoogo_id: int, event_id: int, fields: Mapping[str, Scalar]
    ) -> None:
        """Change fields of a record; absent ones stay, None empties.

        Args:
            kind: What it is.
            swoogo_id: Its id.
            event_id: The Swoogo event, which an update repeats.
            fields: The new values.
        """
        form = {name: "" if value is None else value for name, value in fields.items()}
        self._call(UPDATE[kind], swoogo_id, form={"event_id": event_id, **form})

    def link(self, speaker_id: int, session_ids: list[int]) -> None:
        """Add sessions to a speaker."""
        self._call(LINK, speaker_id, json={"session_ids": session_ids})

    def unlink(self, speaker_id: int, session_ids: list[int]) -> None:
        """Take sessions from a speaker."""
        self._call(UNLINK, speaker_id, json={"session_ids": session_ids})

    def sessions_of(self, speaker_id: int) -> set[int]:
        """Ids of the sessions a speaker is linked to."""
        params = {"fields": "id", "expand": "sessions"}
        answer = as_object(self._call(GET[Kind.SPEAKER], speaker_id, params=params))
        return {int(session["id"]) for session in answer.get("sessions") or ()}

    def upload(self, kind: Kind, target_id: int, image: Image) -> None:
        """Set a speaker's headshot (by contact id) or a sponsor's logo (by sponsor id)."""
        endpoint = LOGO if kind is Kind.SPONSOR else HEADSHOT
        self._call(
            endpoint, target_id, files={"file": (image.filename, image.content, image.media_type)}
        )

    # How it is asked

    def _call(
        self,
        endpoint: Endpoint,
        record_id: int | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, Scalar] | None = None,
        json: object = None,
        files: Mapping[str, Any] | None = None,
    ) -> Any:
        """Make a call, as often as is safe, until there is an answer."""
        path = endpoint.path.format(id=record_id)
        creates = endpoint in CREATE.values()
        renewed = False
        attempt = throttled = 0
        while True:
            token = self._bearer()
            self.quota.acquire(endpoint.cost)
            headers: Mapping[str, str] = {}
            try:
                response = self._http.request(
                    endpoint.method,
                    f"{self._url}/{path}",
                    params=params,
                    data=form,
                    json=json,
                    files=files,
                    headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                )
                headers = response.headers
            except requests.RequestException as error:
                if creates and not never_sent(error):
                    message = f"the connection to Swoogo broke ({type(error).__name__})"
                    raise OutcomeUnknown(message) from error
                attempt += 1
                self._pause(attempt, f"Swoogo cannot be reached ({type(error).__name__})")
                continue
            finally:
                self.quota.settle(endpoint.cost, headers)
            if response.status_code == requests.codes.unauthorized and not renewed:
                renewed = True
                self._forget(token)
                continue
            if response.status_code == requests.codes.too_many_requests:
                # Refused, so not done: any call may be repeated. Credits are waited for, not tried.
                throttled += 1
                self.quota.exhausted(retry_after(response))
                if throttled == _MOST_THROTTLED:
                    raise QuotaSpent
                continue
            if response.status_code >= requests.codes.server_error or is_garbled(response):
                problem = f"Swoogo answered {response.status_code} without a usable body"
                if creates:
                    raise OutcomeUnknown(problem)
                attempt += 1
                self._pause(attempt, problem, retry_after(response))
                continue
            try:
                return judged(response)
            except SwoogoError as error:
                error.is_repeated = attempt > 0
                raise

    def _pause(self, attempt: int, problem: str, wait: float | None = None) -> None:
        if attempt == _TRIES:
            raise Unavailable(problem)
        self._sleep(min(wait if wait is not None else 2.0 ** (attempt - 1), _LONGEST_WAIT))

    def _bearer(self) -> str:
        with self._token_lock:
            if self._clock() >= self._token.expires_at:
                self._token = self._new_token()
            return self._token.value

    def _forget(self, token: str) -> None:
        with self._token_lock:
            if self._token.value == token:
                self._token = _Token()

    def _new_token(self) -> _Token:
        for attempt in range(1, _TRIES + 1):
            self.quota.acquire(TOKEN.cost)
            headers: Mapping[str, str] = {}
            try:
                response = self._http.request(
                    TOKEN.method,
                    f"{self._url}/{TOKEN.path}",
                    data={"grant_type": "client_credentials"},
                    headers={"Authorization": self._basic, "Accept": "application/json"},
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                )
                headers = response.headers
            except requests.RequestException as error:
                problem = f"cannot be reached ({type(error).__name__})"
                wait = None
            else:
                if response.status_code in {400, 401, 403}:
                    raise TargetError(
                        "swoogo_credentials",
                        f"Swoogo refuses the consumer key and secret (HTTP "
                        f"{response.status_code}): copy both anew from Swoogo, My Profile > API "
                        f"Credentials, into consumer_key and consumer_secret.",
                    )
                token = _token(response, self._clock())
                if token is not None:
                    return token
                problem = f"answers {response.status_code} instead of a token"
                wait = retry_after(response)
            finally:
                self.quota.settle(TOKEN.cost, headers)
            if attempt < _TRIES:
                self._sleep(min(wait if wait is not None else 2.0 ** (attempt - 1), _LONGEST_WAIT))
        raise TargetError(
            "swoogo_unreachable",
            f"Swoogo at {_without_password(self._url)} {problem}: check the setting api_url and "
            f"the network. The next run continues where this one ended.",
        )


def levels_among(fields: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sponsor levels among the fields of an event's sponsors."""
    for field in fields:
        if field.get("attribute") == "level":
            return [c for c in field.get("choices") or () if isinstance(c, dict)]
    return []


def _without_password(url: str) -> str:
    return re.sub("//.*@", "//", url.partition("?")[0])


def _token(response: requests.Response, now: float) -> _Token | None:
    if not response.ok or is_garbled(response):
        return None
    answer = response.json()
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        return None
    seconds = _TOKEN_SECONDS
    try:
        # There is no expires_in, and the zone of expires_at is not documented: UTC is assumed, a
        # time that makes no sense is not believed, and a 401 renews the token in any case.
        expires = datetime.strptime(f"{answer['expires_at']}Z", "%Y-%m-%d %H:%M:%S%z")
        left = (expires - _date(response)).total_seconds()
        if 0 < left < _TOKEN_SECONDS:
            seconds = int(left)
    except (KeyError, TypeError, ValueError):
        pass
    return _Token(value, now + max(seconds - _LEEWAY_SECONDS, 1))


def _date(response: requests.Response) -> datetime:
    """The server's own clock, so that a wrong one here does not matter."""
    return parsedate_to_datetime(response.headers["Date"])
