"""Hostile images through the whole pair: an image's trouble stays the image's own."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from .hostile import MAPPINGS, messages, person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Pair

LIMIT = 1_000_000
METADATA = "http://169.254.169.254/latest/meta-data"
ORIENTATION = 0x0112
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'


def encoded(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (64, 48), **options: Any
) -> bytes:
    """A picture whose upper half is bright."""
    picture = Image.new(mode, size)
    bright: Any = 255 if len(picture.getbands()) == 1 else (255,) * len(picture.getbands())
    if mode.startswith("I"):
        bright = 60_000
    picture.paste(bright, (0, 0, size[0], size[1] // 2))
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def noise(kind: str, side: int, mode: str = "RGB") -> bytes:
    """A picture that no encoder makes small."""
    picture = Image.effect_noise((side, side), 90).convert(mode)
    target = io.BytesIO()
    picture.save(target, kind)
    return target.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded("JPEG", exif=exif)


def animated(frames: int, side: int) -> bytes:
    pictures = [Image.effect_noise((side, side), 50 + n).convert("P") for n in range(frames)]
    target = io.BytesIO()
    pictures[0].save(target, "GIF", save_all=True, append_images=pictures[1:])
    return target.getvalue()


def png_claiming(width: int, height: int, rows: int = 10) -> bytes:
    """A PNG whose header promises more than any machine has memory for."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * (rows * (width * 3 + 1) if width < 10_000 else 10_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


