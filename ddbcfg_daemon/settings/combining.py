"""Combine the texts of flags and variables into settings.  A flag takes precedence."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ddbcfg_client.format.names import stores_in
from ddbcfg_client.shm.trust import DEFAULT_OWNER
from ddbcfg_daemon.errors import SettingRefused
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.values import (
    DAEMON_ROWS,
    ROWS,
    STORE_ROWS,
    DaemonSettings,
    StoreSettings,
)

Flags = Mapping[str, str | list[str] | None]


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a setting; empty if it is not set and has no default."""

    text: str
    by_flag: bool = False


def settings_from(flags: Flags, environment: Mapping[str, str]) -> DaemonSettings:
    """Return the settings; raise SettingRefused."""
    return _settings({row.name: _text_of(row, flags[row.name], environment) for row in ROWS})


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
