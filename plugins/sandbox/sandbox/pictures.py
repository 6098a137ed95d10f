"""Draws the demo's images: headshots, logos, and the awkward ones. Same name, same picture."""

from __future__ import annotations

import colorsys
import io
import random
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import PurePosixPath

Colour = tuple[int, int, int]
_SIZE = 480
_SKIN = (
    (255, 219, 172),
    (241, 194, 125),
    (224, 172, 105),
    (198, 134, 66),
    (141, 85, 36),
    (92, 56, 32),
)
_HAIR = ((44, 34, 30), (90, 56, 37), (165, 107, 70), (214, 180, 112), (120, 120, 125), (30, 30, 40))
_PHOTOS = {
    # width, height, quality: between 1.5 and 4 MB as JPEG
    "big-1.jpg": (2200, 2700, 85),
    "big-2.jpg": (2000, 2400, 85),
    "big-3.jpg": (2600, 3200, 88),
    "big-rotated.jpg": (2600, 2000, 85),
}
_EXIF_ORIENTATION, _QUARTER_TURN = 0x0112, 6


def draw(path: PurePosixPath, version: int = 0) -> bytes:
    """The image of that path.

    Args:
        path: ``EVENT/people/NAME.jpg`` or ``EVENT/logos/NAME.svg`` and the like; the name chooses
            the colours, the ending the format.
        version: Another version is another picture.
    """
    dice = random.Random(f"{path}#{version}")  # noqa: S311 - the same picture every time
    if path.name == "corrupt.jpg":
        return _jpeg(_headshot(dice, _SIZE), 85)[:900] + b"\0" * 400
    if path.suffix == ".svg":
        return _svg_logo(path.stem, dice).encode()
    if path.parent.name == "logos":
        return _encode(_logo(path.stem, dice), path.suffix)
    if path.name in _PHOTOS:
        return _photo(path.name, dice)
    image = _headshot(dice, _SIZE)
    if path.suffix == ".png":
        mask = Image.new("L", image.size, 0)
        ImageDraw.Draw(mask).ellipse((0, 0, *image.size), fill=255)
        image.putalpha(mask)
    return _encode(image, path.suffix)


def _encode(image: Image.Image, suffix: str) -> bytes:
    if suffix in {".jpg", ".jpeg"}:
        return _jpeg(image.convert("RGB"), 85)
    out = io.BytesIO()
    image.save(out, {".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}[suffix])
    return out.getvalue()


def _jpeg(image: Image.Image, quality: int, exif: Image.Exif | None = None) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, exif=exif or Image.Exif())
    return out.getvalue()


def _photo(name: str, dice: random.Random) -> bytes:
    """A headshot as a camera makes it: large, and with grain that JPEG cannot make small."""
    width, height, quality = _PHOTOS[name]
    portrait = _headshot(dice, max(width, height))
    rotated = name == "big-rotated.jpg"
    portrait = portrait.resize((height, width) if rotated else (width, height))
    exif = Image.Exif()
    if rotated:
        portrait = portrait.transpose(Image.Transpose.ROTATE_90)
        exif[_EXIF_ORIENTATION] = _QUARTER_TURN
    grain = Image.frombytes("RGB", portrait.size, dice.randbytes(width * height * 3))
    return _jpeg(Image.blend(portrait, grain, 0.22), quality, exif)


def _colour(dice: random.Random, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(dice.random(), saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def _headshot(dice: random.Random, size: int) -> Image.Image:
    """A flat portrait: background, shoulders, hair, face."""
    top, bottom = _colour(dice, 0.25, 0.95), _colour(dice, 0.45, 0.75)
    ramp = Image.linear_gradient("L").resize((size, size))
    image = Image.composite(
        Image.new("RGB", (size, size), bottom), Image.new("RGB", (size, size), top), ramp
    )
    pen = ImageDraw.Draw(image)
    skin, hair = dice.choice(_SKIN), dice.choice(_HAIR)
    shirt = _colour(dice, 0.55, 0.55)

    def oval(x: float, y: float, wide: float, high: float, fill: Colour) -> None:
        box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
        pen.ellipse(tuple(edge * size for edge in box), fill=fill)

    long_hair = dice.random() < 1 / 2
    if long_hair:
        oval(0.5, 0.5, 0.52, 0.66, hair)
    oval(0.5, 1.08, 0.86, 0.72, shirt)
    oval(0.5, 0.72, 0.18, 0.24, skin)
    oval(0.5, 0.36, 0.40, 0.36, hair)
    oval(0.5, 0.45, 0.34, 0.44, skin)
    for eye in (0.43, 0.57):
        oval(eye, 0.44, 0.035, 0.045, (40, 35, 35))
    mouth = tuple(edge * size for edge in (0.43, 0.50, 0.57, 0.58))
    pen.arc(mouth, 20, 160, fill=(120, 50, 50), width=max(2, size // 110))
    if dice.random() < 1 / 3:
        for eye in (0.43, 0.57):
            frame = (eye - 0.055, 0.395, eye + 0.055, 0.485)
            edges = tuple(edge * size for edge in frame)
            pen.ellipse(edges, outline=(50, 50, 60), width=max(2, size // 120))
    return image


def _logo(name: str, dice: random.Random) -> Image.Image:
    """A mark and a word on a transparent ground."""
    image = Image.new("RGBA", (640, 240), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    colour = _colour(dice, 0.7, 0.6)
    pen.rounded_rectangle((20, 50, 160, 190), 40, fill=colour)
    pen.ellipse((62, 92, 118, 148), fill=(255, 255, 255))
    pen.text((190, 84), name.capitalize(), fill=colour, font=ImageFont.load_default(64))
    return image


def _svg_logo(name: str, dice: random.Random) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*_colour(dice, 0.7, 0.6))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 240" width="640" height="240">'
        f'<rect x="20" y="50" width="140" height="140" rx="40" fill="{colour}"/>'
        '<circle cx="90" cy="120" r="28" fill="#fff"/>'
        '<text x="190" y="146" font-family="Georgia, serif" font-size="72" '
        f'fill="{colour}">{name.capitalize()}</text></svg>\n'
    )
