"""The changes that an import of a file makes to a store: names and types."""

from __future__ import annotations

from ddbcfg_client.format.differences import differences
from ddbcfg_client.notation.canonical import same, type_of
from ddbcfg_client.printable import printable, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Options = Mapping[str, Mapping[str, object]]


class Changes:
    """The names of the options that differ between a store and a file; each list is sorted.

    An option in the file replaces the whole option in the store, as ``set`` does.  Options that
    exist only in the store are ``deleted`` with ``replace``, and ``kept`` without.
    """

    def __init__(self, store: Options, file: Options, *, replace: bool) -> None:
        self._store = store
        self.file = file
        self.added, self.changed, only_in_store = differences(store, file, same)
        self.deleted = only_in_store if replace else ()
        self.kept = () if replace else only_in_store

    @property
    def unchanged(self) -> int:
        """The number of options that are the same in both."""
        return len(self.file) - len(self.added) - len(self.changed)

    @property
    def written(self) -> int:
        """The number of options to write."""
        return len(self.added) + len(self.changed) + len(self.deleted)

    def lines(self, *, values: bool = False) -> Iterator[str]:
        """Yield a line for each option that differs, followed by one for each key that differs.

        With ``values``, show them instead of their types.
        """
        text = _value if values else type_of
        sign_of = dict.fromkeys(self.added, "+") | dict.fromkeys(self.changed, "~")
        sign_of |= dict.fromkeys(self.deleted, "-")
        for name in sorted(sign_of):
            yield f"  {sign_of[name]} {shown(name)}"
            for line in _key_lines(self._store.get(name, {}), self.file.get(name, {}), text):
                yield f"      {line}"


def counts(all_changes: Iterable[Changes]) -> str:
    """Return the number of options for each kind of change, as text."""
    found = list(all_changes)
    parts = [
        f"{sum(len(getattr(changes, kind)) for changes in found)} {kind}"
        for kind in ("added", "changed", "deleted")
    ]
    parts.append(f"{sum(changes.unchanged for changes in found)} unchanged")
    kept = sum(len(changes.kept) for changes in found)
    return ", ".join(parts) + (f", {kept} kept that the file does not have" if kept else "")


def _key_lines(
    store: Mapping[str, object], file: Mapping[str, object], text: Callable[[object], str]
) -> Iterator[str]:
    for key in sorted(name for kind in differences(store, file, same) for name in kind):
        if key not in store:
            yield f"+ {shown(key)}: {text(file[key])}"
        elif key not in file:
            yield f"- {shown(key)}: {text(store[key])}"
        else:
            texts = dict.fromkeys((text(store[key]), text(file[key])))
            yield f"~ {shown(key)}: {' -> '.join(texts)}"


def _value(value: object) -> str:
    from ddbcfg_client.notation.writer import dumps

    return printable(dumps(value, typed=True))
