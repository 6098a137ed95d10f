"""Small copies of pictures for the report."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from target_swoogo.thumbnails import Preview, preview


def picture(mode: str, size: tuple[int, int], kind: str) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "JPEG"), ("RGBA", "PNG"), ("P", "GIF"), ("1", "PNG")],
)
def test_a_picture_is_measured_and_made_small(mode: str, kind: str) -> None:
    shown = preview(picture(mode, (1200, 600), kind))
    assert (shown.width, shown.height) == (1200, 600)
    assert shown.thumbnail is not None
    with Image.open(io.BytesIO(shown.thumbnail)) as small:
        assert (small.format, small.size) == ("WEBP", (96, 48))
    assert len(shown.thumbnail) < 5_000


def test_a_small_picture_stays_as_large_as_it_is() -> None:
    shown = preview(picture("RGB", (40, 30), "PNG"))
    assert shown.thumbnail is not None
    with Image.open(io.BytesIO(shown.thumbnail)) as small:
        assert small.size == (40, 30)


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", picture("RGB", (900, 900), "PNG")[:200], b"GIF89a" + b"\xff" * 30]
)
def test_what_has_no_pixels_has_no_preview(content: bytes) -> None:
    assert preview(content) == Preview()


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert preview(picture("RGB", (40, 30), "PNG")) == Preview()
