"""The hot path of a read: an already decoded option of the current generation.

This is the reference.  ``_hot.c`` is the compiled equivalent.
"""

from __future__ import annotations

import sys
from time import monotonic

from ddbcfg_client.arguments import RAISE
from ddbcfg_client.format.page import GENERATION_WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar, overload

    from ddbcfg_client.readonly import ReadOnlyDict

    As = TypeVar("As")
    Default = TypeVar("Default")
    View = tuple[memoryview, int, dict[str, ReadOnlyDict], float, object]


class Hot:
    """Serves reads from ``_view`` while it is current, and calls the subclass otherwise.

    ``_view`` is one tuple that is replaced as a whole.  It has the mapped words of the control
    page, the loaded generation (below 0: none), the options decoded so far, the monotonic time from
    which the subclass must be called in any case, and an object for the subclass.
    """

    # One attribute, read once: before Python 3.12, reading one is slow in a class with __getattr__.
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

        @overload
        def get(self, option: str, *, as_: Callable[..., As], keep_valid: bool = False) -> As: ...

        @overload
        def get(
            self,
            option: str,
            default: Default,
            *,
            as_: Callable[..., As],
            keep_valid: bool = False,
        ) -> As | Default: ...

    def get(
        self,
        option: str | None = None,
        default: Any = RAISE,
        keys: Iterable[str] | None = None,
        # By keyword only, as above; not here, because Python fills in parameters that really are
        # keyword-only by a slower way, which takes a tenth of a read.
        as_: Any = None,
        keep_valid: bool = False,
    ) -> Any:
        """Return the keys of ``option`` as a read-only dict; without it, every option.

        With ``keys``, return only those of them that an option has.  With ``as_``, return the
        option converted to that type, or by that function: the same object until the option
        changes.  With ``keep_valid`` too, return the last valid object if a later version of the
        option does not fit; the status and the log say so.

        Raise OptionNotFound unless there is a ``default``, OptionInvalid if the option does not fit
        ``as_``, and SnapshotError or SnapshotTooStale if there is no snapshot to serve.
        """
        if as_ is not None:
            return self._get(option, default, keys, as_=as_, keep_valid=keep_valid)
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
            raise AttributeError(name)  # not set yet; the lookup below needs it
        words, generation, decoded, until, _ = self._view
        if words[GENERATION_WORD] == generation and monotonic() < until:
            try:
                # Python and its tools look up many names that begin with "_": never an option.
                if name[0] != "_":
                    found = decoded[name]
                    if _MISSING_IS_SLOW:
                        _remember(name)
                    return found
            except (KeyError, IndexError):
                pass
        return self._missing(name)

    def _missing(self, name: str) -> ReadOnlyDict:
        """Return the option ``name``, which is not an attribute, by the slow path."""
        raise NotImplementedError

    def _get(
        self,
        option: str | None = None,
        default: Any = RAISE,
        keys: Iterable[str] | None = None,
        *,
        as_: Any = None,
        keep_valid: bool = False,
    ) -> Any:
        """Return the result of ``get`` by the slow path."""
        raise NotImplementedError

    def _lookup(self, option: str) -> ReadOnlyDict:
        """Return the result of ``[option]`` by the slow path."""
        raise NotImplementedError


# Before Python 3.12, a missing attribute creates an exception, which takes three times as long as
# the read.  So there, the first options that are read as attributes become class attributes.  Their
# number is limited, because they are never removed and each one invalidates the type's cache.
_MISSING_IS_SLOW = sys.version_info < (3, 12)
_REMEMBERED_AT_MOST = 256
_remembered: set[str] = set()


class _OptionAttribute:
    """An option as a class attribute; attributes of an object or a subclass take precedence.

    It has no ``__set__``, so an attribute of an object wins.  It is hidden on the class itself.
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
        raise AttributeError(self._option)  # then Python calls __getattr__


def _remember(option: str) -> None:
    if len(_remembered) < _REMEMBERED_AT_MOST and type(option) is str:
        _remembered.add(option)
        setattr(Hot, option, _OptionAttribute(option))
