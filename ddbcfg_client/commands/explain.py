"""``ddbcfg-client explain``: from which layer each key of an option comes, and what it hides."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NO_SNAPSHOT, NOT_FOUND
from ddbcfg_client.commands.output import complain, emit_json, say, shown
from ddbcfg_client.commands.reading import add_flags, open_config
from ddbcfg_client.connecting import trust_in
from ddbcfg_client.format.names import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any

    from ddbcfg_client.commands.layers import Layers
    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.config import Config
    from ddbcfg_client.format.request import Request

_DESCRIPTION = """\
Show which layer decides each key of OPTION, or only KEY, and in which layers below it the key has
another value, which is hidden.  The daemon of this host responds; values are shown only with
--values, and only those that readers see.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("option", metavar="OPTION")
    parser.add_argument("key", nargs="?", metavar="KEY")
    parser.add_argument("--values", action="store_true", help="show the values that readers see")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.columns import aligned
    from ddbcfg_client.commands.layers import asked
    from ddbcfg_client.notation.writer import dumps

    config = open_config(args)
    status = config.status()
    names = Names(status.namespace, status.store)
    if not status.merged_layers:
        complain(f"store {shown(status.store)} has no layers: its options are its own")
        return NOT_FOUND
    trust = trust_in(args.owner)
    details = explanation(lambda request: asked(names, trust, request), args.option)
    if details is None:
        return NO_SNAPSHOT
    if details.get("unknown"):
        complain(
            f"the layers of {shown(names.store)} are not known: {details['unknown']}; "
            "'ddbcfg-client status' says what is held, pinned or cannot be read"
        )
        return NO_SNAPSHOT
    keys = [key for key in details["keys"] if args.key in (None, key["key"])]
    if not keys and (args.key is not None or not details["known"]):
        what = "" if args.key is None else f" with a key {args.key!r}"
        complain(f"no layer has an option {args.option!r}{what}")
        return NOT_FOUND
    if args.values:
        _add_values(config, args.option, keys)
    if args.json:
        emit_json(dumps({**details, "keys": keys, "held": status.held}, typed=False))
        return FOUND
    if status.held:
        complain(f"newer content is held, this is what readers see: {status.held}")
    head = ("KEY", "FROM", "TYPE", *(("VALUE",) if args.values else ()), "HIDES")
    say(aligned([head, *(_row(key, values=args.values) for key in keys)]))
    return FOUND


def explanation(ask: Callable[[Request], Layers | None], option: str) -> Layers | None:
    """Return what explains ``option``, in as many responses of ``ask`` as its keys need.

    All of them are about one merge: if it changes meanwhile, begin again.
    """
    from ddbcfg_client.format.request import EXPLAIN, Request

    keys: list[dict[str, Any]] = []
    explained: object = None
    while True:
        details = ask(Request(EXPLAIN, option=option, first=len(keys)))
        if details is None:
            return None
        merged, left_off = details.pop("merged", None), details.pop("left_off", 0)
        if keys and merged != explained:
            keys = []
            continue
        explained = merged
        keys += details["keys"]
        if left_off <= 0 or not details["keys"]:
            return {**details, "keys": keys}


def _add_values(config: Config, option: str, keys: list[dict[str, Any]]) -> None:
    """Add the values that readers see, which may be those of an older generation."""
    found: Mapping[str, Any] = config.get(option, {})
    for key in keys:
        if key["type"] is not None and key["key"] in found:
            key["value"] = found[key["key"]]


def _row(key: dict[str, Any], *, values: bool) -> tuple[str, ...]:
    from ddbcfg_client.notation.writer import dumps

    hides = ", ".join(f"{shown(its['layer'])} ({its['type']})" for its in key["hides"])
    value = (dumps(key["value"], typed=False) if "value" in key else "-",) if values else ()
    kind = key["type"] or "removed"
    return shown(key["key"]), shown(key["layer"]), kind, *value, hides or "-"


COMMAND = Command(
    "explain",
    "show from which layer each key of an option comes",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
