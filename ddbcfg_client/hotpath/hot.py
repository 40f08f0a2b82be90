"""The hot path of a read: an option that was decoded before, of the generation that is current.

This is the reference.  ``_hot.c`` does the same, compiled.
"""

from __future__ import annotations

import sys
from time import monotonic

from ddbcfg_client.arguments import RAISE
from ddbcfg_client.format.page import GENERATION_WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar, overload

    from ddbcfg_client.readonly import ReadOnlyDict

    Default = TypeVar("Default")
    View = tuple[memoryview, int, dict[str, ReadOnlyDict], float, object]


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
        """The keys of ``option`` as a read-only dict; without ``option``, every option.

        With ``keys``, only those of them that an option has.  Raise OptionNotFound unless there is
        a ``default``, and SnapshotError or SnapshotTooStale when there is nothing to answer from.
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
        if name == "_view":
            raise AttributeError(name)  # not set yet, and not to be looked for with its help
        words, generation, decoded, until, _ = self._view
        if words[GENERATION_WORD] == generation and monotonic() < until:
            try:
                # Python and its tools ask for many names that begin with "_": never an option.
                if name[0] != "_":
                    found = decoded[name]
                    if _MISSING_IS_SLOW:
                        _remember(name)
                    return found
            except (KeyError, IndexError):
                pass
        return self._missing(name)

    def _missing(self, name: str) -> ReadOnlyDict:
        """Return the option ``name``, which is no attribute; found the long way."""
        raise NotImplementedError

    def _get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        """What :meth:`get` returns, found the long way."""
        raise NotImplementedError

    def _lookup(self, option: str) -> ReadOnlyDict:
        """What ``[option]`` returns, found the long way."""
        raise NotImplementedError


# Before Python 3.12, finding that an object has no such attribute makes an exception, which takes
# three times as long as the read.  So there the first options that are read as attributes become
# class attributes: few, because they stay, and every one makes Python look at the class anew.
_MISSING_IS_SLOW = sys.version_info < (3, 12)
_REMEMBERED_AT_MOST = 256
_remembered: set[str] = set()


class _OptionAttribute:
    """An option that is found on the class; what an object or a subclass has comes first.

    It has no ``__set__``, so an attribute of an object wins, and it is not to be seen on the class.
    """

    __slots__ = ("_option",)

    def __init__(self, option: str) -> None:
        self._option = option

    def __get__(self, instance: Hot | None, owner: object = None) -> ReadOnlyDict:
        if instance is not None:
            words, generation, decoded, until, _ = instance._view
            if words[GENERATION_WORD] == generation and monotonic() < until:
                try:
                    return decoded[self._option]
                except KeyError:
                    pass
        raise AttributeError(self._option)  # then Python asks __getattr__


def _remember(option: str) -> None:
    if len(_remembered) < _REMEMBERED_AT_MOST and type(option) is str:
        _remembered.add(option)
        setattr(Hot, option, _OptionAttribute(option))
