"""Fetching from servers that are slow, wrong, hostile or elsewhere than they say."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Picture
from target_swoogo import images
from target_swoogo.images import ImageError, ImageFetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    target = BytesIO()
    Picture.linear_gradient("L").resize(size).convert("RGB").save(target, kind)
    return target.getvalue()


PNG = _picture()


class Server(ThreadingHTTPServer):
    """Answers each path by a function; keeps what was asked, and over how many connections."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Callable[[Handler], None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.done = threading.Event()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}{path}"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of these tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.routes[self.path.partition("?")[0]](self)

    def answer(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.routes["/a.png"] = lambda handler: handler.answer(PNG, ETag='"1"')
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.done.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def fetchers() -> Iterator[Callable[..., ImageFetcher]]:
    made: list[ImageFetcher] = []

    def make(**options: Any) -> ImageFetcher:
        fetcher = ImageFetcher(user_agent="test/1", **{"allow_private": True, **options})
        made.append(fetcher)
        return fetcher

    yield make
    for fetcher in made:
        fetcher.close()


@pytest.fixture
def fetcher(fetchers: Callable[..., ImageFetcher]) -> ImageFetcher:
    return fetchers()


def _refusal(fetcher: ImageFetcher, url: str) -> ImageError:
    with pytest.raises(ImageError) as raised:
        fetcher.fetch(url)
    return raised.value


class Names:
    """A name service whose answers change from one question to the next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> None:
        self.asked: list[str] = []
        real = socket.getaddrinfo

        def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = host.replace(".", "_")
            if name not in answers:
                return real(host, port, *args, **kwargs)
            self.asked.append(host)
            found = answers[name]
            addresses = found.pop(0) if len(found) > 1 else found[0]
            return [entry for address in addresses for entry in real(address, port, type=1)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 plays a public address; every other stays what it is."""
    real = images._is_allowed
    monkeypatch.setattr(
        images,
        "_is_allowed",
        lambda address, *, private: address == "127.0.0.1" or real(address, private=private),
    )


# What is fetched


def test_a_picture_arrives_with_all_that_an_upload_needs(
    server: Server, fetcher: ImageFetcher
) -> None:
    image = fetcher.fetch(server.url("/a.png?signature=secret"))
    assert image == images.Image(
        PNG, "image/png", "a.png", '"1"', hashlib.sha256(PNG).hexdigest(), None
    )


def test_a_large_picture_is_made_to_fit(
    server: Server, fetchers: Callable[..., ImageFetcher]
) -> None:
    body = _picture("BMP", (200, 150))
    server.routes["/photo.bmp"] = lambda handler: handler.answer(body)
    image = fetchers(max_bytes=5_000).fetch(server.url("/photo.bmp"))
    assert image is not None
    assert len(image.content) <= 5_000
    assert image.sha256 == hashlib.sha256(body).hexdigest()
    assert image.filename == "photo.png"
    assert image.note


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/photos/Ada%20Lovelace.JPEG", "Ada-Lovelace.png"),
        ("/%2e%2e%2fetc%2fpasswd", "passwd.png"),
        ("/", "image.png"),
        ("/..%00%0d%0a.png", "image.png"),
        ("/" + "x" * 300 + ".png", "x" * 60 + ".png"),
        ("/logo", "logo.png"),
    ],
)
def test_the_filename_is_plain_and_has_the_right_extension(path: str, name: str) -> None:
    assert images._filename(f"https://example.org{path}?a=b.exe", "image/png") == name


def test_the_content_decides_the_type(server: Server, fetcher: ImageFetcher) -> None:
    server.routes["/a.jpg"] = lambda handler: handler.answer(PNG, Content_Type="text/html")
    image = fetcher.fetch(server.url("/a.jpg"))
    assert image is not None
    assert (image.media_type, image.filename) == ("image/png", "a.png")


def test_what_has_not_changed_is_not_fetched_again(server: Server, fetcher: ImageFetcher) -> None:
    server.routes["/same"] = lambda handler: handler.answer(status=304)
    assert fetcher.fetch(server.url("/same"), etag='W/"7"') is None
    assert server.asked[-1][1]["If-None-Match"] == 'W/"7"'
    assert fetcher.fetch(server.url("/a.png"), sha256=hashlib.sha256(PNG).hexdigest()) is None
    assert fetcher.fetch(server.url("/a.png"), sha256="another") is not None


def test_not_modified_without_a_question_is_no_answer(
    server: Server, fetcher: ImageFetcher
) -> None:
    server.routes["/same"] = lambda handler: handler.answer(status=304)
    assert _refusal(fetcher, server.url("/same")).code == "image_unreachable"


