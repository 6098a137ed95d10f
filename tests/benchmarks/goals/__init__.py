"""One module for each goal, with a function `measure` that gives its lines of the table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.figures import Figure, Scale


def measure(goal: str, scale: Scale) -> list[Figure]:
    """Measure what one goal is about.

    Args:
        goal: The name of its module.
        scale: How much.
    """
    figures: list[Figure] = import_module(f"{__name__}.{goal}").measure(scale)
    return figures
