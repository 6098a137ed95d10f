"""Fetches pictures from addresses that others wrote, safely, and makes them fit for Swoogo."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import os
import re
import socket
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)

from target_swoogo.errors import ImageError
from target_swoogo.punctual import POOLS, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.util import Url

__all__ = ["Image", "ImageError", "ImageFetcher"]

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 64 * 1024
_LONGEST_NAME = 60
_LONGEST_ETAG = 200
_LONGEST_SHOWN = 200
# Fitting is what takes memory: this many at once, however many workers fetch.
_FITTING_AT_ONCE = 2

_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
}

# Addresses of the public internet in IPv6; all others are local, reserved or wrap an IPv4 address.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Image:
    """A picture that is ready to be uploaded.

    Attributes:
        content: Its bytes, within the limit.
        media_type: What they are, such as ``image/jpeg``.
        filename: A plain name made from the address, with the extension of the media type.
        etag: The server's tag of the source, for the next conditional request.
        sha256: Hex digest of the source's bytes as fetched.
        note: What was done to make it fit; None where nothing was.
    """

    content: bytes
    media_type: str
    filename: str
    etag: str | None
    sha256: str
    note: str | None


class ImageFetcher:
    """Fetches pictures over connections kept alive; may be used from many threads at once.

    It reads no proxy, password or cookie from its surroundings and sends none: a proxy would
    choose the address by itself, and the check of it here would mean nothing. Only
    ``REQUESTS_CA_BUNDLE`` counts, as it does for the API client.

    Args:
        max_bytes: Swoogo's limit, to which a picture is made to fit.
        allow_private: Also fetch from loopback and private networks. Link-local addresses, where
            clouds keep their credentials, stay out of reach.
        max_download_bytes: Give up on a source that is longer.
        max_pixels: Refuse a picture that has more, before decoding it.
        timeout_seconds: For one picture from request to last byte, redirects included; looking
            up a name is bounded by the system's resolver.
        user_agent: How to introduce ourselves.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 1_000_000,
        allow_private: bool = False,
        max_download_bytes: int = 40_000_000,
        max_pixels: int | None = None,
        timeout_seconds: float = 30.0,
        user_agent: str,
    ) -> None:
        self._max_bytes = max_bytes
        self._allow_private = allow_private
        self._max_download_bytes = max_download_bytes
        self._max_pixels = max_pixels
        self._timeout_seconds = timeout_seconds
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "image/*",
            "Accept-Encoding": "identity",
        }
        self._fitting = threading.BoundedSemaphore(_FITTING_AT_ONCE)
        # The checked address that answered for a host: one lookup, and one connection to keep.
        self._addresses: dict[str, str] = {}
        self._pools = urllib3.PoolManager(
            num_pools=32,
            maxsize=16,
            ca_certs=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH,
        )
        self._pools.pool_classes_by_scheme = POOLS

    def fetch(
        self, url: str, *, etag: str | None = None, sha256: str | None = None
    ) -> Image | None:
        """Fetches one picture and makes it fit.

        Args:
            url: Where it is, http or https. Its query may be a signature: no message repeats it.
            etag: Of the source when it was last fetched from this address.
            sha256: Of the source when it was last fetched, for servers without such tags.

        Returns:
            The picture; None when the source has not changed since.

        Raises:
            ImageError: It cannot be had, is not a picture, or cannot be made to fit.
        """
        try:
            with _reporting_network_errors():
                source = self._download(url.strip(), etag)
            if source is None:
                return None
            content, new_etag = source
            digest = hashlib.sha256(content).hexdigest()
            if digest == sha256:
                return None
            from target_swoogo.fit import MAX_PIXELS, fit  # noqa: PLC0415 - Pillow

            with self._fitting:
                fitted = fit(content, self._max_bytes, max_pixels=self._max_pixels or MAX_PIXELS)
        except ImageError as error:
            shown = _without_secrets(url)
            raise ImageError(error.code, f"{error} ({shown})" if shown else str(error)) from error
        return Image(
            fitted.content,
            fitted.media_type,
            _filename(url, fitted.media_type),
            new_etag,
            digest,
            fitted.note,
        )

    def close(self) -> None:
        """Closes the connections that were kept."""
        self._pools.clear()

    def _download(self, url: str, etag: str | None) -> tuple[bytes, str | None] | None:
        deadline = monotonic() + self._timeout_seconds
        headers = self._headers | ({"If-None-Match": etag} if etag else {})
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._request(_parsed(url), headers, deadline)
            try:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    response.read(_CHUNK)  # mostly all of it, so that the connection can stay
                    url = urljoin(url, response.headers["Location"])
                    continue
                if response.status == http.client.NOT_MODIFIED and etag:
                    response.read(_CHUNK)
                    return None
                _check_status(response.status)
                return self._body(response), _plain_etag(response.headers.get("ETag"))
            finally:
                response.close()
        raise ImageError("image_unreachable", "the image's address redirects too often")

    def _request(
        self, url: Url, headers: dict[str, str], deadline: float
    ) -> urllib3.BaseHTTPResponse:
        """Asks one of the host's checked addresses, and no other: names can change in between."""
        host = url.host or ""
        known = self._addresses.get(host)
        failure: HTTPError | None = None
        for address in [known] if known else self._resolve(host, url.port):
            if deadline <= monotonic():
                break
            pool = self._pools.connection_from_host(
                address, url.port, url.scheme, {"server_hostname": host.strip("[]")}
            )
            try:
                response = ask(pool, url, {"Host": url.netloc or host, **headers}, deadline)
            except (NewConnectionError, ConnectTimeoutError) as error:
                self._addresses.pop(host, None)
                failure = error
            else:
                self._addresses[host] = address
                return response
        raise failure or _timed_out()

    def _resolve(self, host: str, port: int | None) -> list[str]:
        """All addresses of a host, after a check of every one of them."""
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not all(_is_allowed(address, private=self._allow_private) for address in addresses):
            message = (
                "the image is on a private network, from which none is fetched unless the setting "
                "allow_private_images is on"
            )
            raise ImageError("image_private_address", message)
        return addresses

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        limit = self._max_download_bytes
        body = bytearray()
        # One packet at a time, so that neither the limit nor the deadline waits for a full buffer.
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > limit:
                raise _too_long(limit)
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in {"gzip", "x-gzip"}:  # as stores do with what was uploaded so
            return _gunzip(bytes(body), limit)
        if encoding not in {"", "identity"}:
            message = "the image's server sent it in an encoding that was not asked for"
            raise ImageError("image_unreachable", message)
        return bytes(body)


