"""``ddbcfg-client generations``: what can be pinned on this host."""

from __future__ import annotations

from ddbcfg_client.commands.columns import aligned
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import complain, counted, emit_json, say
from ddbcfg_client.commands.steering import add_flags, ask_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from ddbcfg_client.commands.parser import Parser

_HEAD = ("GENERATION", "READ AT", "REVISION", "DIGEST", "OPTIONS", "STATE", "CHANGES")
_NAMES_SHOWN = 6
_EARLIER_SHOWN = 3
_DESCRIPTION = """\
List the generations of a store that its daemon keeps on this host, the newest first: each content
once, with the earlier generations that had it, and the names that it changed.  "ddbcfg-client pin"
can serve one of them again.  For root and the daemon's user.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line for each")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.format.request import GENERATIONS

    _, response = ask_daemon(args, GENERATIONS)
    if args.json:
        import json

        for row in response.generations:
            emit_json(json.dumps(row))
    else:
        say(aligned([_HEAD, *map(_cells, response.generations)]))
    if response.left_off:
        complain(f"{counted(response.left_off, 'older generation')} left off")
    return FOUND


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    from ddbcfg_client.commands.status_text import time_text
    from ddbcfg_client.printable import printable

    state = " ".join(word for word in ("current", "pinned") if row.get(word))
    return (
        _numbers(row),
        time_text(row.get("read_at")),
        str(row.get("revision") or "-"),
        printable(str(row.get("digest"))[:12]),
        str(row.get("options")),
        state or "-",
        printable(_changes(row)) or "-",
    )


def _numbers(row: Mapping[str, Any]) -> str:
    """Return the generation, and the last ones before it that had the same content."""
    earlier = row.get("earlier", ())
    numbers = ", ".join(map(str, earlier[:_EARLIER_SHOWN]))
    more = ", ..." if len(earlier) > _EARLIER_SHOWN else ""
    return f"{row.get('generation')} ({numbers}{more})" if numbers else f"{row.get('generation')}"


def _changes(row: Mapping[str, Any]) -> str:
    """Return a few of the names that the generation changed, each with a sign."""
    signs = {"added": "+", "changed": "~", "removed": "-"}
    names = [f"{sign}{name}" for kind, sign in signs.items() for name in row.get(kind, ())]
    more = len(names[_NAMES_SHOWN:]) + row.get("names_left_off", 0)
    text = " ".join(names[:_NAMES_SHOWN])
    return f"{text} and {more} more".lstrip() if more else text


COMMAND = Command(
    "generations",
    "list the generations that can be pinned",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
