"""``ddbcfg-client status``: a table of all stores, one store in full, or JSON lines."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.condition import DEAD, UNREADABLE, condition_of, too_old
from ddbcfg_client.commands.exits import FOUND, NO_SNAPSHOT, TOO_OLD
from ddbcfg_client.commands.output import complain, emit, say
from ddbcfg_client.commands.reading import add_flags, open_config, stores_named
from ddbcfg_client.commands.status_table import colour_wanted, table
from ddbcfg_client.commands.status_text import status_text
from ddbcfg_client.config import Config
from ddbcfg_client.connecting import (
    all_names_of,
    file_named,
    nothing_published,
    trust_in,
    with_those_here,
)
from ddbcfg_client.errors import LayoutMismatch, SnapshotError
from ddbcfg_client.format.names import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ddbcfg_client.commands.layers import Layers
    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.shm.status import Status
    from ddbcfg_client.shm.trust import Trust

    Stores = Sequence[tuple[Names, Status | None]]


def _add_arguments(parser: Parser) -> None:
    add_flags(parser, auto=True)
    form = parser.add_mutually_exclusive_group()
    text = "print one JSON object a line for each store"
    form.add_argument("--json", action="store_true", help=text)
    text = "print all details of each store, as for a single one"
    form.add_argument("--long", action="store_true", help=text)


def _run(args: argparse.Namespace) -> int:
    """Print the status of the named stores, or of all stores on this host; return the exit code.

    It is 3 if a store has no snapshot, 4 if a snapshot is too old, and 0 otherwise.
    """
    trust = trust_in(args.owner)
    stores: list[tuple[Names, Status | None]] = []
    reasons: dict[str, str] = {}  # why a store cannot be read, by the name of its page
    code = FOUND
    for names, config in _configs(args, trust):
        status = None
        try:
            status = config.status()
        except (SnapshotError, LayoutMismatch) as unreadable:
            # A store that cannot be read must not hide the others.
            reason = str(with_those_here(unreadable, trust))
            complain(reason)
            if names is not None:
                reasons[names.page] = reason
        stores.append((names or _named_by(status), status))
        code = max(code, _probe(status, args.max_age))
    _print(args, stores, reasons, _layers(stores, trust))
    return code


def _layers(stores: Stores, trust: Trust) -> dict[str, Layers | None]:
    """Return the daemons' states of layers, by the names of the pages of stores with layers."""
    layered = [found for found in stores if found[1] is not None and found[1].merged_layers]
    if not layered:
        return {}
    from ddbcfg_client.commands.layers import layers_of

    # A dead store is reported as such; only its daemon knew the layers.
    return {
        names.page: None
        if status is not None and condition_of(status)[0] == DEAD
        else layers_of(names, trust)
        for names, status in layered
    }


def _probe(status: Status | None, max_age: float | None) -> int:
    """Return the exit code for one store, and say the reason if it is ``--max-age``."""
    if status is None or status.generation == 0:
        return NO_SNAPSHOT
    reason = too_old(status, max_age)
    if not reason:
        return FOUND
    complain(f"store {status.namespace}/{status.store} is too old: {reason}")
    return TOO_OLD


def _print(
    args: argparse.Namespace,
    stores: Stores,
    reasons: Mapping[str, str],
    layers: Mapping[str, Layers | None],
) -> None:
    readable = [status for _, status in stores if status is not None]
    if args.json:
        import json

        for names, status in stores:
            if status is None:
                found: dict[str, object] = {
                    "namespace": names.namespace,
                    "store": names.store,
                    "page": names.page,
                }
                state, reason = UNREADABLE, reasons.get(names.page, "")
            else:
                found = status.to_dict()
                state, reason = condition_of(status)
            if names.page in layers:
                its = layers[names.page]
                found["layers"] = None if its is None else its["layers"]
            emit(json.dumps({**found, "state": state, "reason": reason or None}))
        return
    if args.long or len(stores) == 1:
        if readable:
            say("\n\n".join(map(status_text, readable)))
    else:
        say(table(stores, colour=colour_wanted()))
    if layers:
        from ddbcfg_client.commands.layers import layers_text
    for names, _ in stores:
        if names.page in layers:
            say(f"\n{layers_text(names, layers[names.page])}")


def _configs(args: argparse.Namespace, trust: Trust) -> list[tuple[Names | None, Config]]:
    """Return the named stores: of the file if ``DDBCFG_FILE`` is set, else of this host."""
    if file_named():
        return [(None, open_config(args))]
    stores, refused = all_names_of(args.table, stores_named(args), args.namespace, trust)
    if not stores:
        raise refused[0] if refused else nothing_published(trust)
    for error in refused:
        complain(str(error))
    return [(names, Config(names, trust)) for names in stores]


def _named_by(status: Status | None) -> Names:
    """Return the names of the store in a file, which has none in shared memory."""
    return Names("", "") if status is None else Names(status.namespace, status.store)


COMMAND = Command(
    "status", "show all stores and their daemons, or one in full", _run, _add_arguments
)