JPEG = encoded("JPEG")
PNG = encoded("PNG")
SENT = {
    "plain.jpg": JPEG,
    "cmyk.jpg": encoded("JPEG", "CMYK"),
    "big-cmyk.jpg": noise("JPEG", 1600, "CMYK"),
    "sixteen-bits.png": encoded("PNG", "I;16"),
    "big.png": noise("PNG", 1400),
    "turned.jpg": turned(),
    "palette.gif": encoded("GIF", "P"),
    "bitmap.bmp": encoded("BMP"),
    "small-animation.gif": animated(3, 16),
    "png-named.jpg": PNG,
    "trailing-rubbish.jpg": JPEG + b"<script>alert(1)</script>" * 10,
    "short-of-rows.png": png_claiming(4_000, 4_000),
    "one-pixel.png": encoded("PNG", size=(1, 1)),
    "long-and-thin.png": encoded("PNG", size=(1, 30_000)),
    "plain.svg": SVG.format("<rect width='9' height='9'/>").encode(),
}
REFUSED = {
    "text.jpg": (b"This is no picture.\n" * 100, "image_not_an_image"),
    "page.png": (b"<!doctype html><script>alert(1)</script>", "image_not_an_image"),
    "empty.png": (b"", "image_not_an_image"),
    "pdf.jpg": (b"%PDF-1.7\n%...", "image_unsupported_format"),
    "truncated.jpg": (noise("JPEG", 300)[:-3000], "image_corrupt"),
    "truncated.png": (noise("PNG", 300)[:-3000], "image_corrupt"),
    "cut-header.png": (PNG[:20], "image_corrupt"),
    "bomb.png": (png_claiming(60_000, 60_000), "image_too_many_pixels"),
    "wide-bomb.png": (png_claiming(2**31 - 1, 2**31 - 1), "image_too_many_pixels"),
    "animation.gif": (animated(30, 400), "image_will_not_fit"),
    "script.svg": (SVG.format("<script>alert(1)</script>").encode(), "image_unsafe_svg"),
    "handler.svg": (SVG.format("<g onclick='alert(1)'/>").encode(), "image_unsafe_svg"),
    "fetching.svg": (
        SVG.format("<image href='http://169.254.169.254/x.png'/>").encode(),
        "image_unsafe_svg",
    ),
    "laughs.svg": (
        b'<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + SVG.format("&b;").encode(),
        "image_unsafe_svg",
    ),
    "deep.svg": (SVG.format("<g>" * 20_000).encode(), "image_corrupt"),
    "tiff.png": (encoded("TIFF"), "image_unsupported_format"),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].lstrip("/")
        if name in SENT:
            self._answer(SENT[name])
        elif name in REFUSED:
            self._answer(REFUSED[name][0])
        else:
            getattr(self, f"_{name.replace('-', '_')}")()

    def _answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        block = b"\xff\xd8\xff" + bytes(1_000_000)
        try:
            while True:
                self.wfile.write(block)
        except OSError:
            self.server.given_up.set()

    def _to_the_metadata(self) -> None:
        self._answer(b"", 302, Location=METADATA)

    def _to_a_file(self) -> None:
        self._answer(b"", 302, Location="file:///etc/passwd")

    def _to_itself(self) -> None:
        self._answer(b"", 302, Location=self.path)

    def _to_nowhere(self) -> None:
        self._answer(b"", 302, Location="http://[::1")

    def _to_a_script(self) -> None:
        self._answer(b"", 302, Location="javascript:alert(1)")

    def _gone(self) -> None:
        self._answer(b"<script>", 410)

    def _no_status(self) -> None:
        self.wfile.write(b"\0\1\2 what is this\r\n\r\n")
        self.close_connection = True

    def _odd_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nbad header\r\n: x\r\n\r\nabc")
        self.close_connection = True

    def _bad_chunks(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n")
        self.close_connection = True

    def _short(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + PNG)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


ANSWERS = {
    "endless": "image_too_large",
    "to-the-metadata": "image_private_address",
    "to-a-file": "image_bad_url",
    "to-itself": "image_unreachable",
    "to-nowhere": "image_unreachable",
    "to-a-script": "image_bad_url",
    "gone": "image_not_found",
    "no-status": "image_unreachable",
    "odd-headers": "image_not_an_image",
    "bad-chunks": "image_unreachable",
    "short": "image_unreachable",
}
ADDRESSES = {
    "javascript:alert(1)": "image_bad_url",
    "file:///etc/passwd": "image_bad_url",
    "ftp://example.org/a.png": "image_bad_url",
    "data:image/png;base64,AAAA": "image_bad_url",
    "//example.org/a.png": "image_bad_url",
    "http://": "image_bad_url",
    "http://[": "image_bad_url",
    "http://a:99999/x": "image_bad_url",
    "http://\ud800.example/": "image_bad_url",
    "http://x\n.example/\r\nHost: evil": "image_bad_url",
    "http://" + "a" * 300 + ".example/": "image_unreachable",
    "http://" + "ß." * 100: "image_unreachable",
    METADATA: "image_private_address",
    "http://[::ffff:169.254.169.254]/": "image_private_address",
    "http://[fe80::1]/": "image_private_address",
    "http://2852039166/": "image_private_address",
    "http://224.0.0.1/": "image_private_address",
    "not an address": "image_bad_url",
}


@pytest.fixture
def server() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.given_up = threading.Event()  # type: ignore[attr-defined] # for the test to see
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    pair = make_pair(MAPPINGS, sessions=1)
    pair.sandbox.faults(quota_enabled=False)
    return pair


def load(pair: Pair, addresses: list[str], **overrides: Any) -> dict[str, str]:
    """Sync a speaker for each address; the code of every image's failure, by address."""
    people = [("speakers", person(f"p{n}", photo_url=url)) for n, url in enumerate(addresses)]
    settings = {"speakers": "all", "max_failed_percent": 100} | overrides
    report = pair.load(messages(people), **settings)["pairs"][0]
    assert report["error"] is None
    assert len(pair.sandbox.state.swoogo["speakers"]) == len(addresses), "the people are all there"
    for note in report["failed"]:
        assert len(note["message"]) < 1000
        assert "secret" not in note["message"]
    return {addresses[int(note["id"][1:])]: note["code"] for note in report["failed"]}


def uploads(pair: Pair) -> list[tuple[str, bytes]]:
    rows = pair.sandbox.state.swoogo["uploads"].values()
    folder = pair.folder / "sandbox/uploads"
    names = [row["sha256"][:32] + Path(row["filename"]).suffix for row in rows]
    return [(name, (folder / name).read_bytes()) for name in names]


def test_each_hostile_image_is_made_fit_or_refused_by_name(pair: Pair, server: Any) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    names = [*SENT, *REFUSED, *ANSWERS]
    codes = load(pair, [f"{url}/{name}?sig=secret" for name in names])
    expected = {name: code for name, (_, code) in REFUSED.items()} | ANSWERS
    failed = {address.partition("?")[0].rpartition("/")[2]: code for address, code in codes.items()}
    assert failed == expected
    assert server.given_up.wait(10), "the endless download was broken off"
    sent = uploads(pair)
    assert len(sent) == len(SENT)
    for name, content in sent:
        assert len(content) <= LIMIT
        if not name.endswith(".svg"):
            with Image.open(io.BytesIO(content)) as picture:
                picture.load()
    print(f"{len(names)} images, {len(SENT)} sent and {len(expected)} refused")  # noqa: T201


def test_a_turned_photograph_arrives_upright(pair: Pair, server: Any) -> None:
    load(pair, [f"http://127.0.0.1:{server.server_port}/turned.jpg"])
    ((_, content),) = uploads(pair)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (48, 64)
        assert ORIENTATION not in picture.getexif()


def test_each_hostile_address_is_refused_by_name(pair: Pair) -> None:
    assert load(pair, list(ADDRESSES)) == ADDRESSES
    assert uploads(pair) == []
    print(f"{len(ADDRESSES)} addresses")  # noqa: T201


def test_nothing_is_fetched_from_private_addresses_unless_allowed(pair: Pair, server: Any) -> None:
    port = server.server_port
    hosts = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"]
    private = [f"http://{host}:{port}/plain.jpg" for host in hosts]
    codes = load(pair, private, allow_private_images=False)
    assert codes == dict.fromkeys(private, "image_private_address")