@pytest.mark.parametrize("etag", ['"\xe9"', '"' + "x" * 300 + '"'])
def test_a_tag_that_could_not_be_sent_back_is_not_kept(
    server: Server, fetcher: ImageFetcher, etag: str
) -> None:
    server.routes["/a"] = lambda handler: handler.answer(PNG, ETag=etag)
    image = fetcher.fetch(server.url("/a"))
    assert image is not None
    assert image.etag is None


def test_nothing_but_the_question_is_sent(
    server: Server, fetcher: ImageFetcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.routes["/a.png"] = lambda handler: handler.answer(PNG, Set_Cookie="a=b")
    url = server.url("/a.png").replace("//", "//me:secret@")
    for _ in range(2):
        assert fetcher.fetch(url) is not None
        assert server.asked[-1][1] == {
            "Host": f"127.0.0.1:{server.server_address[1]}",
            "User-Agent": "test/1",
            "Accept": "image/*",
            "Accept-Encoding": "identity",
        }


def test_connections_are_kept_alive(server: Server, fetcher: ImageFetcher) -> None:
    server.routes["/gone"] = lambda handler: handler.answer(b"x", 404)
    server.routes["/moved"] = lambda handler: handler.answer(b"see there", 302, Location="/a.png")
    server.routes["/same"] = lambda handler: handler.answer(status=304)
    for _ in range(2):
        assert fetcher.fetch(server.url("/moved"))
        assert fetcher.fetch(server.url("/same"), etag='"1"') is None
    assert server.connections == 1


def test_a_kept_connection_that_the_server_has_let_go_is_made_anew(
    server: Server, fetcher: ImageFetcher
) -> None:
    def hang_up_once(handler: Handler) -> None:
        if server.connections == 1:
            handler.close_connection = True  # without an answer, as when it was closed before
        else:
            handler.answer(PNG)

    server.routes["/b.png"] = hang_up_once
    assert fetcher.fetch(server.url("/a.png"))
    image = fetcher.fetch(server.url("/b.png"))
    assert image is not None
    assert image.content == PNG
    assert [path for path, _ in server.asked] == ["/a.png", "/b.png", "/b.png"]


def test_a_server_that_hangs_up_again_is_given_up(server: Server, fetcher: ImageFetcher) -> None:
    server.routes["/b.png"] = lambda handler: setattr(handler, "close_connection", True)
    assert _refusal(fetcher, server.url("/b.png")).code == "image_unreachable"
    assert len(server.asked) == 2


def test_many_threads_share_one_fetcher(server: Server, fetcher: ImageFetcher) -> None:
    fetched: list[images.Image | None] = []
    threads = [
        threading.Thread(target=lambda: fetched.append(fetcher.fetch(server.url("/a.png"))))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [image.content for image in fetched if image] == [PNG] * 12


# What is refused


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "image_not_found"),
        (410, "image_not_found"),
        (401, "image_forbidden"),
        (403, "image_forbidden"),
        (429, "image_unreachable"),
        (500, "image_unreachable"),
        (204, "image_unreachable"),
        (300, "image_unreachable"),
        (302, "image_unreachable"),
    ],
)
def test_other_answers_are_named(
    server: Server, fetcher: ImageFetcher, status: int, code: str
) -> None:
    server.routes["/a"] = lambda handler: handler.answer(status=status)
    assert _refusal(fetcher, server.url("/a")).code == code


def test_an_error_page_is_not_an_image(server: Server, fetcher: ImageFetcher) -> None:
    page = b"<!DOCTYPE html><html><body>Not found</body></html>"
    server.routes["/a.jpg"] = lambda handler: handler.answer(page, Content_Type="image/jpeg")
    assert _refusal(fetcher, server.url("/a.jpg")).code == "image_not_an_image"


def test_a_message_names_the_address_without_its_secrets(
    server: Server, fetcher: ImageFetcher
) -> None:
    server.routes["/a.png"] = lambda handler: handler.answer(status=404)
    url = server.url("/a.png?X-Signature=secret#secret").replace("//", "//me:secret@")
    error = _refusal(fetcher, url)
    assert str(error) == (
        f"the image is no longer at its address; upload it again ({server.url('/a.png')})"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photo.jpg",
        "/photo.jpg",
        "//example.org/a.png",
        "ftp://example.org/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,secret",
        "javascript:alert(1)",
        "http://",
        "http:///a.png",
        "http://[::1/a.png",
        "http://example.org:99999/a.png",
        "https://exa mple.org/\0",
    ],
)
def test_only_web_addresses_are_followed(fetcher: ImageFetcher, url: str) -> None:
    error = _refusal(fetcher, url)
    assert error.code in {"image_bad_url", "image_unreachable"}
    assert "secret" not in str(error)


