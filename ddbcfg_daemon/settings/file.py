"""The file of settings: TOML, with the line of each setting.

Keys before the first ``[[stores]]`` are settings of the daemon, and of every store.  Each
``[[stores]]`` begins a store, or several with the same settings.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ddbcfg_daemon.errors import SettingsFileRefused
from ddbcfg_daemon.settings.daemon_values import ROWS
from ddbcfg_daemon.settings.kinds import FILE_TYPES, LAYERS_OF_FILE, layers
from ddbcfg_daemon.settings.layers import LAYER_ROWS
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.store_values import STORE_ROWS

#: The file that is read if none is named and it exists, and its folder without a unit's.
DEFAULT_NAME = "ddbcfg.toml"
DEFAULT_FOLDER = Path("/etc/ddbcfg")

_MOST_BYTES = 1_000_000
_STORES = "stores"
_TYPE_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of a setting, as a flag would have it, and its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class StoreTable:
    """A ``[[stores]]``, which begins at ``line``."""

    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The content of a file: settings for the daemon and every store, and the stores."""

    path: Path
    common: Mapping[str, Entry]
    stores: tuple[StoreTable, ...]

    def refused(self, line: int, reason: str) -> SettingsFileRefused:
        """Return the error for a line."""
        return SettingsFileRefused(str(self.path), line, reason)


def read_file(path: Path) -> SettingsFile:
    """Read the file; raise SettingsFileRefused, with the line that is wrong."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SettingsFileRefused(str(path), 0, f"cannot read {path}: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        reason = f"{path} has more than {_MOST_BYTES} bytes, so it is not a settings file"
        raise SettingsFileRefused(str(path), 0, reason)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsFileRefused(str(path), line, "this is not UTF-8") from None
    return _parsed(path, text.replace("\r\n", "\n"))


def _parsed(path: Path, text: str) -> SettingsFile:
    common: dict[str, Entry] = {}
    stores: list[StoreTable] = []
    _check_syntax(path, text)
    for line, begins_table, statement in _statements(text):
        if begins_table and statement == {_STORES: [{}]}:
            stores.append(StoreTable(line))
            continue
        [(key, value)] = statement.items()
        if begins_table or key == _STORES:
            reason = f"only [[{_STORES}]] begins a table, that of a store"
            raise SettingsFileRefused(str(path), line, reason)
        try:
            setting = _text_of(_row_for(key, in_store=bool(stores)), value)
        except ValueError as error:
            raise SettingsFileRefused(str(path), line, str(error)) from None
        (stores[-1].entries if stores else common)[key] = Entry(setting, line)
    if stores and "store" in common:
        reason = f"'store' before [[{_STORES}]]: name each store in its own [[{_STORES}]]"
        raise SettingsFileRefused(str(path), common["store"].line, reason)
    return SettingsFile(path, common, tuple(stores))


def _check_syntax(path: Path, text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, line = str(error), text.count("\n") + 1
        reason, at, place = reason.partition(" (at line ")
        if at:
            line = int(place.partition(",")[0])
        raise SettingsFileRefused(str(path), line, f"not TOML: {reason}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or as many brackets
        raise SettingsFileRefused(str(path), 1, "not TOML: a value is too long") from None


def _statements(text: str) -> Iterator[tuple[int, bool, dict[str, object]]]:
    """Yield each statement of a valid file, with its line, and whether it begins a table.

    tomllib knows no lines.  A statement is complete as soon as its lines are valid by themselves.
    """
    statement, begins = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        begins = begins if statement else number
        statement += f"{line}\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if parsed:
            yield begins, statement.lstrip().startswith("["), parsed
        statement = ""


def _row_for(key: str, *, in_store: bool) -> Row:
    known = {row.name: row for row in (STORE_ROWS if in_store else ROWS) if row.in_file}
    if key in known:
        return known[key]
    row = next((row for row in ROWS if row.name == key), None)
    if row is not None and row.in_file:
        raise ValueError(f"{key!r} is a setting of the daemon: move it above the first [[stores]]")
    if row is not None:
        raise ValueError(f"{key!r} cannot be set in a file: use {row.flag} or {row.variable}")
    raise ValueError(f"there is no setting {key!r}{_hint(key, known)}")


def _hint(key: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key.replace("-", "_").lower(), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _text_of(row: Row, value: object) -> str:
    if row.kind is layers and isinstance(value, list):
        return LAYERS_OF_FILE + json.dumps([_texts_of_layer(layer) for layer in value])
    if row.listed and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    types = FILE_TYPES.get(row.kind, (str,))
    if type(value) not in types:
        expected = " or ".join(_TYPE_NAMES[each] for each in types)
        if row.listed:
            expected += " or a list of strings"
        # Not the value itself: it may be a secret.
        raise ValueError(f"{row.name!r} must be {expected}")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _texts_of_layer(layer: object) -> dict[str, str]:
    """Return the texts of a layer's own settings."""
    if isinstance(layer, str):
        return {"store": layer}
    if not isinstance(layer, dict):
        raise ValueError("'layers' must be a list of strings and tables")
    if not isinstance(layer.get("store"), str):
        raise ValueError("a table in 'layers' names no store: set 'store', a string")
    rows = {row.name: row for row in LAYER_ROWS}
    for key in layer:
        if key not in rows:
            if any(row.name == key for row in ROWS):
                raise ValueError(f"{key!r} cannot be set for a layer: set it for the store")
            raise ValueError(f"a layer has no setting {key!r}{_hint(key, rows)}")
    return {key: _text_of(rows[key], value) for key, value in layer.items()}
