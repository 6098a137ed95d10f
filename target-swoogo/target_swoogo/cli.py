"""The program. Python's collector is kept from looking through what is there for good."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 50_000
"""So many are waited for: records come by the thousand, and are let go without its help."""


def main() -> None:
    """Run it; what is loaded stays to the end, and at the end all goes at once."""
    gc.disable()
    from target_swoogo.target import TargetSwoogo  # noqa: PLC0415 - what is to be loaded so

    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    try:
        TargetSwoogo.cli()
    finally:
        gc.freeze()
