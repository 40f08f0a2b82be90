"""The names of a table's two keys: the hash key holds a store's name, the range key an option's."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


@dataclass(frozen=True, slots=True)
class KeyNames:
    """The names of the hash key, ``store``, and of the range key, ``option``."""

    store: str = "_store"
    option: str = "_option"

    def __contains__(self, name: object) -> bool:
        return name in (self.store, self.option)

    def __iter__(self) -> Iterator[str]:
        yield self.store
        yield self.option

    def key(self, store: str, option: str) -> dict[str, Any]:
        """Return the key attributes of an option's item."""
        return {self.store: {"S": store}, self.option: {"S": option}}

    def name_in(self, item: Any) -> str | None:
        """Return the option's name in ``item``; None if it is not a string."""
        try:
            name = item[self.option]["S"]
        except (TypeError, LookupError):
            return None
        return name if isinstance(name, str) else None

    def others_in(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item's attributes without these two, which are the keys of the option."""
        store, option = self.store, self.option
        return {name: value for name, value in item.items() if name != store and name != option}


DEFAULT_KEYS = KeyNames()
