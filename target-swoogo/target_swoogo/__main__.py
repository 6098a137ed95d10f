"""`python -m target_swoogo` is `target-swoogo`."""

from target_swoogo.target import TargetSwoogo

TargetSwoogo.cli()
