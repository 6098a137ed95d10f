"""Fitting pictures under the limit, against the usual loop that saves until it fits."""

from __future__ import annotations

import random
import sys
import time
from functools import partial
from io import BytesIO
from math import log10
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageStat
from target_swoogo.fit import fit

from benchmarks.figures import Figure, Scale, at_least, at_most, medians
from benchmarks.processes import in_new_process, run

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1_000_000
_TIMES_AS_FAST, _MOST_WORSE_DB, _MOST_MEGABYTES = 3.0, 0.1, 600
_PAGE_PIXELS = 1_000
_STEP = 5
_SIZES = ((4000, 3000), (3024, 4032), (6000, 4000), (8000, 6250))

_FIT_ONE = """
import sys
from target_swoogo.fit import fit
fit(open(sys.argv[1], "rb").read(), int(sys.argv[2]))
"""


def measure(scale: Scale) -> list[Figure]:
    """The figures."""
    pictures = {
        f"{width} \N{MULTIPLICATION SIGN} {height}": in_new_process(photo, width, height)
        for width, height in _SIZES[: scale.of(len(_SIZES), 1)]
    }
    *_, largest_picture = pictures.values()
    peak = _peak(largest_picture)
    figures, gains, speeds, largest = [], [], [], 0
    for name, content in pictures.items():
        fitted = fit(content, LIMIT).content
        usual = step_down(content, LIMIT)
        largest = max(largest, len(fitted))
        ours, theirs = medians(
            scale.repetitions,
            partial(_seconds, fit, content),
            partial(_seconds, step_down, content),
        )
        on_page = [_psnr(content, other) for other in (fitted, usual)]
        gains.append(on_page[0] - on_page[1])
        speeds.append(theirs / ours)
        figures.append(
            Figure(
                f"Fitting a JPEG of {name} ({len(content) / 1e6:.1f} MB) under 1 MB",
                "",
                f"{ours:.2f} s, {on_page[0]:.1f} dB; the usual loop {theirs:.2f} s, "
                f"{on_page[1]:.1f} dB",
            )
        )
    return [
        at_least(
            "Fitting photos under 1 MB: times as fast as the usual loop, mean",
            fmean(speeds),
            _TIMES_AS_FAST,
            f"{{}} ({', '.join(f'{speed:.1f}' for speed in speeds)})",
        ),
        at_least(
            "Fitting photos: PSNR at the width of a page, in dB above the usual loop's, least",
            min(gains),
            -_MOST_WORSE_DB,
            f"{{}} ({', '.join(f'{gain:+.1f}' for gain in gains)})",
        ),
        at_most("Fitting photos: bytes of the largest result", largest, LIMIT, "{}"),
        at_most("Fitting a photo of 50 MP: peak memory in MB", peak, _MOST_MEGABYTES, "{}"),
        *figures,
    ]


def photo(width: int, height: int) -> bytes:
    """A picture whose detail falls off as in photographs: noise of every scale, the finer the less.

    The same size always gives the same picture.
    """
    dice = random.Random(width * height)  # noqa: S311 - the same picture every time
    picture = Image.new("RGB", (width, height), (128, 128, 128))
    cells = 4
    strength = 0.6
    while cells < max(width, height):
        size = (cells, max(1, cells * height // width))
        noise = Image.frombytes("RGB", size, dice.randbytes(size[0] * size[1] * 3))
        picture = Image.blend(
            picture, noise.resize((width, height), Image.Resampling.BICUBIC), strength
        )
        cells, strength = cells * 2, strength * 0.83
    out = BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


def step_down(content: bytes, limit: int) -> bytes:
    """The usual loop: save at less and less quality, then at less and less size, until it fits."""
    picture = Image.open(BytesIO(content)).convert("RGB")
    quality = 95
    while True:
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= limit:
            return out.getvalue()
        if quality > _STEP:
            quality -= _STEP
        else:
            picture = picture.resize(
                (picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS
            )
            quality = 95


def _seconds(work: Callable[[bytes, int], object], content: bytes) -> float:
    began = time.perf_counter()
    work(content, LIMIT)
    return time.perf_counter() - began


def _psnr(source: bytes, result: bytes) -> float:
    """How near a result is to its source where it is looked at, in dB."""
    shown = []
    for content in (source, result):
        picture = Image.open(BytesIO(content)).convert("RGB")
        height = round(picture.height * _PAGE_PIXELS / picture.width)
        shown.append(picture.resize((_PAGE_PIXELS, height), Image.Resampling.LANCZOS))
    first, second = shown
    if first.size != second.size:
        second = second.resize(first.size, Image.Resampling.LANCZOS)
    squares = fmean(rms * rms for rms in ImageStat.Stat(ImageChops.difference(first, second)).rms)
    return 10 * log10(255 * 255 / squares)


def _peak(content: bytes) -> float:
    """The memory in MB that fitting takes, with Python and Pillow."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "photo.jpg"
        file.write_bytes(content)
        command = [sys.executable, "-c", _FIT_ONE, str(file), str(LIMIT)]
        return run(command, folder=Path(folder)).peak[0]
