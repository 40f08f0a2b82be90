"""The config store that reads DynamoDB at each call."""

from __future__ import annotations

from ddbcfg_client.config_stores.base import ConfigStore
from ddbcfg_client.dynamodb.store_reader import StoreSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddbcfg_client.dynamodb.table_connection import TableConnection
    from ddbcfg_client.readonly import ReadOnlyDict


class DirectConfigStore(ConfigStore):
    """Reads from DynamoDB at each ``get``, only the requested keys, and raises its errors.

    With ``consistent_read``, a read sees every ``set`` that returned before it, at twice the cost.
    """

    def __init__(
        self, connection: TableConnection, store_name: str, *, consistent_read: bool = False
    ) -> None:
        super().__init__(store_name)
        self._source = StoreSource(connection, store_name, consistent_read=consistent_read)

    def _find(self, option: str, keys: Sequence[str] | None) -> ReadOnlyDict | None:
        return self._source.option(option, keys)

    def _all(self, keys: Sequence[str] | None) -> ReadOnlyDict:
        return self._source.options(keys)

    def reload(self) -> None:
        """Do nothing: there is no copy that could be stale."""


SimpleConfigStore = DirectConfigStore
