"""The program. Python's collector is kept from looking through what is there for good."""

from __future__ import annotations

import gc


def main() -> None:
    """Run it; what is loaded stays to the end, and at the end all goes at once."""
    gc.disable()
    from tap_sessionboard.tap import TapSessionboard  # noqa: PLC0415 - what is to be loaded so

    gc.enable()
    try:
        TapSessionboard.cli()
    finally:
        gc.freeze()
