"""The common interface of all config stores."""

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

    The results are read-only at every level.  All config stores return the same values and types.
    """

    def __init__(self, store_name: str) -> None:
        self._store_name = store_name

    @abstractmethod
    def _find(self, option: str, keys: Sequence[str] | None) -> ReadOnlyDict | None:
        """Return the option, or None."""

    @abstractmethod
    def _all(self, keys: Sequence[str] | None) -> ReadOnlyDict:
        """Return every option."""

    @abstractmethod
    def reload(self) -> None:
        """Read the store again now; return when that is done."""

    def close(self) -> None:  # noqa: B027 - not every store holds something
        """Release the resources of the store."""

    def get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        """Return the keys and values of ``option``; without ``option``, every option by its name.

        With ``keys``, return only those keys, if the option has them.  Raise
        ``OptionNotFound`` if there is no such option and no ``default``.  A list or tuple as
        the second positional argument is used as ``keys``, as in the old library.
        """
        default, keys = as_of_old(default, keys)
        wanted = None if keys is None else key_names(keys)
        if option is None:
            return self._all(wanted)
        name: object = option
        # Only a str can be the name of an option; other objects may not even be hashable.
        found = self._find(name, wanted) if isinstance(name, str) else None
        if found is not None:
            return found
        if default is RAISE:
            raise OptionNotFound(option, self._store_name)
        return default

    def get_option(self, option: str, keys: Iterable[str] | None = None) -> ReadOnlyDict:
        """Return the option as ``get`` does; raise ``OptionNotFound``."""
        if option is None:  # get() would return every option
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
        # Without values, which can be secrets: a repr can end up in a log.
        return f"<{type(self).__name__} of {self._store_name!r}>"


def as_of_old(default: Any, keys: Iterable[str] | None) -> tuple[Any, Iterable[str] | None]:
    """Return ``default`` and ``keys``; a list or tuple as ``default`` is the old library's keys."""
    if keys is None and isinstance(default, (list, tuple)):
        return RAISE, default
    return default, keys
