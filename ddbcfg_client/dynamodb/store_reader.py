"""Reading one store in DynamoDB as Python values, with the same types as from shared memory."""

from __future__ import annotations

from ddbcfg_client.dynamodb.items import option_in
from ddbcfg_client.dynamodb.limits import checked_option
from ddbcfg_client.errors import NameRefused
from ddbcfg_client.readonly import ReadOnlyDict, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddbcfg_client.dynamodb.responses import Item
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.dynamodb.table_connection import TableConnection


class StoreSource:
    """Reads options; each method sends requests to DynamoDB, and raises ``TableError``."""

    def __init__(
        self, connection: TableConnection, store: str, *, consistent_read: bool = False
    ) -> None:
        self._connection = connection
        self._consistent = consistent_read
        self.store = store

    def option(self, name: object, keys: Sequence[str] | None = None) -> ReadOnlyDict | None:
        """Return the option, or only its ``keys`` unless None; None if there is no such option."""
        try:
            option = checked_option(name)
        except NameRefused:
            return None  # an option with this name cannot exist
        table = self._connection.table(self.store)
        item = table.item(self.store, option, keys=keys, consistent=self._consistent)
        return None if item is None else _read(table, item, keys)[1]

    def options(self, keys: Sequence[str] | None = None) -> ReadOnlyDict:
        """Return every option of the store by its name, in order of the names."""
        table = self._connection.table(self.store)
        items = table.items(self.store, keys=keys, consistent=self._consistent)
        return ReadOnlyDict(_read(table, item, keys) for item in items)


def _read(table: Table, item: Item, keys: Sequence[str] | None) -> tuple[str, ReadOnlyDict]:
    name, option = option_in(table, item)
    # An item can have more keys than requested, because of the limit of an expression.
    return name, only(option, keys)