@contextmanager
def _reporting_network_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        # urllib3 counts a refused connection among its connection time-outs.
        slow = isinstance(error, (ReadTimeoutError, ConnectTimeoutError, TimeoutError))
        if slow and not isinstance(error, NewConnectionError):
            raise _timed_out() from error
        message = "the image's server cannot be reached or broke off; check the address"
        raise ImageError("image_unreachable", message) from error


def _parsed(url: str) -> Url:
    bad = ImageError("image_bad_url", "the image's address is not a web address; correct it")
    try:
        parsed = urllib3.util.parse_url(url)
    except HTTPError as error:
        raise bad from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise bad
    return parsed


def _is_allowed(text: str, *, private: bool) -> bool:
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = _wrapped(address) or address
    if address.is_multicast or address.is_link_local:
        return False
    if private:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST and address.is_global
    return address.is_global


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, whichever way it is wrapped."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _check_status(status: int) -> None:
    if status == http.client.OK:
        return
    if status in {http.client.NOT_FOUND, http.client.GONE}:
        message = "the image is no longer at its address; upload it again"
        raise ImageError("image_not_found", message)
    if status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
        message = "the image's server does not give it to the public; upload it again"
        raise ImageError("image_forbidden", message)
    message = f"the image's server answered {status} instead of the image"
    raise ImageError("image_unreachable", message)


def _gunzip(body: bytes, limit: int) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        content = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        raise ImageError("image_corrupt", "the image arrived damaged; upload it again") from error
    if len(content) > limit:
        raise _too_long(limit)
    if not decoder.eof:
        raise ImageError("image_corrupt", "the image arrived damaged; upload it again")
    return content


def _too_long(limit: int) -> ImageError:
    message = f"the image is larger than {limit / 1e6:g} MB; provide a smaller one"
    return ImageError("image_too_large", message)


def _timed_out() -> ImageError:
    return ImageError("image_timeout", "the image's server took too long")


def _plain_etag(etag: str | None) -> str | None:
    """The tag where it can be sent back as a header; hostile ones cannot."""
    plain = etag and etag.isascii() and etag.isprintable() and len(etag) <= _LONGEST_ETAG
    return etag if plain else None


def _without_secrets(url: str) -> str:
    try:
        parsed = urllib3.util.parse_url(url.strip())
    except HTTPError:
        return ""
    if parsed.scheme not in {"http", "https"}:
        return ""
    shown = parsed._replace(auth=None, query=None, fragment=None).url
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _filename(url: str, media_type: str) -> str:
    stem = PurePosixPath(unquote(_parsed(url.strip()).path or "")).stem
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:_LONGEST_NAME]
    return (plain or "image") + _EXTENSIONS[media_type]
