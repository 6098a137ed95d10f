"""Whether an upload is what Swoogo takes for an image: small enough, and really an image."""

from __future__ import annotations

import io
from pathlib import PurePath
from xml.parsers import expat

from PIL import Image, UnidentifiedImageError

LIMIT = 1_000_000
_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "png": "PNG", "webp": "WEBP"}
_SVG = "svg"


def refusal(filename: str, content: bytes) -> str | None:
    """What is wrong with an upload; None for nothing."""
    ending = PurePath(filename).suffix.lower().removeprefix(".")
    if ending not in {*_FORMATS, _SVG}:
        return "Only files with these extensions are allowed: jpg, jpeg, gif, png, webp, svg."
    if len(content) > LIMIT:
        return "The file is too big. Its size cannot exceed 1 MB."
    genuine = _is_svg(content) if ending == _SVG else _is_image(content, _FORMATS[ending])
    return None if genuine else f"The file is not a {ending} image."


def _is_image(content: bytes, kind: str) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return image.format == kind
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _is_svg(content: bytes) -> bool:
    roots: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    try:
        parser.Parse(content, True)  # noqa: FBT003 - the C function takes no keywords
    except expat.ExpatError:
        return False
    return roots[0].rpartition(":")[2] == _SVG
