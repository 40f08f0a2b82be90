"""Parse flags and variables into settings.  A flag takes precedence over its variable."""

from __future__ import annotations

import argparse
import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ddbcfg_client.commands.parser import Parser
from ddbcfg_client.format.names import stores_in
from ddbcfg_client.shm.trust import DEFAULT_OWNER
from ddbcfg_client.version import VERSION
from ddbcfg_daemon.errors import SettingRefused
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.values import (
    DAEMON_ROWS,
    ROWS,
    STORE_ROWS,
    DaemonSettings,
    StoreSettings,
)

_EPILOG = """\
Every flag has an environment variable, DDBCFG_ and its name in capitals (DDBCFG_INTERVAL,
DDBCFG_ENDPOINT_URL, ...).  A flag takes precedence over its variable.  Credentials and region come
from the usual AWS sources.

exit codes: 0 stopped, or --once published; 1 failed; 2 usage error; and only if it applies to every
store: 70 a bug in the daemon; 75 another daemon serves it; 77 an object of another user is in the
way; 78 the table has the wrong key schema
"""


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a setting; empty if it is not set and has no default."""

    text: str
    by_flag: bool = False


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> DaemonSettings:
    """Return the settings from flags and variables; print usage and exit with 2 on an error."""
    parser = _parser()
    flags = vars(parser.parse(arguments))
    try:
        return _settings({row.name: _text_of(row, flags[row.name], environment) for row in ROWS})
    except SettingRefused as error:
        parser.error(str(error))


def _text_of(row: Row, flag: str | list[str] | None, environment: Mapping[str, str]) -> _Text:
    if flag is not None:
        text = flag if isinstance(flag, str) else ",".join(flag)
        return _Text(text or environment.get(row.fallback, ""), by_flag=True)
    # An empty variable counts as not set, because an EnvironmentFile cannot unset a variable.
    text = environment.get(row.variable) or environment.get(row.fallback) or row.default
    return _Text(text)


def _settings(texts: dict[str, _Text]) -> DaemonSettings:
    """Return the settings for their texts; raise SettingRefused."""
    daemon = DaemonSettings(**_values(DAEMON_ROWS, texts))
    texts["owner"] = _owner(texts["owner"], once=daemon.once)
    each = StoreSettings(**_values(STORE_ROWS, texts))
    stores = stores_in(each.store)
    if daemon.local is not None:
        each = replace(each, table=each.table or "config")
    if not each.table:
        raise SettingRefused("no table is named: use --table TABLE or DDBCFG_TABLE")
    if not stores and (daemon.local is None or texts["store"].by_flag):
        raise SettingRefused("no store is named: use --store STORE or DDBCFG_STORE")
    return replace(
        daemon,
        each_store=replace(each, store=""),
        stores=tuple(replace(each, store=store) for store in stores),
    )


def _values(rows: Iterable[Row], texts: Mapping[str, _Text]) -> dict[str, Any]:
    """Return the value of each setting that has a text."""
    values = {}
    for row in rows:
        text = texts[row.name].text
        try:
            text.encode()
            # An empty flag is not a missing flag: a setting with a default needs a value.
            if text or (texts[row.name].by_flag and row.default):
                values[row.name] = row.kind(text)
        except UnicodeEncodeError:
            raise SettingRefused(f"{text!r} is not UTF-8", row.flag, row.variable) from None
        except ValueError as error:
            raise SettingRefused(str(error), row.flag, row.variable) from None
    return values


def _owner(text: _Text, *, once: bool) -> _Text:
    """Return the owner of the objects; only a daemon that runs as root can set another owner."""
    if os.geteuid() != 0:
        if text.by_flag and text.text:
            reason = "only root can publish for another user"
            raise SettingRefused(reason, "--owner", "DDBCFG_OWNER")
        return _Text("")  # the client uses the same variable, for the owner that readers trust
    if not text.text and once:
        # Objects that root publishes while the service is stopped must not block it later.
        with suppress(KeyError):
            return _Text(pwd.getpwnam(DEFAULT_OWNER).pw_name)
    return text


# --- the command line ----------------------------------------------------------------------------


def _parser() -> Parser:
    parser = Parser(
        prog="ddbcfg-daemon",
        description="Poll a DynamoDB configuration table and publish it into shared memory.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    for section, rows in groupby(ROWS, key=lambda row: row.section):
        group = parser.add_argument_group(section)
        for row in rows:
            _add(group, row)
    return parser


def _add(group: argparse._ArgumentGroup, row: Row) -> None:
    default = row.default_is or row.default
    text = f"{row.help} ({default})" if default and not row.switch else row.help
    text = text.replace("%", "%%")
    if row.switch:
        group.add_argument(row.flag, action="store_const", const="yes", help=text)
    else:
        action = "append" if row.listed else "store"
        group.add_argument(row.flag, action=action, metavar=row.metavar, help=text)