def test_a_name_that_does_not_resolve_and_a_closed_port(fetcher: ImageFetcher) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        assert _refusal(fetcher, f"http://127.0.0.1:{port}/").code == "image_unreachable"
    too_long = "x" * 70
    assert _refusal(fetcher, f"http://{too_long}.test/").code == "image_unreachable"


def test_an_endless_download_ends_at_the_limit(
    server: Server, fetchers: Callable[..., ImageFetcher]
) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while not server.done.is_set():
            handler.wfile.write(b"2000\r\n" + bytes(0x2000) + b"\r\n")

    server.routes["/a"] = endless
    fetcher = fetchers(max_download_bytes=100_000)
    assert _refusal(fetcher, server.url("/a")).code == "image_too_large"


def test_a_download_of_exactly_the_limit_is_taken(
    server: Server, fetchers: Callable[..., ImageFetcher]
) -> None:
    assert fetchers(max_download_bytes=len(PNG)).fetch(server.url("/a.png"))
    fetcher = fetchers(max_download_bytes=len(PNG) - 1)
    assert _refusal(fetcher, server.url("/a.png")).code == "image_too_large"


@pytest.mark.parametrize("slow", ["headers", "body"])
def test_a_slow_drip_ends_at_the_deadline(
    server: Server, fetchers: Callable[..., ImageFetcher], slow: str
) -> None:
    def drip(handler: Handler) -> None:
        if slow == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
        while not server.done.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    server.routes["/a"] = drip
    fetcher = fetchers(timeout_seconds=0.25)
    assert _refusal(fetcher, server.url("/a")).code == "image_timeout"


def test_a_server_that_never_answers_ends_at_the_deadline(
    server: Server, fetchers: Callable[..., ImageFetcher]
) -> None:
    server.routes["/a"] = lambda _: (server.done.wait(), None)[1]
    fetcher = fetchers(timeout_seconds=0.1)
    assert _refusal(fetcher, server.url("/a")).code == "image_timeout"


def test_a_body_that_breaks_off_is_not_taken_for_the_whole(
    server: Server, fetcher: ImageFetcher
) -> None:
    def broken(handler: Handler) -> None:
        handler.answer(PNG, Content_Length=str(len(PNG) + 1))
        handler.close_connection = True

    def broken_chunks(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n" % len(PNG) + PNG + b"\r\n")
        handler.close_connection = True

    server.routes["/a"] = broken
    server.routes["/b"] = broken_chunks
    assert _refusal(fetcher, server.url("/a")).code == "image_unreachable"
    assert _refusal(fetcher, server.url("/b")).code == "image_unreachable"


def test_a_gzip_bomb_is_opened_no_further_than_the_limit(
    server: Server, fetchers: Callable[..., ImageFetcher]
) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    server.routes["/a"] = lambda handler: handler.answer(bomb, Content_Encoding="gzip")
    fetcher = fetchers(max_download_bytes=200_000)
    assert _refusal(fetcher, server.url("/a")).code == "image_too_large"


def test_a_picture_that_is_stored_compressed_is_opened(
    server: Server, fetcher: ImageFetcher
) -> None:
    whole = gzip.compress(PNG)
    server.routes["/a"] = lambda handler: handler.answer(whole, Content_Encoding="gzip")
    image = fetcher.fetch(server.url("/a"))
    assert image is not None
    assert image.content == PNG
    for body in (whole[:-9], b"not gzip"):
        server.routes["/a"] = lambda handler, body=body: handler.answer(
            body, Content_Encoding="gzip"
        )
        assert _refusal(fetcher, server.url("/a")).code == "image_corrupt"
    server.routes["/a"] = lambda handler: handler.answer(
        zlib.compress(PNG), Content_Encoding="deflate"
    )
    assert _refusal(fetcher, server.url("/a")).code == "image_unreachable"


# Where it is fetched from


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True),
        ("2606:4700::1111", True, True),
        ("64:ff9b::5db8:d822", True, True),
        ("127.0.0.1", False, True),
        ("10.1.2.3", False, True),
        ("172.16.0.1", False, True),
        ("192.168.1.1", False, True),
        ("100.64.0.1", False, True),
        ("0.0.0.0", False, True),  # noqa: S104 - an address to refuse
        ("255.255.255.255", False, True),
        ("::1", False, True),
        ("::", False, True),
        ("fc00::1", False, True),
        ("fec0::1", False, True),
        ("2001:db8::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("::127.0.0.1", False, True),
        ("64:ff9b::7f00:1", False, True),
        ("2002:7f00:1::", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("224.0.0.1", False, False),
        ("ff0e::1", False, False),
    ],
)
def test_which_addresses_are_public(address: str, *, public: bool, private: bool) -> None:
    assert images._is_allowed(address, private=False) is public
    assert images._is_allowed(address, private=True) is private


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_private_addresses_are_not_even_connected_to(
    server: Server, fetchers: Callable[..., ImageFetcher], host: str
) -> None:
    error = _refusal(fetchers(allow_private=False), server.url("/a.png", host))
    assert error.code == "image_private_address"
    assert server.connections == 0


