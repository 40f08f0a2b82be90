"""What the daemon is told: flags, each with an environment variable, checked and frozen."""

from __future__ import annotations

import argparse
import grp
import math
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ddbcfg_client import __version__
from ddbcfg_client.dynamodb.client import endpoint_flaw
from ddbcfg_client.format.names import stores_in
from ddbcfg_client.printable import printable, without_passwords
from ddbcfg_client.shm.trust import DEFAULT_OWNER
from ddbcfg_daemon.publishing.objects import Access

_ON = {"1", "true", "yes", "on"}
_OFF = {"0", "false", "no", "off"}

_EPILOG = """\
Every flag has an environment variable, DDBCFG_ and its name in capitals (DDBCFG_INTERVAL,
DDBCFG_ENDPOINT_URL, ...); DDBCFG_STORE may name several stores, separated by commas.
A flag wins over its variable.  Credentials and region come the ordinary AWS way.

exit codes: 0 stopped, or --once published; 1 failed; 2 usage; and only if true of every store:
70 a fault of the daemon; 75 another daemon serves it; 77 somebody else's object is in the way;
78 the table has the wrong key schema
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The daemon's settings; ``interval`` in seconds, no ``stores`` only with ``local``."""

    table: str
    stores: tuple[str, ...]
    namespace: str
    interval: float
    poll_timeout: float
    once: bool
    local: str | None
    region: str | None
    endpoint_url: str | None
    store_key: str
    option_key: str
    consistent_read: bool
    access: Access
    state_dir: Path | None
    max_shrink: float
    guard_polls: int
    allow_empty: bool
    schema: str | None
    metrics_file: Path | None
    log_level: str


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that flags and variables say; prints usage and exits with 2 on a wrong one."""
    parser = _parser()
    given = parser.parse_args(arguments)

    def value(name: str, default: str = "") -> str:
        flag = getattr(given, name)
        # An empty variable is one that is not set: an EnvironmentFile cannot unset one.
        text = str(flag) if flag is not None else environment.get(_variable(name)) or default
        return _utf8(parser, name, text)

    stores = given.store
    stores = stores_in(environment.get("DDBCFG_STORE", "") if stores is None else ",".join(stores))
    local = value("local") or None
    table = value("table") or ("config" if local else "")
    if not table:
        parser.error("no table is named: use --table TABLE or DDBCFG_TABLE")
    if not stores and not local:
        parser.error("no store is named: use --store STORE (again for several) or DDBCFG_STORE")
    once = _switch(parser, "once", value("once", "no"))
    return Settings(
        table=table,
        stores=tuple(_utf8(parser, "store", store) for store in stores),
        namespace=value("namespace") or table,
        interval=_seconds(parser, "interval", value("interval", "60")),
        poll_timeout=_seconds(parser, "poll_timeout", value("poll_timeout", "60")),
        once=once,
        local=local,
        region=value("region") or None,
        endpoint_url=_endpoint(parser, value("endpoint_url")),
        store_key=value("store_key", "_store"),
        option_key=value("option_key", "_option"),
        consistent_read=_switch(parser, "consistent_read", value("consistent_read", "no")),
        access=Access(
            _mode(parser, value("mode", "0640")),
            _group(parser, value("group")),
        ).given_to(_owner(parser, given.owner, value("owner"), once)),
        # systemd's StateDirectory= says where it made one.
        state_dir=_path(value("state_dir") or environment.get("STATE_DIRECTORY", "")),
        max_shrink=_percent(parser, value("max_shrink", "50")),
        guard_polls=_count(parser, value("guard_polls", "3")),
        allow_empty=_switch(parser, "allow_empty", value("allow_empty", "no")),
        schema=value("schema") or None,
        metrics_file=_path(value("metrics_file")),
        log_level=_level(parser, value("log_level", "info")),
    )


def _variable(name: str) -> str:
    return f"DDBCFG_{name.upper()}"


def _named(name: str) -> str:
    return f"--{name.replace('_', '-')} ({_variable(name)})"


class _Parser(argparse.ArgumentParser):
    """Shows in its errors what was wrong, but no password and nothing that upsets a terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(without_passwords(message)))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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
    add("--poll-timeout", metavar="SECONDS", help="time that one poll may take, all in all (60)")
    add("--once", action="store_const", const="yes", help="poll once, publish, and exit")
    add("--namespace", help="the first part of the shared-memory names (the table's name)")
    add("--local", metavar="FILE", help="serve this JSON file from an embedded DynamoDB")
    add("--region", help="the AWS region")
    add("--endpoint-url", metavar="URL", help="another DynamoDB endpoint")
    add("--store-key", metavar="NAME", help="the table's hash key (_store)")
    add("--option-key", metavar="NAME", help="the table's range key (_option)")
    add("--consistent-read", action="store_const", const="yes", help="at twice the read units")
    add("--mode", help="who may read, in octal (0640)")
    add("--group", help="the group that may read (the daemon's own)")
    add("--owner", help="whose the objects are, if root publishes (its own; with --once ddbcfg's)")
    add("--state-dir", metavar="DIR", help="keep the last-known-good copy there (none is kept)")
    add("--max-shrink", metavar="PERCENT", help="options that a poll may lose (50)")
    add("--guard-polls", metavar="N", help="publish a greater loss after N scheduled polls (3)")
    add("--allow-empty", action="store_const", const="yes", help="publish an emptied store")
    add("--schema", metavar="FILE", help="publish only what keeps to these JSON Schemas")
    add("--metrics-file", metavar="FILE", help="write Prometheus metrics there")
    add("--log-level", metavar="LEVEL", help="debug, info, warning or error (info)")
    add("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def _utf8(parser: argparse.ArgumentParser, name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        parser.error(f"{_named(name)}: {text!r} is not UTF-8")
    return text


def _seconds(parser: argparse.ArgumentParser, name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    # A year: what is longer was meant otherwise, and would overflow a timer.
    if not 0 < seconds <= 366 * 86400:
        parser.error(f"{_named(name)}: {text!r} is not a positive number of seconds")
    return seconds


def _endpoint(parser: argparse.ArgumentParser, text: str) -> str | None:
    if text and (flaw := endpoint_flaw(text)):
        parser.error(f"{_named('endpoint_url')}: {flaw}")
    return text or None


def _percent(parser: argparse.ArgumentParser, text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:
        parser.error(f"{_named('max_shrink')}: {text!r} is not a number from 0 to 100")
    return percent


def _count(parser: argparse.ArgumentParser, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1_000_000):
        parser.error(f"{_named('guard_polls')}: {text!r} is not a whole number above 0")
    return int(text)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


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
    # The highest number stands for "leave it as it is".
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**32 - 1:
        return int(text)
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        parser.error(f"{_named('group')}: there is no group {text!r}")


def _owner(
    parser: argparse.ArgumentParser, flag: str | None, name: str, once: bool
) -> pwd.struct_passwd | None:
    """The user whose the objects are to be; None for the one who runs the daemon."""
    if os.geteuid() != 0:
        if flag:
            parser.error(f"{_named('owner')}: only root can publish for another user")
        return None  # the variable is also the client's, and says there whom to believe
    try:
        if name:
            return pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
        # What root publishes for a service that is stopped must not be in its way later.
        return pwd.getpwnam(DEFAULT_OWNER) if once else None
    except (KeyError, OverflowError):
        if name:
            parser.error(f"{_named('owner')}: there is no user {name!r}")
        return None


def _switch(parser: argparse.ArgumentParser, name: str, text: str) -> bool:
    if text.lower() in _ON | _OFF:
        return text.lower() in _ON
    parser.error(f"{_named(name)}: {text!r} is neither yes nor no")


def _level(parser: argparse.ArgumentParser, text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        parser.error(f"{_named('log_level')}: {text!r} is not debug, info, warning or error")
    return text.upper()
