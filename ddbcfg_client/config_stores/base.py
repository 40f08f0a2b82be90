"""What every config store can do, whatever it reads from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ddbcfg_client.arguments import RAISE, key_names
from ddbcfg_client.errors import OptionNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from ddbcfg_client.readonly import ReadOnlyDict


class ConfigStore(ABC):
    """Reads the options of one store.

    What comes back is read-only all the way down, and has the same values and types whichever
    config store it comes from.
    """

    def __init__(self, store_name: str) -> None:
        self._store_name = store_name

    @abstractmethod
    def _find(self, option: str, keys: Sequence[str] | None) -> ReadOnlyDict | None:
        """The option, or None."""

    @abstractmethod
    def _all(self, keys: Sequence[str] | None) -> ReadOnlyDict:
        """Every option."""

    @abstractmethod
    def reload(self) -> None:
        """Read the store again now; return when that is done."""

    def close(self) -> None:  # noqa: B027 - not every store holds something
        """Let go of what the store holds."""

    def get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        """Return the keys and values of ``option``; without ``option``, every option by its name.

        With ``keys``, only those of them that the option has.  Raise :class:`OptionNotFound` when
        there is no such option and no ``default``.  A list or tuple in the place of ``default`` is
        taken for ``keys``, which stood there in the old library.
        """
        default, keys = as_of_old(default, keys)
        wanted = None if keys is None else key_names(keys)
        if option is None:
            return self._all(wanted)
        name: object = option
        # Nothing else is the name of an option, and some of it has no hash to look it up by.
        found = self._find(name, wanted) if isinstance(name, str) else None
        if found is not None:
            return found
        if default is RAISE:
            raise OptionNotFound(option, self._store_name)
        return default

    def get_option(self, option: str, keys: Iterable[str] | None = None) -> ReadOnlyDict:
        """Return what ``get(option, keys=keys)`` does; raise :class:`OptionNotFound`."""
        if option is None:  # which is every option to get()
            raise OptionNotFound(option, self._store_name)
        found: ReadOnlyDict = self.get(option, keys=keys)
        return found

    def __getitem__(self, option: str) -> ReadOnlyDict:
        return self.get_option(option)

    def __contains__(self, option: object) -> bool:
        return isinstance(option, str) and self._find(option, ()) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._all(()))

    def __len__(self) -> int:
        return len(self._all(()))

    def __repr__(self) -> str:
        # Without the values: they can be secrets, and this ends up in logs.
        return f"<{type(self).__name__} of {self._store_name!r}>"


def as_of_old(default: Any, keys: Iterable[str] | None) -> tuple[Any, Iterable[str] | None]:
    """Return default and keys of a ``get`` whose second argument may be the old library's keys."""
    if keys is None and isinstance(default, (list, tuple)):
        return RAISE, default
    return default, keys
