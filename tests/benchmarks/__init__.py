"""Measures the pair against others on the same work in the same run.

    uv run --directory tests python -m benchmarks

Each module of `goals` answers for one goal, and gives a line or more of the table in
`docs/performance.md`. The competitors are in `competitors`; those that are not of this project's
environment are installed by uv, each into an environment of its own.
"""
