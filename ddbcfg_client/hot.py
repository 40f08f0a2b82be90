"""The hot path of a read: an option that was decoded before, of the generation that is current.

This is the reference.  ``_hot.c`` does the same, compiled; ``accelerator`` says which is used.
"""

from __future__ import annotations

from time import monotonic

from ddbcfg_client.layout.page import GENERATION_WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar, overload

    from ddbcfg_client.readonly import ReadOnlyDict

    Default = TypeVar("Default")
    View = tuple[memoryview, int, dict[str, ReadOnlyDict], float, object]

RAISE: Any = object()  # the default that stands for none


class Hot:
    """Answers from ``_view`` while it is current, and asks the subclass for all else.

    ``_view`` is one tuple, replaced whole: the mapped words of the control page, the generation
    that was taken up from it (below 0: none), the options decoded so far, when on the monotonic
    clock the subclass wants to be asked in any case, and what it wants to keep with all that.
    """

    # One attribute, read once: before Python 3.12, to read one of a class with __getattr__ is dear.
    __slots__ = ("_view",)

    _view: View

    if TYPE_CHECKING:

        @overload
        def get(
            self, option: str | None = None, *, keys: Iterable[str] | None = None
        ) -> ReadOnlyDict: ...

        @overload
        def get(
            self, option: str | None, default: Default, keys: Iterable[str] | None = None
        ) -> ReadOnlyDict | Default: ...

    def get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        """The keys of *option* as a read-only dict; without *option*, every option.

        With *keys*, only those of them that an option has.  Raises OptionNotFound unless there is
        a *default*, and SnapshotError or SnapshotTooStale when there is nothing to answer from.
        """
        words, generation, decoded, until, _ = self._view
        if words[GENERATION_WORD] == generation and monotonic() < until and keys is None:
            try:
                return decoded[option]  # type: ignore[index]
            except (KeyError, TypeError):
                pass
        return self._get(option, default, keys)

    def __getitem__(self, option: str) -> ReadOnlyDict:
        words, generation, decoded, until, _ = self._view
        if words[GENERATION_WORD] == generation and monotonic() < until:
            try:
                return decoded[option]
            except (KeyError, TypeError):
                pass
        return self._lookup(option)

    def __getattr__(self, name: str) -> ReadOnlyDict:
        return self._missing(name)

    def _missing(self, name: str) -> ReadOnlyDict:
        """What *name* is, which is no attribute."""
        raise NotImplementedError

    def _get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        """What :meth:`get` returns, found the long way."""
        raise NotImplementedError

    def _lookup(self, option: str) -> ReadOnlyDict:
        """What ``[option]`` returns, found the long way."""
        raise NotImplementedError

    def _attribute(self, option: str) -> ReadOnlyDict:
        """What the attribute is, found the long way."""
        raise NotImplementedError


def option_attribute(option: str) -> property:
    """What reads *option* when it is an attribute of the class.

    An attribute that the class has is found sooner than one that ``__getattr__`` makes up.
    """

    def read(self: Hot) -> ReadOnlyDict:
        words, generation, decoded, until, _ = self._view
        if words[GENERATION_WORD] == generation and monotonic() < until:
            try:
                return decoded[option]
            except KeyError:
                pass
        return self._attribute(option)

    return property(read)
