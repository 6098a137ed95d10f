"""What the command check asks of Sessionboard: does the token work, and for what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = {
    "us": "https://public-api.sessionboard.com",
    "eu": "https://public-api-eu.sessionboard.com",
    "me": "https://public-api-me.sessionboard.com",
}
"""Where each region's API is (Sessionboard API v1 reference, Servers)."""

SCOPES = {
    "sessions": "read:sessions",
    "sessions/status": "read:sessions",
    "speakers": "read:contacts",
    "sponsors": "read:sponsors",
    "rooms": "read:metadata",
    "tracks": "read:metadata",
}
"""The lists of an event that a sync reads, and the scope each needs (the same reference)."""

_MASKED = re.compile(r"\*{3}.*@")
_PER_PAGE = 100
_MOST_PAGES = 50
_TIMEOUT = (10, 30)


class SessionboardError(Exception):
    """Sessionboard did not answer as it should.

    Attributes:
        code: Stable name of the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Sessionboard:
    """Reads Sessionboard's public API v1. Every call is made once: a person waits for it.

    Attributes:
        url: The API, without the version.
        token: The access token.
        user_agent: Names this program.
    """

    url: str
    token: str
    user_agent: str

    @property
    def host(self) -> str:
        """The API's host, without what else an address may hold."""
        return urlsplit(self.url).hostname or "an address without a host"

    def events(self) -> list[dict[str, Any]]:
        """Read the events that the token may see: id, name and time zone.

        Raises:
            SessionboardError: That is not possible.
        """
        return list(self._all("GET", "events"))

    def may_read(self, event_id: int, what: str) -> bool:
        """Whether the token has the scope for one of an event's lists.

        Args:
            event_id: The event.
            what: One of `SCOPES`.

        Raises:
            SessionboardError: That cannot be told.
        """
        try:
            self._page("POST", f"event/{event_id}/{what}", 1, 1)
        except SessionboardError as error:
            if error.code == "sessionboard_scope_missing":
                return False
            raise
        return True

    def masks(self, event_id: int) -> bool:
        """Whether the token sees masked e-mail addresses, such as ``j***@a***.com``, only.

        Args:
            event_id: The event of which the first people are looked at.

        Raises:
            SessionboardError: They cannot be read.
        """
        people = self._page("POST", f"event/{event_id}/speakers", 1, _PER_PAGE)
        emails = [str(person["email"]) for person in people if person.get("email")]
        # A single one may be what somebody typed.
        return bool(emails) and all(_MASKED.search(email) for email in emails)

    def starts(self, event_id: int) -> list[datetime]:
        """Read when the sessions of an event begin.

        Raises:
            SessionboardError: That is not possible.
        """
        found: list[datetime] = []
        for session in self._all("POST", f"event/{event_id}/sessions"):
            try:
                start = datetime.fromisoformat(str(session["starts_at"]).replace("Z", "+00:00"))
            except (KeyError, ValueError):
                continue
            if start.tzinfo is not None:
                found.append(start)
        return found

    def works(self) -> bool:
        """Whether the token is known here."""
        try:
            self._page("GET", "events", 1, 1)
        except SessionboardError:
            return False
        return True

    def _all(self, method: str, path: str) -> Iterator[dict[str, Any]]:
        for number in range(1, _MOST_PAGES + 1):
            rows = self._page(method, path, number, _PER_PAGE)
            yield from rows
            if len(rows) < _PER_PAGE:
                return

    def _page(self, method: str, path: str, number: int, size: int) -> list[dict[str, Any]]:
        base = self.url.rstrip("/").removesuffix("/v1")
        try:
            response = requests.request(
                method,
                f"{base}/v1/{path}",
                params={"page": number, "pageSize": size},
                json={"filters": {}, "sort": {}} if method == "POST" else None,
                headers={"x-access-token": self.token, "User-Agent": self.user_agent},
                timeout=_TIMEOUT,
                # A redirect would take the token to whatever host it names.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise SessionboardError(
                "sessionboard_unreachable",
                f"Sessionboard cannot be reached at {self.host} ({type(error).__name__}).",
            ) from error
        if not response.ok or response.is_redirect:
            raise self._refusal(response.status_code)
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = None
        if isinstance(answer, dict):
            answer = answer.get("results", answer.get("data"))
        if not isinstance(answer, list):
            raise SessionboardError(
                "sessionboard_unreachable",
                f"{self.host} answers, but not as Sessionboard's API does.",
            )
        return [row for row in answer if isinstance(row, dict)]

    def _refusal(self, status: int) -> SessionboardError:
        if status == requests.codes.unauthorized:
            return SessionboardError(
                "sessionboard_credentials",
                f"Sessionboard refuses the access token at {self.host} (HTTP 401).",
            )
        if status == requests.codes.forbidden:
            return SessionboardError(
                "sessionboard_scope_missing",
                "The Sessionboard token may not read the events (HTTP 403).",
            )
        return SessionboardError(
            "sessionboard_unreachable",
            f"Sessionboard at {self.host} answers HTTP {status}.",
        )