@pytest.mark.usefixtures("public")
def test_one_private_address_among_public_ones_is_enough_to_refuse(
    server: Server, fetchers: Callable[..., ImageFetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, mixed_test=[["127.0.0.1", "10.0.0.1"]])
    error = _refusal(fetchers(allow_private=False), server.url("/a.png", "mixed.test"))
    assert error.code == "image_private_address"
    assert server.connections == 0


@pytest.mark.usefixtures("public")
def test_the_connection_goes_to_the_address_that_was_checked(
    server: Server, fetchers: Callable[..., ImageFetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch, rebinding_test=[["127.0.0.1"], ["127.0.0.2"]])
    fetcher = fetchers(allow_private=False)
    for _ in range(2):
        assert fetcher.fetch(server.url("/a.png", "rebinding.test"))
        host = f"rebinding.test:{server.server_address[1]}"
        assert server.asked[-1][1]["Host"] == host
    assert names.asked == ["rebinding.test"]


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2:{port}/a.png", "//127.0.0.2:{port}/a.png", "http://private.test:{port}/"],
)
def test_a_redirect_to_a_private_address_is_refused(
    server: Server,
    fetchers: Callable[..., ImageFetcher],
    monkeypatch: pytest.MonkeyPatch,
    location: str,
) -> None:
    Names(monkeypatch, private_test=[["10.0.0.1"]])
    target = location.format(port=server.server_address[1])
    server.routes["/moved"] = lambda handler: handler.answer(status=302, Location=target)
    error = _refusal(fetchers(allow_private=False), server.url("/moved"))
    assert error.code == "image_private_address"
    assert [path for path, _ in server.asked] == ["/moved"]


def test_redirects_are_followed_five_times_and_no_further(
    server: Server, fetcher: ImageFetcher
) -> None:
    for step in range(1, 7):
        server.routes[f"/{step}"] = lambda handler, step=step: handler.answer(
            status=301, Location=f"/{step - 1}"
        )
    server.routes["/0"] = server.routes["/a.png"]
    assert fetcher.fetch(server.url("/5"))
    assert _refusal(fetcher, server.url("/6")).code == "image_unreachable"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("file:///etc/passwd", "image_bad_url"),
        ("ftp://x.test/a", "image_bad_url"),
        ("data:,x", "image_bad_url"),
        ("http://[x", "image_unreachable"),
    ],
)
def test_a_redirect_out_of_the_web_is_refused(
    server: Server, fetcher: ImageFetcher, location: str, code: str
) -> None:
    server.routes["/moved"] = lambda handler: handler.answer(status=302, Location=location)
    assert _refusal(fetcher, server.url("/moved")).code == code


def test_the_next_address_is_tried_when_one_does_not_answer(
    server: Server, fetcher: ImageFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch, two_test=[["127.0.0.2", "127.0.0.1"]])
    for _ in range(2):
        assert fetcher.fetch(server.url("/a.png", "two.test"))
    assert names.asked == ["two.test"]


# Encrypted


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    made = tmp_path / "certificate.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=images.test", "-addext", "subjectAltName=DNS:images.test"]
    files = ["-keyout", str(made), "-out", str(tmp_path / "out.pem")]
    subprocess.run(  # noqa: S603 - fixed arguments
        [openssl, *options.split(), *names, *files], check=True, capture_output=True
    )
    made.write_bytes(made.read_bytes() + (tmp_path / "out.pem").read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made))
    return made


def test_the_certificate_is_checked_against_the_name_not_the_address(
    server: Server,
    fetchers: Callable[..., ImageFetcher],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Names(monkeypatch, images_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    indicated: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: indicated.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    fetcher = fetchers()
    url = server.url("/a.png", "images.test").replace("http:", "https:")
    assert fetcher.fetch(url)
    assert _refusal(fetcher, url.replace("images", "other")).code == "image_unreachable"
    assert indicated == ["images.test", "other.test"]
