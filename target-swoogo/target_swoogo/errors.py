"""Errors that a person can act on: a stable code and one sentence that says what to do."""

from __future__ import annotations


class TargetError(Exception):
    """A failure of the whole run that its user can mend.

    The message is one sentence for the person who runs the sync; it holds neither credentials nor
    personal data. Anything else that is raised is a bug and keeps its traceback.

    Attributes:
        code: Stable name of the failure, for scripts and for the documentation.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ImageError(Exception):
    """A picture that cannot be passed on.

    The message is a clause for an organiser, without a full stop: what is wrong and what to do.

    Attributes:
        code: A stable name of the reason, such as ``image_corrupt``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
