"""``--check``: validate the settings, print them with their origins, and read each store once.

What is printed is a file of settings itself, with the origins as comments.  Nothing is published,
and nothing in shared memory is opened, so a running daemon is not disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.notation.marked import quoted
from ddbcfg_client.printable import counted, printable, without_passwords
from ddbcfg_daemon.disk.copy_keeper import pin_file
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.errors import EmptyStore, WouldBeRefused
from ddbcfg_daemon.exits import MENDABLE, reason_of
from ddbcfg_daemon.guards import GuardRefused, SchemaGuard
from ddbcfg_daemon.layers.source import LayersSource
from ddbcfg_daemon.outputs.opening import open_outputs
from ddbcfg_daemon.pinning.pinned import record_text
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.rereading import schemas_of
from ddbcfg_daemon.serving import check_folder, check_layers, failure_of, guards_of_layer
from ddbcfg_daemon.settings import kinds
from ddbcfg_daemon.settings.daemon_values import DAEMON_ROWS, DaemonSettings
from ddbcfg_daemon.settings.http_address import HttpAddress
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.store_values import STORE_ROWS, LayerSettings, StoreSettings
from ddbcfg_daemon.sources.base import Reading, Sources
from ddbcfg_daemon.sources.deadline import DeadlineSource
from ddbcfg_daemon.sources.opening import open_sources

_COLUMN = 44  # of the comments


def check(settings: DaemonSettings) -> BaseException | None:
    """Print the settings and the result of a poll of each store; return the failure, if any.

    Raise ConfigError or OSError if the settings cannot be used.
    """
    _print(_lines(DAEMON_ROWS, settings, settings.origins))
    schemas = schemas_of(settings)
    open_outputs(settings, listen=False)
    with closing(open_sources(settings)) as sources:
        failures = [_check_store(sources, store, schemas) for store in sources.stores]
    return failure_of(failures)


def _check_store(
    sources: Sources, store: StoreSettings, schemas: Mapping[str, Schema]
) -> BaseException | None:
    """Print the settings of one store, and read it; return the failure, if there is one."""
    _print(["", "[[stores]]", *_lines(STORE_ROWS, store, store.origins)])
    _print(
        [
            f"# read from {place}, published as {store.names.page}"
            for place in _places(sources, store)
        ]
    )
    began = time.monotonic()
    try:
        check_folder(store)
        check_layers(store, sources)
        reading = _read(sources, store, schemas)
        if not reading.options and not store.allow_empty:
            raise EmptyStore(store.table, store.store, published=False)
        if store.schema:
            _check_schema(schemas[store.schema], store, reading)
    except MENDABLE as error:
        _print([f"# failed: {reason_of(error)}"])
        return error
    _print([f"# read: {_result(reading, store)}, {time.monotonic() - began:.2f} s"])
    if sources.lasting and store.state_dir is not None:
        # What was read is not published then.
        access = Access(store.mode, store.group).for_user(store.owner)
        text = record_text(pin_file(DiskCopy(store.state_dir, store.names, access)))
        _print([f"# {text}"] if text else [])
    return None


def _check_schema(schema: Schema, store: StoreSettings, reading: Reading) -> None:
    """Raise WouldBeRefused; the guard's own text says how to publish the reading."""
    try:
        SchemaGuard(schema).check((), reading, scheduled=False)
    except GuardRefused as refused:
        raise WouldBeRefused(store.table, store.store, refused.guard, refused.reason) from None


def _places(sources: Sources, store: StoreSettings) -> Sequence[str]:
    if not store.layers:
        return [sources.place(store)]
    places = [
        f"table {layer.settings.table}, {sources.place(layer.settings)} (layer {layer.name})"
        for layer in store.layers
    ]
    return places


def _read(sources: Sources, store: StoreSettings, schemas: Mapping[str, Schema]) -> Reading:
    """Return the options of the store; print what each of its layers has."""
    if not store.layers:
        source = DeadlineSource(sources.source(store), store.poll_timeout)
        return source.read(lambda: None, full=True)
    layers = LayersSource(
        store,
        lambda layer: (
            DeadlineSource(sources.source(layer.settings), layer.settings.poll_timeout),
            guards_of_layer(layer, schemas),
            None,
        ),
    )
    try:
        return layers.read(lambda: None, full=True)
    finally:
        for state in layers.states:
            text = f"failed: {state.error}" if state.error else f"held: {state.held}"
            if not state.error and not state.held:
                of = f"revision {state.revision}" if state.revision else "no revision"
                text = f"{counted(state.options, 'option')}, {of}"
            _print([f"# layer {state.name}: {text}"])


def _result(reading: Reading, store: StoreSettings) -> str:
    text = counted(len(reading.options), "option")
    if layers := len(store.layers):
        return f"{text}, merged from {counted(layers, 'layer')} by {store.merge}"
    if reading.skipped:
        text += f", {counted(len(reading.skipped), 'item')} skipped"
    revision = reading.provenance.revision
    return f"{text}, {f'revision {revision}' if revision else 'no revision'}"


# --- settings as lines ---------------------------------------------------------------------------


def _lines(rows: Iterable[Row], settings: object, origins: Mapping[str, str]) -> Iterator[str]:
    for row in rows:
        text, origin = _value(row, getattr(settings, row.name)), origins.get(row.name, "default")
        if not row.in_file:
            if origin not in ("default", row.flag):
                yield f"# {row.flag} is set by {origin}"
        elif text:
            yield f"{row.name} = {text}".ljust(_COLUMN) + f" # {origin}"
        else:
            # An empty text in the file or in a flag is an origin, too.
            yield f"#{row.name} =".ljust(_COLUMN) + f" # {origin}: {row.default_is or 'not set'}"


def _value(row: Row, value: object) -> str:
    """Return the value as TOML; empty if the setting is not set."""
    if value is None or value == "" or (row.kind is kinds.group and value == -1):
        return ""
    if row.kind is kinds.mode:
        return f'"{value:04o}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_item, value))}]" if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value).removesuffix(".0")
    if isinstance(value, str | Path | HttpAddress):
        text = str(value)
        return quoted(text.lower() if row.kind is kinds.log_level else text)
    return "..."  # not in the file


def _item(item: object) -> str:
    """Return an item of a list as TOML: a layer, or the name of a variable."""
    if not isinstance(item, LayerSettings):
        return quoted(str(item))
    rows = {row.name: row for row in STORE_ROWS}
    texts = {name: _value(rows[name], getattr(item.settings, name)) for name in item.own}
    keys = {"store": quoted(item.settings.store), **texts}
    if item.required:
        keys["required"] = "true"
    if len(keys) == 1:
        return keys["store"]
    return f"{{ {', '.join(f'{key} = {text}' for key, text in keys.items())} }}"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(printable(without_passwords(line)), flush=True)
