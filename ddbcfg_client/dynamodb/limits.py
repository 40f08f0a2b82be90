"""DynamoDB's limits.

Those of numbers are in ``ddbcfg_client.format.numbers``, and that of a key's name is in
``ddbcfg_client.arguments``, because readers of shared memory need them but nothing from here.

Reference: "Service, account, and table quotas" in the Amazon DynamoDB Developer Guide.
"""

from __future__ import annotations

from ddbcfg_client.errors import NameRefused

MAX_ITEM_BYTES = 400 * 1024
MAX_STORE_BYTES = 2048  # a hash key
MAX_OPTION_BYTES = 1024  # a range key
MAX_DEPTH = 32  # nested lists and maps in one value
TOO_DEEP = f"nested deeper than DynamoDB's {MAX_DEPTH} levels"
MAX_EXPRESSION_BYTES = 4096
MAX_SUBSTITUTED_BYTES = 2 * 1024 * 1024  # names and values behind all aliases of an expression
MAX_BATCH_WRITES = 25  # items in one BatchWriteItem
MAX_ACTIONS = 100  # in one transaction
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024  # all items of one transaction


def checked_store(name: object) -> str:
    """Return the name of a store; raise ``NameRefused`` if DynamoDB cannot hold it."""
    return _checked("store", name, MAX_STORE_BYTES)


def checked_option(name: object) -> str:
    """Return the name of an option; raise ``NameRefused`` if DynamoDB cannot hold it."""
    return _checked("option", name, MAX_OPTION_BYTES)


def _checked(kind: str, name: object, most: int) -> str:
    if not isinstance(name, str):
        raise NameRefused(kind, type(name).__name__, "must be a string")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise NameRefused(kind, ascii(name), "is not valid Unicode (a lone surrogate)") from None
    if not length:
        raise NameRefused(kind, name, "must not be empty")
    if length > most:
        raise NameRefused(kind, name, f"is {length} bytes long, the limit is {most}")
    return name
