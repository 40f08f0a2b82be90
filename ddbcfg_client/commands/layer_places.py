"""The layers that ``check`` and ``history`` read: of one table, or those of a settings file."""

from __future__ import annotations

import os

from ddbcfg_client.commands.target import stores_named
from ddbcfg_client.format.names import stores_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ddbcfg_client.commands.parser import Parser

    Table = Mapping[str, object]

# What says where a store is; a layer in the file can have its own.
_PLACE = ("table", "region", "profile", "role_arn", "endpoint_url", "store_key", "option_key")


class LayerPlace:
    """One layer: its ``name``, its ``store``, and the arguments with which its table is opened."""

    def __init__(self, name: str, store: str, args: argparse.Namespace) -> None:
        self.name = name
        self.store = store
        self.args = args


def add_layer_flags(parser: Parser, text: str) -> None:
    """Add the flags that name layers; ``text`` describes ``--layers``."""
    more = "; names without variables"
    parser.add_argument("--layers", metavar="L", help=f"{text}, separated by commas{more}")
    text = "the layers in the daemon's settings in FILE, also of other tables and regions"
    parser.add_argument("--config", metavar="FILE", help=text)


def are_named(args: argparse.Namespace) -> bool:
    """Return whether the arguments name layers."""
    return args.layers is not None or args.config is not None


def layers_named(args: argparse.Namespace) -> tuple[Sequence[LayerPlace], str]:
    """Return the layers and, from a file, how they are merged; else an empty text.

    Exit with a usage error if they are not named rightly; raise ``NotationError`` for the file.
    """
    if args.config is None:
        layers = stores_in(args.layers)
        if not layers:
            args.fail("--layers names no layer")
        return [LayerPlace(name, name, args) for name in layers], ""
    if args.layers is not None:
        args.fail("--config has the layers: use it without --layers")
    return _in_file(args)


def _in_file(args: argparse.Namespace) -> tuple[Sequence[LayerPlace], str]:
    from ddbcfg_client.errors import NotationError
    from ddbcfg_client.notation.layer_names import distinct_names, expanded

    path: str = args.config
    common = _document(path)
    tables = common.get("stores", [])
    stores = [table for table in tables if isinstance(table, dict)] if tables else []
    store = _with_layers(args, path, stores or [common])
    variables = _variables(common)
    names, places = [], []
    for layer in _list(store["layers"]):
        own = {"store": layer} if isinstance(layer, str) else layer
        if not isinstance(own, dict) or not isinstance(own.get("store"), str):
            raise _wrong(path, "a layer must be a name, or a table with a 'store'")
        try:
            names.append(expanded(own["store"].strip(), variables))
        except ValueError as error:
            raise NotationError(path, str(error)) from None
        places.append({key: _place(args, path, key, own, store, common) for key in _PLACE})
    merge = str(store.get("merge", common.get("merge", "options")))
    shown = distinct_names(names, places)
    return [
        LayerPlace(name, store_name, _at(args, place))
        for name, store_name, place in zip(shown, names, places, strict=True)
    ], merge


def _document(path: str) -> dict[str, Any]:
    import tomllib

    from ddbcfg_client.errors import NotationError

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise NotationError(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError):  # its text could quote the file
        raise _wrong(path, "this is not a file of settings") from None


def _wrong(path: str, what: str) -> Exception:
    from ddbcfg_client.errors import NotationError

    return NotationError(path, f"{what}; 'ddbcfg-daemon --check --config' names the line")


def _with_layers(args: argparse.Namespace, path: str, stores: Sequence[Table]) -> Table:
    """Return the named store, or the only one that has layers."""
    from ddbcfg_client.errors import NotationError

    wanted = stores_named(args)
    found = [
        store
        for store in stores
        if store.get("layers")
        and (not wanted or set(wanted) & {*map(str, _list(store.get("store", "")))})
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        which = f" named {', '.join(map(repr, wanted))}" if wanted else ""
        raise NotationError(path, f"it has no store{which} with layers")
    raise NotationError(path, "several of its stores have layers: name one with --store STORE")


def _list(value: object) -> Sequence[object]:
    """Return a list of the file, which can also be a text with commas."""
    return stores_in(value) if isinstance(value, str) else value if isinstance(value, list) else []


def _variables(common: Table) -> dict[str, str]:
    """Return the values of the variables, from the environment and the file, as for the daemon."""
    import socket

    def setting(name: str) -> object:
        return os.environ.get(f"DDBCFG_{name.upper()}") or common.get(name, "")

    listed = map(str, _list(setting("layer_variables")))
    return {name: os.environ.get(name, "") for name in listed} | {
        "hostname": str(setting("hostname") or socket.gethostname()),
        "instance_id": str(setting("instance_id")),
    }


def _place(
    args: argparse.Namespace, path: str, key: str, own: Table, store: Table, common: Table
) -> str:
    """Return where a layer is: its own setting, a flag, a variable, the store's, or the default."""
    value: object = own.get(key)
    if value is None:
        flag = getattr(args, key, None)
        value = os.environ.get(f"DDBCFG_{key.upper()}") if flag is None else flag
    if not value:
        value = store.get(key, common.get(key, ""))
    if not isinstance(value, str):
        raise _wrong(path, f"{key!r} must be a string")
    return value


def _at(args: argparse.Namespace, place: Mapping[str, str]) -> argparse.Namespace:
    return type(args)(**{**vars(args), **place})
