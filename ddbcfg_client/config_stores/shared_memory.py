"""The config store that reads what this host's daemon publishes."""

from __future__ import annotations

from ddbcfg_client.arguments import RAISE
from ddbcfg_client.config_stores.base import ConfigStore, as_of_old
from ddbcfg_client.connecting import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from ddbcfg_client.readonly import ReadOnlyDict


class SharedMemoryConfigStore(ConfigStore):
    """Reads from shared memory, at about the cost of a dict lookup and without DynamoDB.

    ``kwargs`` are passed to ``ddbcfg_client.connect``, which can raise its errors here.  All
    attributes of its result are available too: ``generation``, ``digest``, ``age``, ``status()``,
    ``snapshot()``, and every option.
    """

    def __init__(self, table_name: str, store_name: str, **kwargs: Any) -> None:
        super().__init__(store_name)
        self._config = connect(table_name, store_name, **kwargs)

    def get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        """Return the same as ``get`` of every config store, by a faster path."""
        default, keys = as_of_old(default, keys)
        return self._config.get(option, default, keys)

    def _find(self, option: str, keys: Sequence[str] | None) -> ReadOnlyDict | None:
        found: ReadOnlyDict | None = self._config.get(option, None, keys)
        return found

    def _all(self, keys: Sequence[str] | None) -> ReadOnlyDict:
        options: ReadOnlyDict = self._config.get(keys=keys)
        return options

    def __getitem__(self, option: str) -> ReadOnlyDict:
        return self._config[option]

    def __contains__(self, option: object) -> bool:
        return isinstance(option, str) and option in self._config

    # These two need only the names, so no option is decoded.
    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)

    def __getattr__(self, name: str) -> Any:
        # Not set yet while the instance is being created.
        if name == "_config":
            raise AttributeError(name)
        return getattr(self._config, name)

    def reload(self, timeout: float = 5.0) -> None:
        """Ask the daemon to poll now, and return when it is done; raise ``ReloadFailed``."""
        self._config.reload(timeout)

    def close(self) -> None:
        """Release the shared memory."""
        self._config.close()
