"""From a file's bytes to packed options, through the notation that ``--local`` and exports use."""

from __future__ import annotations

# What reading a file imports is imported here: a child that is forked while another thread imports
# a module waits for it forever, so a look imports nothing.
import array  # noqa: F401
import binascii  # noqa: F401
import decimal  # noqa: F401
import itertools  # noqa: F401
import json  # noqa: F401
import os
import tomllib  # noqa: F401

from ddbcfg_client.dynamodb.limits import checked_option, checked_store
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import (
    FileInvalid,
    FileUnavailable,
    NameRefused,
    NotationError,
    ValueRefused,
)
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.notation.reader import loads_stores as loads_json
from ddbcfg_client.notation.toml import loads_stores as loads_toml
from ddbcfg_client.printable import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.notation.files import Stores


def stores_in(path: str, data: bytes) -> Stores:
    """Return the store → option → key → value in ``data``; raise FileInvalid.

    It is TOML if the file's name ends in ``.toml``, and else JSON.
    """
    loads = loads_toml if os.path.splitext(path)[1].lower() == ".toml" else loads_json
    try:
        return loads(data.decode(), path)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        invalid = FileInvalid(path, f"{path}:{line}", "not UTF-8")
    except NotationError as error:
        invalid = FileInvalid(path, error.where, error.reason)
    raise invalid  # here: the errors above have the file's content, and would be its context


def options_in(path: str, data: bytes, store: str) -> dict[str, bytes]:
    """Return the packed options of ``store``, by name; raise FileInvalid or FileUnavailable."""
    stores = stores_in(path, data)
    if store not in stores:
        others = f"it has {listed(stores)}" if stores else "it has none"
        raise FileUnavailable(path, f"there is no store {store!r} in it ({others})")
    try:
        checked_store(store)
        return {
            checked_option(option): pack_option(option, attributes_of(option, keys))
            for option, keys in stores[store].items()
        }
    except ValueRefused as error:
        where = f"{path}: {store}.{error.option}{error.where}"
        raise FileInvalid(path, where, error.reason) from None
    except NameRefused as error:
        raise FileInvalid(path, path, str(error)) from None
