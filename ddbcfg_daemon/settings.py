"""What the daemon is told: flags, each with an environment variable, checked and frozen."""

from __future__ import annotations

import argparse
import grp
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ddbcfg_client import __version__
from ddbcfg_daemon.objects import Access

_ON = {"1", "true", "yes", "on"}
_OFF = {"0", "false", "no", "off"}

_EPILOG = """\
Every flag has an environment variable, DDBCFG_ and its name in capitals (DDBCFG_INTERVAL,
DDBCFG_ENDPOINT_URL, ...); DDBCFG_STORE may name several stores, separated by commas.
A flag wins over its variable.  Credentials and region come the ordinary AWS way.

exit codes: 0 stopped, or --once published; 1 failed; 2 usage; 70 a fault of the daemon;
75 another daemon serves the store; 77 somebody else's object is in the way;
78 the table has the wrong key schema
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The daemon's settings; ``interval`` in seconds, no ``stores`` only with ``local``."""

    table: str
    stores: tuple[str, ...]
    namespace: str
    interval: float
    once: bool
    local: str | None
    region: str | None
    endpoint_url: str | None
    store_key: str
    option_key: str
    consistent_read: bool
    access: Access
    log_level: str


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that flags and variables say; prints usage and exits with 2 on a wrong one."""
    parser = _parser()
    given = parser.parse_args(arguments)

    def value(name: str, default: str = "") -> str:
        flag = getattr(given, name)
        # An empty variable is one that is not set: an EnvironmentFile cannot unset one.
        return str(flag) if flag is not None else environment.get(_variable(name)) or default

    stores = given.store
    if stores is None:
        stores = [name for name in environment.get("DDBCFG_STORE", "").split(",") if name]
    local = value("local") or None
    table = value("table") or ("config" if local else "")
    if not table:
        parser.error("no table is named: use --table TABLE or DDBCFG_TABLE")
    if not stores and not local:
        parser.error("no store is named: use --store STORE (again for several) or DDBCFG_STORE")
    if "" in stores:
        parser.error("--store: a store's name cannot be empty")
    return Settings(
        table=table,
        stores=tuple(dict.fromkeys(stores)),
        namespace=value("namespace") or table,
        interval=_interval(parser, value("interval", "60")),
        once=given.once,
        local=local,
        region=value("region") or None,
        endpoint_url=value("endpoint_url") or None,
        store_key=value("store_key", "_store"),
        option_key=value("option_key", "_option"),
        consistent_read=_switch(parser, "consistent_read", value("consistent_read", "no")),
        access=Access(
            _mode(parser, value("mode", "0640")),
            _group(parser, value("group")),
        ),
        log_level=_level(parser, value("log_level", "info")),
    )


def _variable(name: str) -> str:
    return f"DDBCFG_{name.upper()}"


def _named(name: str) -> str:
    return f"--{name.replace('_', '-')} ({_variable(name)})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ddbcfg-daemon",
        description="Poll a DynamoDB configuration table and publish it into shared memory.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--table", help="the DynamoDB table")
    add("--store", action="append", help="a store to publish; may be given several times")
    add("--interval", metavar="SECONDS", help="time between two polls (60)")
    add("--once", action="store_true", help="poll once, publish, and exit")
    add("--namespace", help="the first part of the shared-memory names (the table's name)")
    add("--local", metavar="FILE", help="serve this JSON file from an embedded DynamoDB")
    add("--region", help="the AWS region")
    add("--endpoint-url", metavar="URL", help="another DynamoDB endpoint")
    add("--store-key", metavar="NAME", help="the table's hash key (_store)")
    add("--option-key", metavar="NAME", help="the table's range key (_option)")
    add("--consistent-read", action="store_const", const="yes", help="at twice the read units")
    add("--mode", help="who may read, in octal (0640)")
    add("--group", help="the group that may read (the daemon's own)")
    add("--log-level", metavar="LEVEL", help="debug, info, warning or error (info)")
    add("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def _interval(parser: argparse.ArgumentParser, text: str) -> float:
    try:
        interval = float(text)
    except ValueError:
        interval = math.nan
    # A year: what is longer was meant otherwise, and would overflow a timer.
    if not 0 < interval <= 366 * 86400:
        parser.error(f"{_named('interval')}: {text!r} is not a positive number of seconds")
    return interval


def _mode(parser: argparse.ArgumentParser, text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    # Readers believe nobody but the owner, so they would refuse what others can write.
    if not 0o400 <= mode <= 0o777 or mode & 0o133 or not mode & 0o400:
        parser.error(f"{_named('mode')}: {text!r} is not 0600, 0640, 0644 or the like")
    return mode


def _group(parser: argparse.ArgumentParser, text: str) -> int:
    if not text:
        return -1
    if text.isdigit():
        return int(text)
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        parser.error(f"{_named('group')}: there is no group {text!r}")


def _switch(parser: argparse.ArgumentParser, name: str, text: str) -> bool:
    if text.lower() in _ON | _OFF:
        return text.lower() in _ON
    parser.error(f"{_named(name)}: {text!r} is neither yes nor no")


def _level(parser: argparse.ArgumentParser, text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        parser.error(f"{_named('log_level')}: {text!r} is not debug, info, warning or error")
    return text.upper()
