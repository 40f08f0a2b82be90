"""``DynamoDBConfigStore``: read and write one store of a table."""

from __future__ import annotations

from ddbcfg_client.config_stores import (
    DirectConfigStore,
    SharedMemoryConfigStore,
    SimpleConfigStore,
    TimeBasedConfigStore,
)
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.items import checked_attributes
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.limits import checked_option, checked_store
from ddbcfg_client.dynamodb.table_connection import TableConnection
from ddbcfg_client.errors import ArgumentsRefused, NameRefused, UnknownConfigStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ddbcfg_client.config_stores import ConfigStore
    from ddbcfg_client.dynamodb.store_writer import Attributes, Seen, StoreWriter
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.dynamodb.table_connection import Connection

_SHARED_MEMORY = "SharedMemoryConfigStore"
_FROM_DYNAMODB: dict[str, type[DirectConfigStore | TimeBasedConfigStore]] = {
    "SimpleConfigStore": SimpleConfigStore,
    "DirectConfigStore": DirectConfigStore,
    "TimeBasedConfigStore": TimeBasedConfigStore,
}


class DynamoDBConfigStore:
    """A store in DynamoDB: ``set`` and ``delete`` write it, ``config`` reads it.

    ``connection`` is a boto3 client, resource or session, or None for the default session.  If the
    table does not exist, it is created with ``read_units`` and ``write_units``, or billed on demand
    if either is None.  ``config_store`` is the name of a class in
    ``ddbcfg_client.config_stores``, which is called with ``config_store_args`` and
    ``config_store_kwargs``.  With SharedMemoryConfigStore, DynamoDB is only used for writing.

    Raise ``TableNotReadyException``, ``TableNotCreatedException``,
    ``MisconfiguredSchemaException``, any other ``TableError``, ``NameRefused`` for the store's
    name, ``UnknownConfigStore`` (a NotImplementedError), or an error of the config store's first
    read.
    """

    config: ConfigStore
    #: The constructor's arguments.
    connection: Connection
    table_name: str
    store_name: str
    store_key: str
    option_key: str
    read_units: int | None
    write_units: int | None
    config_store: str
    config_store_args: Sequence[Any]
    config_store_kwargs: Mapping[str, Any]

    def __init__(
        self,
        connection: Connection,
        table_name: str,
        store_name: str,
        store_key: str = "_store",
        option_key: str = "_option",
        read_units: int | None = 1,
        write_units: int | None = 1,
        config_store: str = "SimpleConfigStore",
        config_store_args: Sequence[Any] = (),
        config_store_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if config_store != _SHARED_MEMORY and config_store not in _FROM_DYNAMODB:
            raise UnknownConfigStore(config_store, (*_FROM_DYNAMODB, _SHARED_MEMORY))
        self.connection = connection
        self.table_name = table_name
        self.store_name = checked_store(store_name)
        self.store_key = store_key
        self.option_key = option_key
        self.read_units = read_units
        self.write_units = write_units
        self.config_store = config_store
        self.config_store_args = config_store_args
        self.config_store_kwargs = {} if config_store_kwargs is None else config_store_kwargs
        self._key_names = KeyNames(store_key, option_key)
        self._connection = TableConnection(connection, table_name, self._key_names)
        try:
            self.config = self._make_config()
        except BaseException:
            self._connection.close()
            raise

    def _make_config(self) -> ConfigStore:
        arguments, keywords = self.config_store_args, self.config_store_kwargs
        if self.config_store == _SHARED_MEMORY:
            return SharedMemoryConfigStore(self.table_name, self.store_name, *arguments, **keywords)
        ensure_table(self.table, self.read_units, self.write_units)
        make = _FROM_DYNAMODB[self.config_store]
        return make(self._connection, self.store_name, *arguments, **keywords)

    @property
    def table(self) -> Table:
        """The table with this process's client; raises ``StoreClosed`` after ``close()``."""
        return self._connection.table(self.store_name)

    def set(
        self,
        option: str,
        data: Mapping[str, Any],
        *,
        if_absent: bool = False,
        if_unchanged: Seen | None = None,
        why: str = "",
        by: str = "",
    ) -> bool:
        """Store the whole option and return True; keys that are not in ``data`` are removed.

        With ``if_absent``, return False and change nothing if the option already exists.  Without
        revisions, after a lost response and a retry, this can be the option that this call wrote.

        ``if_unchanged`` is what ``data`` was made from: a revision, or options as they were read (a
        snapshot, or what ``config.get()`` returned).  If the option is not the same any more,
        nothing is written, and ``ChangeConflict`` says what changed.

        If the store has revisions, the change is one, with ``why`` and ``by`` in its record; ``by``
        is the caller's ARN, or user@host, unless it is named here.

        Raise ``NameRefused`` or ``ValueRefused`` before any request if DynamoDB cannot hold the
        data exactly, ``RevisionError`` if the store's revision does not allow the change, and
        ``TableError`` if DynamoDB fails or refuses.
        """
        _check("set", if_unchanged, why, by)
        attributes = checked_attributes(self.store_name, option, data, self._key_names)
        done = self._writer(by).write(
            {option: attributes}, why=why, if_absent=if_absent, if_unchanged=if_unchanged
        )
        return bool(done.changed) or not if_absent

    def set_many(
        self,
        options: Mapping[str, Mapping[str, Any]],
        *,
        delete: Iterable[str] = (),
        if_unchanged: Seen | None = None,
        why: str = "",
        by: str = "",
    ) -> int:
        """Store these whole options and delete others, as one change; return its revision.

        Other options stay as they are.  Readers see all of the change or nothing.  Without
        revisions it is one write for each option, and 0 is returned: ``if_unchanged=0`` raises
        ``ConditionNeedsRevision``, and does not write unconditionally.  More than 98 options are
        written in parts: if that is interrupted, ``ImportInterrupted`` says so, hosts keep what
        they have, and ``ddbcfg-client revision repair`` finishes it or takes it back.

        Arguments and errors are otherwise those of ``set``.
        """
        _check("set_many", if_unchanged, why, by)
        if isinstance(delete, (str, bytes)):
            raise ArgumentsRefused("set_many", "takes a list of options to delete, not one name")
        changes: dict[str, Attributes | None] = {
            option: checked_attributes(self.store_name, option, data, self._key_names)
            for option, data in options.items()
        }
        for option in delete:
            if checked_option(option) in changes:
                raise NameRefused("option", option, "is to be both stored and deleted")
            changes[option] = None
        done = self._writer(by).write(changes, why=why, if_unchanged=if_unchanged)
        return done.revision or 0  # not None, which as if_unchanged= is no condition

    def delete(
        self, option: str, *, if_unchanged: Seen | None = None, why: str = "", by: str = ""
    ) -> bool:
        """Remove the option; return False if there is none.  Raise the errors of ``set``."""
        _check("delete", if_unchanged, why, by)
        checked_option(option)
        done = self._writer(by).write({option: None}, why=why, if_unchanged=if_unchanged)
        return bool(done.changed)

    def _writer(self, by: str) -> StoreWriter:
        # Imported on the first write: most processes only read.
        from ddbcfg_client.dynamodb.store_writer import StoreWriter

        return StoreWriter(self.table, self.store_name, by=by)

    def reload(self) -> None:
        """Make ``config`` read the store now; if this raises an error, the old values stay."""
        self.config.reload()

    def close(self) -> None:
        """Stop the thread and close the connections, except those of a client from the caller."""
        self.config.close()
        self._connection.close()

    def __enter__(self) -> DynamoDBConfigStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DynamoDBConfigStore {self.table_name}/{self.store_name}>"


def _check(method: str, if_unchanged: object, why: object, by: object) -> None:
    """Raise ``ArgumentsRefused`` for types that a change would take for something else."""
    for name, text in (("why", why), ("by", by)):
        if not isinstance(text, str):
            raise ArgumentsRefused(method, f"takes a string as {name}=, not {type(text).__name__}")
    if if_unchanged is None or hasattr(if_unchanged, "items") or hasattr(if_unchanged, "epoch"):
        return
    # What set() returned is a bool, and so an int, but no revision.
    if isinstance(if_unchanged, bool) or not isinstance(if_unchanged, int):
        reason = (
            "takes a revision or options as they were read (a snapshot, or what get() returned) "
            f"as if_unchanged=, not {type(if_unchanged).__name__}"
        )
        raise ArgumentsRefused(method, reason)
