"""Combine flags, variables and the file into settings: flags > variables > file > defaults."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ddbcfg_client.format.names import stores_in
from ddbcfg_client.shm.trust import DEFAULT_OWNER
from ddbcfg_daemon.errors import SettingRefused
from ddbcfg_daemon.settings.daemon_values import DAEMON_ROWS, ROWS, DaemonSettings
from ddbcfg_daemon.settings.file import (
    DEFAULT_FOLDER,
    DEFAULT_NAME,
    Entry,
    SettingsFile,
    StoreTable,
    read_file,
)
from ddbcfg_daemon.settings.layers import variables_of, with_layers
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.store_values import STORE_ROWS, StoreSettings

#: The values of the flags, by the names of the settings.
Flags = Mapping[str, str | list[str] | None]

_NO_TABLE = "no table is named: use --table TABLE, DDBCFG_TABLE or a file (--config)"
_NO_STORE = "no store is named: use --store STORE, DDBCFG_STORE or a file (--config)"
_NO_FILE = SettingsFile(Path(), {}, ())


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a setting; empty if it is not set and has no default.

    ``line`` is that of the file, if it comes from there.
    """

    text: str
    origin: str = "default"
    by_flag: bool = False
    line: int = 0

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty text is a value, and not a setting that is not set."""
        return self.by_flag or bool(self.line)


def settings_from(flags: Flags, environment: Mapping[str, str]) -> DaemonSettings:
    """Return the settings; raise SettingRefused, and SettingsFileRefused for what the file says."""
    return _Combination(flags, environment, _file(flags, environment)).settings()


def _file(flags: Flags, environment: Mapping[str, str]) -> SettingsFile:
    by_flag, row = flags["config"], next(row for row in ROWS if row.name == "config")
    named = environment.get(row.variable, "") if by_flag is None else str(by_flag)
    if named:
        return read_file(Path(named))
    # A development server must not publish what this host's service publishes.
    local = flags["local"] or environment.get("DDBCFG_LOCAL")
    usual = Path(environment.get("CONFIGURATION_DIRECTORY") or DEFAULT_FOLDER, DEFAULT_NAME)
    if by_flag is None and not local and os.path.lexists(usual):
        return read_file(usual)
    return _NO_FILE


@dataclass(frozen=True, slots=True)
class _Combination:
    flags: Flags
    environment: Mapping[str, str]
    file: SettingsFile

    def settings(self) -> DaemonSettings:
        texts = self._texts(ROWS, self.file.common)
        daemon = DaemonSettings(**self._values(DAEMON_ROWS, texts))
        if daemon.check and daemon.once:
            raise SettingRefused("--check publishes nothing: use it without --once")
        self._check_http(daemon, texts["http"])
        texts["owner"] = owner = _owner(texts["owner"], once=daemon.once)
        each = self._store(texts)
        if daemon.local is not None:
            self._check_local()
            each = replace(each, table=each.table or "config")
        stores = tuple(self._stores(texts, each, owner))
        if not stores and (daemon.local is None or texts["store"].by_flag):
            if not each.table:
                raise SettingRefused(_NO_TABLE)
            raise SettingRefused(_NO_STORE)
        variables = variables_of(daemon, self.environment)
        return replace(
            daemon,
            each_store=self._layered(replace(each, store=""), variables),
            stores=tuple(self._layered(store, variables) for store in stores),
        )

    def _layered(self, store: StoreSettings, variables: Mapping[str, str]) -> StoreSettings:
        """Return the store with the settings of each of its layers."""
        try:
            return with_layers(store, variables)
        except ValueError as error:
            path, _, line = store.origins["layers"].rpartition(":")
            if path == str(self.file.path):
                raise self.file.refused(int(line), f"layers: {error}") from None
            raise SettingRefused(str(error), "--layers", "DDBCFG_LAYERS") from None

    def _check_http(self, daemon: DaemonSettings, text: _Text) -> None:
        """Raise an error if other hosts could reach the address without an operator's consent."""
        if daemon.http is None or not daemon.http.public or daemon.http_public:
            return
        reason = f"other hosts can reach {daemon.http}: set --http-public if they may"
        if text.line:
            reason = f"http: other hosts can reach {daemon.http}: set http_public if they may"
            raise self.file.refused(text.line, reason)
        raise SettingRefused(reason, "--http", "DDBCFG_HTTP")

    def _check_local(self) -> None:
        if self.file.stores:
            line = self.file.stores[0].line
            raise self.file.refused(line, "--local serves its own file: it knows no [[stores]]")

    def _stores(
        self, texts: dict[str, _Text], each: StoreSettings, owner: _Text
    ) -> Iterator[StoreSettings]:
        """Yield the settings of each store, which are all in different places."""
        named = stores_in(texts["store"].text)
        lines: dict[str, int] = {}
        found: set[str] = set()
        for table in self.file.stores:
            its = self._texts(STORE_ROWS, {**self.file.common, **table.entries})
            # A flag or variable that names stores selects among those of the file.
            wanted = stores_in(its["store"].text) if not named else self._of(table, named)
            if not named and not wanted:
                raise self.file.refused(table.line, "this [[stores]] names no store: set 'store'")
            settings = self._store(its | {"owner": owner})
            for name in wanted:
                store = replace(settings, store=name)
                if not store.table:
                    raise self.file.refused(table.line, f"store {name!r} has no table: set 'table'")
                self._check_alone(store, table.line, lines)
                found.add(name)
                yield store
        for name in named:
            if name not in found:
                if not each.table:
                    raise SettingRefused(_NO_TABLE)
                yield replace(each, store=name)

    def _of(self, table: StoreTable, named: list[str]) -> list[str]:
        entry = table.entries.get("store")
        return [name for name in stores_in(entry.text if entry else "") if name in named]

    def _check_alone(self, store: StoreSettings, line: int, lines: dict[str, int]) -> None:
        """Raise an error if another line has a store with the same names in shared memory."""
        other = lines.setdefault(store.names.page, line)
        if other != line:
            raise self.file.refused(
                line,
                f"store {store.store!r} of namespace {store.names.namespace!r} is already in line "
                f"{other}: set another 'namespace' for one of them",
            )

    # --- texts and values ------------------------------------------------------------------------

    def _texts(self, rows: Iterable[Row], entries: Mapping[str, Entry]) -> dict[str, _Text]:
        return {row.name: self._text(row, entries.get(row.name)) for row in rows}

    def _text(self, row: Row, entry: Entry | None) -> _Text:
        flag = self.flags[row.name]
        fallback = self.environment.get(row.fallback, "")
        if flag is not None:
            text = flag if isinstance(flag, str) else ",".join(flag)
            origin = row.fallback if fallback and not text else row.flag
            return _Text(text or fallback, origin, by_flag=True)
        # An empty variable counts as not set, because an EnvironmentFile cannot unset a variable.
        if variable := self.environment.get(row.variable):
            return _Text(variable, row.variable)
        if entry is not None:
            return _Text(entry.text, f"{self.file.path}:{entry.line}", line=entry.line)
        return _Text(fallback, row.fallback) if fallback else _Text(row.default)

    def _store(self, texts: Mapping[str, _Text]) -> StoreSettings:
        return StoreSettings(**self._values(STORE_ROWS, texts))

    def _values(self, rows: Iterable[Row], texts: Mapping[str, _Text]) -> dict[str, Any]:
        """Return the value of each setting that has a text, and the origins of all of them."""
        values: dict[str, Any] = {"origins": {}}
        for row in rows:
            text = texts[row.name]
            values["origins"][row.name] = text.origin
            try:
                text.text.encode()
                # An empty flag is not a missing flag: a setting with a default needs a value.
                if text.text or (text.may_be_empty and row.default):
                    values[row.name] = row.kind(text.text)
            except UnicodeEncodeError:
                reason = f"{text.text!r} is not UTF-8"
                raise SettingRefused(reason, row.flag, row.variable) from None
            except ValueError as error:
                if text.line:
                    raise self.file.refused(text.line, f"{row.name}: {error}") from None
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
