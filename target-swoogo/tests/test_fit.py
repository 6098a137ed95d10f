"""Pictures under the limit: what passes untouched, what is made anew, and what is refused."""

from __future__ import annotations

import random
import warnings
import zlib
from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw
from PIL.JpegImagePlugin import JpegImageFile
from target_swoogo.fit import Fitted, ImageError, fit

LIMIT = 20_000


@cache
def _photo(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Soft colours under fine grain, as a camera would see them; always the same."""
    width, height = size
    source = random.Random(1)  # noqa: S311 - a picture, not a secret
    soft = Image.frombytes("RGB", (16, 12), source.randbytes(16 * 12 * 3))
    grain = Image.frombytes("RGB", size, source.randbytes(width * height * 3))
    return Image.blend(soft.resize(size, Image.Resampling.BICUBIC), grain, 0.15)


def _logo(mode: str = "RGBA", size: tuple[int, int] = (600, 400)) -> Image.Image:
    picture = Image.new(mode, size)
    draw = ImageDraw.Draw(picture)
    for step in range(0, size[0], 7):
        colour = (step % 256, 255 - step % 256, step * 3 % 256, step % 200)[: len(mode)]
        draw.ellipse((step, step // 3, step + 90, step // 3 + 120), fill=colour)
    return picture


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    target = BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    return exif.tobytes()


def _read(fitted: Fitted) -> Image.Image:
    picture = Image.open(BytesIO(fitted.content))
    picture.load()
    return picture


def _difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference per channel, 0 to 255, at a size at which noise does not count."""
    small = [picture.convert("RGB").resize((32, 24)).tobytes() for picture in (one, other)]
    total: int = sum(abs(a - b) for a, b in zip(*small, strict=True))
    return total / len(small[0])


def _refusal(content: bytes, max_bytes: int = LIMIT, **options: Any) -> str:
    with pytest.raises(ImageError) as raised:
        fit(content, max_bytes, **options)
    assert str(raised.value).startswith("the image ")
    assert not str(raised.value).endswith(".")
    return raised.value.code


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("MPO", "image/jpeg"),
    ],
)
def test_what_fits_passes_byte_by_byte(kind: str, media_type: str) -> None:
    options = {"exif": _exif(1)} if kind in {"JPEG", "WEBP"} else {}
    content = _encoded(_photo((80, 60)), kind, **options)
    assert fit(content, len(content)) == Fitted(content, media_type, None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_photograph_is_made_to_fit_and_looks_the_same(kind: str) -> None:
    content = _encoded(_photo(), kind, **({"quality": 95} if kind in {"JPEG", "WEBP"} else {}))
    fitted = fit(content, LIMIT)
    assert 0.8 * LIMIT < len(fitted.content) <= LIMIT
    assert fitted.media_type == "image/jpeg"
    picture = _read(fitted)
    assert picture.format == "JPEG"
    assert picture.width / picture.height == pytest.approx(4 / 3, rel=0.02)
    assert _difference(picture, _photo()) < 4


def test_quality_goes_before_size_does() -> None:
    content = _encoded(_photo(), "JPEG", quality=95)
    limit = int(len(content) * 0.7)
    fitted = fit(content, limit)
    assert _read(fitted).size == (640, 480)
    assert fitted.note is not None
    assert fitted.note.startswith("re-encoded from ")


def test_the_note_tells_what_was_done() -> None:
    content = _encoded(_photo(), "PNG")
    fitted = fit(content, LIMIT)
    width, height = _read(fitted).size
    before, after = len(content) / 1e6, len(fitted.content) / 1e6
    assert fitted.note == (
        f"downscaled from {before:.2f} MB (640\N{MULTIPLICATION SIGN}480)"
        f" to {after:.2f} MB ({width}\N{MULTIPLICATION SIGN}{height})"
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_same_input_gives_the_same_bytes(kind: str) -> None:
    content = _encoded(_photo(), kind)
    assert fit(content, LIMIT) == fit(content, LIMIT)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_photograph_is_set_upright_without_its_metadata(orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # which transposition the camera applied
    turned = _photo().transpose(Image.Transpose(undo[orientation]))
    for quality, limit in ((85, 10**6), (95, LIMIT)):
        content = _encoded(turned, "JPEG", quality=quality, exif=_exif(orientation))
        fitted = fit(content, limit)
        picture = _read(fitted)
        assert picture.width > picture.height
        assert _difference(picture, _photo()) < 4
        assert not picture.getexif()
        assert (fitted.note or "").endswith("turned upright")


def test_metadata_goes_when_a_picture_is_made_anew() -> None:
    content = _encoded(_photo(), "JPEG", quality=95, exif=_exif(1), comment=b"secret place")
    fitted = fit(content, LIMIT)
    assert b"secret place" not in fitted.content
    assert b"A camera" not in fitted.content
    assert b"Exif" not in fitted.content


def test_damaged_exif_does_not_spoil_a_sound_picture() -> None:
    content = _encoded(_photo((80, 60)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert fit(content, LIMIT).content == content


def test_transparency_stays() -> None:
    content = _encoded(_logo(), "PNG", compress_level=0)
    fitted = fit(content, LIMIT)
    assert fitted.media_type == "image/webp"
    picture = _read(fitted)
    assert picture.mode == "RGBA"
    assert picture.getpixel((picture.width - 1, 0)) == (0, 0, 0, 0)


def test_an_alpha_channel_that_hides_nothing_is_dropped() -> None:
    picture = _photo().convert("RGBA")
    assert fit(_encoded(picture, "PNG"), LIMIT).media_type == "image/jpeg"


def test_a_palette_with_transparency_keeps_it() -> None:
    picture = _photo().quantize(200)
    content = _encoded(picture, "PNG", transparency=bytes([0] * 5 + [255] * 195))
    fitted = fit(content, LIMIT)
    assert _read(fitted).mode == "RGBA"
    assert len(fitted.content) <= LIMIT


def test_a_flat_drawing_loses_nothing() -> None:
    picture = _logo("RGB")
    content = _encoded(picture, "PNG", compress_level=0)
    fitted = fit(content, LIMIT)
    assert fitted.media_type == "image/png"
    assert _read(fitted).convert("RGB").tobytes() == picture.tobytes()


def test_cmyk_becomes_rgb() -> None:
    content = _encoded(_photo().convert("CMYK"), "JPEG", quality=95)
    picture = _read(fit(content, LIMIT))
    assert picture.mode == "RGB"
    assert _difference(picture, _photo()) < 8


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_damaged_colour_profile_is_no_reason_to_refuse(mode: str) -> None:
    content = _encoded(_photo().convert(mode), "JPEG", quality=95, icc_profile=b"nonsense" * 40)
    assert _difference(_read(fit(content, LIMIT)), _photo()) < 8


def test_an_srgb_profile_changes_no_colour_and_another_space_does() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = fit(_encoded(_photo(), "PNG"), LIMIT)
    assert fit(_encoded(_photo(), "PNG", icc_profile=srgb), LIMIT).content == plain.content
    # The same profile with its red and blue primaries exchanged is a space of its own.
    other = srgb.replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ")
    other = other.replace("sRGB".encode("utf-16-be"), "Else".encode("utf-16-be"))
    converted = fit(_encoded(_photo(), "PNG", icc_profile=other), LIMIT)
    assert _difference(_read(converted), _read(plain)) > 8
    assert "icc_profile" not in _read(converted).info


def test_sixteen_bits_become_eight_without_clipping() -> None:
    ramp = Image.linear_gradient("L").resize((600, 400))
    grain = _photo((600, 400)).convert("L")
    grey = Image.blend(ramp, grain, 0.3)
    deep = grey.convert("I").point(lambda value: value * 257).convert("I;16")
    picture = _read(fit(_encoded(deep, "PNG"), LIMIT))
    assert picture.mode == "L"
    assert _difference(picture, grey) < 4


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_fits_or_is_refused(kind: str) -> None:
    frames = [_photo((60, 40)), _photo((60, 40)).rotate(180)]
    content = _encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert fit(content, len(content)).content == content
    assert _refusal(content, len(content) - 1) == "image_will_not_fit"


def test_an_svg_fits_or_is_refused() -> None:
    content = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1"/></svg>'
    assert fit(b"\n" + content, LIMIT) == Fitted(b"\n" + content, "image/svg+xml", None)
    assert _refusal(content, 10) == "image_will_not_fit"
    assert _refusal(content[:-3]) == "image_corrupt"
    assert _refusal(content.replace(b"path d", b"path onclick"), LIMIT) == "image_unsafe_svg"


def _declares(width: int, height: int) -> bytes:
    """A small PNG file that says it is large."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
        for name, data in chunks
    )


@pytest.mark.parametrize("side", [8_000, 10_000, 12_000, 60_000])
def test_a_bomb_is_refused_by_its_header_without_a_warning(side: int) -> None:
    assert _refusal(_declares(side, side)) == "image_too_many_pixels"
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert _refusal(_declares(side, side)) == "image_too_many_pixels"
    assert seen == []


def test_the_number_of_pixels_is_a_setting() -> None:
    content = _encoded(_photo((80, 60)), "PNG")
    assert fit(content, LIMIT, max_pixels=4800).content == content
    assert _refusal(content, max_pixels=4799) == "image_too_many_pixels"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "image_not_an_image"),
        (b"Just text in a file named photo.jpg", "image_not_an_image"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "image_not_an_image"),
        (b"<p>Not found", "image_not_an_image"),
        (b"%PDF-1.7 ...", "image_unsupported_format"),
        (b"II*\0" + bytes(40), "image_unsupported_format"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "image_unsupported_format"),
        (b"\xff\xd8\xff\xe0", "image_corrupt"),
        (b"GIF89a", "image_corrupt"),
    ],
)
def test_the_content_decides_what_it_is(content: bytes, code: str) -> None:
    assert _refusal(content) == code


@pytest.mark.parametrize("limit", [LIMIT, 10**6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_truncated_picture_is_refused_even_where_it_fits(kind: str, limit: int) -> None:
    content = _encoded(_photo(), kind)
    assert _refusal(content[: len(content) * 2 // 3], limit) == "image_corrupt"


def test_a_limit_that_nothing_can_meet_is_said() -> None:
    assert _refusal(_encoded(_photo(), "JPEG"), 20) == "image_will_not_fit"


def test_a_large_photograph_is_decoded_no_larger_than_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded = set()
    load = JpegImageFile.load

    def spy(picture: JpegImageFile) -> Any:
        decoded.add(picture.size)
        return load(picture)

    content = _encoded(_photo((2400, 1800)), "JPEG", quality=95)
    monkeypatch.setattr(JpegImageFile, "load", spy)
    fit(content, 100_000)
    assert decoded == {(600, 450)}


def test_what_is_made_anew_has_at_most_sixteen_megapixels() -> None:
    content = _encoded(Image.new("RGB", (5000, 4000), "teal"), "BMP")
    picture = _read(fit(content, 10**6))
    assert picture.size == (4472, 3578)


SEEDS = [
    *(_encoded(_photo((64, 48)), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP")),
    _encoded(_photo((64, 48)), "JPEG", exif=_exif(6), progressive=True),
    _encoded(_photo((64, 48)).convert("CMYK"), "JPEG"),
    _encoded(_logo(size=(64, 48)), "PNG"),
    _encoded(_photo((64, 48)), "GIF", save_all=True, append_images=[_photo((64, 48)).rotate(180)]),
    b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1" fill="url(#a)"/></svg>',
]


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 10**4), st.binary(max_size=4)), max_size=6),
    keep=st.integers(0, 10**4),
    limit=st.sampled_from([50, 700, 2_000, 10_000]),
)
@settings(max_examples=400, deadline=None)
def test_damage_yields_a_picture_within_the_limit_or_a_clear_refusal(
    seed: bytes, changes: list[tuple[int, bytes]], keep: int, limit: int
) -> None:
    content = bytearray(seed)
    for place, data in changes:
        at = place % len(content)
        content[at : at + len(data)] = data
    damaged = bytes(content[: len(seed) - keep % 50 * (keep % 3 == 0)])
    with suppress(ImageError):
        assert len(fit(damaged, limit, max_pixels=1_000_000).content) <= limit


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_refused(content: bytes) -> None:
    assert _refusal(content, max_pixels=10_000).startswith("image_")
