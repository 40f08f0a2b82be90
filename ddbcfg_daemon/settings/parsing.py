"""The command line of the daemon: its flags, and what is printed if a setting is wrong."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NoReturn

from ddbcfg_client.commands.parser import Parser
from ddbcfg_client.journal import is_journal, with_priority
from ddbcfg_client.printable import printable, without_passwords
from ddbcfg_client.version import VERSION
from ddbcfg_daemon.errors import SettingRefused, SettingsFileRefused
from ddbcfg_daemon.settings.combining import settings_from
from ddbcfg_daemon.settings.daemon_values import ROWS, DaemonSettings
from ddbcfg_daemon.settings.row import Row

_EPILOG = """\
Every flag has an environment variable, DDBCFG_ and its name in capitals (DDBCFG_INTERVAL,
DDBCFG_ENDPOINT_URL, ...).  A flag takes precedence over its variable, and both over the file of
settings (--config).  Credentials and region come from the usual AWS sources.

"ddbcfg-daemon install-units" installs the systemd units, and "uninstall-units" removes them; each
has a --help.

exit codes: 0 stopped, or --once published; 1 failed; 2 usage error; and only if it applies to every
store: 70 a bug in the daemon; 75 another daemon serves it; 77 an object of another user is in the
way; 78 the table has the wrong key schema
"""


class _DaemonParser(Parser):
    """A parser whose errors are errors in systemd's journal, too."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Print the message and exit."""
        if status and message and is_journal(2):
            message = f"{with_priority(message.rstrip(), logging.ERROR)}\n"
        super().exit(status, message)


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> DaemonSettings:
    """Return the settings; print what is wrong and exit with 2 if there is an error."""
    parser = daemon_parser()
    try:
        return settings_from(vars(parser.parse(arguments)), environment)
    except SettingsFileRefused as error:  # the usage of the flags would not help
        parser.exit(2, f"ddbcfg-daemon: {printable(without_passwords(str(error)))}\n")
    except SettingRefused as error:
        parser.error(str(error))


def parse_again(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> DaemonSettings:
    """Return the settings as they are now, for a daemon that runs.

    Flags and variables are those of its start, so only the file can be wrong.  Raise
    SettingRefused.
    """
    return settings_from(vars(daemon_parser().parse(arguments)), environment)


# --- the command line ----------------------------------------------------------------------------


def daemon_parser() -> Parser:
    """Return the parser of the flags, from which the documents are made, too."""
    parser = _DaemonParser(
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
