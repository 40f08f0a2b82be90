"""The table and stores that a command uses in DynamoDB: from flags, then from variables.

Commands that read shared memory can use the only store that is published on the host.  A store in
DynamoDB must be named.
"""

from __future__ import annotations

import os
from contextlib import closing, contextmanager

from ddbcfg_client.format.names import stores_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import NoReturn

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.key_names import KeyNames
    from ddbcfg_client.dynamodb.revision.table_access import TableAccess
    from ddbcfg_client.dynamodb.table import Table


def add_table_flags(parser: Parser) -> None:
    """Add the flags that name a table."""
    add = parser.add_argument
    add("--table", metavar="T", help="the table's name (DDBCFG_TABLE)")
    add("--region", metavar="R", help="the AWS region (DDBCFG_REGION)")
    add("--endpoint-url", metavar="U", help="another DynamoDB (DDBCFG_ENDPOINT_URL)")
    add("--store-key", metavar="K", help="the table's hash key (DDBCFG_STORE_KEY, _store)")
    add("--option-key", metavar="K", help="the table's range key (DDBCFG_OPTION_KEY, _option)")


def add_flags(parser: Parser) -> None:
    """Add the flags that name a table and its stores."""
    add_table_flags(parser)
    text = "a store's name (DDBCFG_STORE); export, import and check take several"
    parser.add_argument("--store", action="append", metavar="S", help=text)


@contextmanager
def open_table(args: argparse.Namespace) -> Iterator[Table]:
    """Yield the named table, with a connection on which nothing was sent yet.

    SIGTERM ends the command as Ctrl-C does, so that it can take back what others would wait for.

    Raise ``MissingExtra`` without boto3, and ``TableError`` if region or endpoint is invalid.
    """
    from ddbcfg_client.dynamodb.client import connect_dynamodb
    from ddbcfg_client.dynamodb.table import Table

    name = table_named(args)
    if not name:
        args.fail("no table is named: use --table TABLE or DDBCFG_TABLE")
    client = connect_dynamodb(
        region=_setting(args, "region") or None,
        endpoint_url=_setting(args, "endpoint_url") or None,
        # Only layers have these, from a settings file; all others use AWS's own settings.
        profile=getattr(args, "profile", None) or None,
        role_arn=getattr(args, "role_arn", None) or None,
    )
    with closing(client), _terminable():
        yield Table(client, name, keys_named(args))


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def _terminable() -> Iterator[None]:
    import signal

    def terminate(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends the process
        raise Terminated

    try:
        if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
            raise ValueError  # the program that runs the command has a handler
        signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # also in a thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def open_access(args: argparse.Namespace, store: str) -> Iterator[tuple[Table, TableAccess]]:
    """Yield the named table, and what the revision protocol asks of it for one store.

    Raise the errors of ``open_table``, and ``NameRefused`` if a store of this name, or in a table
    with these keys, cannot have revisions.
    """
    with open_table(args) as table:
        access = access_to(table, store)
        access.place.check()
        yield table, access


def access_to(table: Table, store: str) -> TableAccess:
    """Return what the revision protocol asks of a table for one store."""
    from ddbcfg_client.commands.output import shown
    from ddbcfg_client.commands.waiting import waiting_for
    from ddbcfg_client.dynamodb.revision import table_access

    access = table_access.TableAccess(table, store)
    access.on_wait = waiting_for(f"{table.name}/{shown(store)}")
    return access


def table_named(args: argparse.Namespace) -> str:
    """Return the table's name; empty if none is named."""
    return _setting(args, "table")


def keys_named(args: argparse.Namespace) -> KeyNames:
    """Return the names of the table's hash and range key."""
    from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS, KeyNames

    return KeyNames(
        _setting(args, "store_key") or DEFAULT_KEYS.store,
        _setting(args, "option_key") or DEFAULT_KEYS.option,
    )


def stores_named(args: argparse.Namespace) -> list[str]:
    """Return the named stores, each once; raise ``NameRefused`` if a name is impossible."""
    from ddbcfg_client.dynamodb.limits import checked_store

    text = os.environ.get("DDBCFG_STORE", "") if args.store is None else ",".join(args.store)
    stores = stores_in(text)
    if not stores and args.store is not None:
        stores = [""]  # is refused: without a store, import would write every store in its file
    return [checked_store(name) for name in stores]


def some_stores(args: argparse.Namespace) -> list[str]:
    """Return the named stores; exit with a usage error if there is none."""
    stores = stores_named(args)
    if not stores:
        args.fail("no store is named: use --store STORE or DDBCFG_STORE")
    return stores


def one_store(args: argparse.Namespace) -> str:
    """Return the named store; exit with a usage error unless it is exactly one."""
    store, *others = some_stores(args)
    if others:
        args.fail("several stores are named: name one with --store STORE or DDBCFG_STORE")
    return store


def _setting(args: argparse.Namespace, name: str) -> str:
    """Return the flag, or else its variable; an empty variable counts as not set."""
    flag = getattr(args, name)
    return str(flag) if flag is not None else os.environ.get(f"DDBCFG_{name.upper()}", "")
