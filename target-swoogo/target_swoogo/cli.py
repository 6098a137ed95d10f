"""The program, and how Python runs it: what the collector looks at, and when threads take turns."""

from __future__ import annotations

import gc
import sys

_NEW_OBJECTS = 50_000
"""So many are waited for: records come by the thousand, and are let go without its help."""

_TURN = 0.0005
"""In seconds. After every SQL statement, the thread that keeps answers waits for its turn."""


def main() -> None:
    """Run it; what is loaded stays to the end, and at the end all goes at once."""
    gc.disable()
    from target_swoogo.target import TargetSwoogo  # noqa: PLC0415 - what is to be loaded so

    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
    sys.setswitchinterval(_TURN)
    try:
        TargetSwoogo.cli()
    finally:
        gc.freeze()
