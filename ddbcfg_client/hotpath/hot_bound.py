"""The hot path of a bound object: made already, from options of the current generation.

This is the reference.  ``_bound.c`` is the compiled equivalent.
"""

from __future__ import annotations

from os import getpid
from time import monotonic

from ddbcfg_client.format.page import GENERATION_WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.hotpath.hot import Hot
    from ddbcfg_client.readonly import ReadOnlyDict

    Held = tuple[Hot, dict[str, ReadOnlyDict], memoryview | None, int, Any]


class HotBound:
    """Returns ``made`` of ``_held`` while that is current, and calls the subclass otherwise.

    ``_held`` is one tuple that is replaced as a whole.  It has a reader, the decoded options that
    its view had when the object was last checked, the word that a fork clears (None: there is no
    such word), the number that this word has in the process that made the object (without a word:
    its pid), and the object.
    """

    __slots__ = ("_held",)

    _held: Held

    def __call__(self) -> Any:
        """Return the object."""
        reader, decoded, word, process, made = self._held
        words, generation, current, until, _ = reader._view
        if (
            current is decoded
            and words[GENERATION_WORD] == generation
            and monotonic() < until
            and (getpid() if word is None else word[0]) == process
        ):
            return made
        return self._slowly()

    def _slowly(self) -> Any:
        """Return the object by the slow path."""
        raise NotImplementedError
