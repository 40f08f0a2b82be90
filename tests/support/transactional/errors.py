"""What a request is refused with."""

from __future__ import annotations

from collections.abc import Sequence


class Refused(Exception):
    """The service's error; ``reasons`` are a cancelled transaction's, one for each action."""

    def __init__(self, code: str, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reasons = tuple(reasons)


def cancelled(reasons: Sequence[str]) -> Refused:
    """A transaction that was not done, for these reasons."""
    text = f"Transaction cancelled, please refer cancellation reasons [{', '.join(reasons)}]"
    return Refused("TransactionCanceledException", text, reasons)
