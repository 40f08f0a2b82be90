"""``ddbcfg-client revision repair``: end an import that was interrupted."""

from __future__ import annotations

from ddbcfg_client.commands.changing import add_author_flags, author
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser

_DESCRIPTION = """\
Finish an import that was interrupted, or take it back, with the plan that the import wrote first.
Wait a minute before, to see that the import makes no progress.  Replace a damaged revision item;
with --new-epoch also one that is not damaged, as is necessary after a restore from a backup.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    add = parser.add_argument
    add("--take-back", action="store_true", help="undo the import instead of finishing it")
    add("--new-epoch", action="store_true", help="begin a new epoch, for a restored table")
    add_author_flags(parser)


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import counted, flush, say, shown
    from ddbcfg_client.commands.progress import progress
    from ddbcfg_client.dynamodb.revision.repairing import repair

    store = one_store(args)
    with open_access(args, store) as (table, access):
        name = f"{table.name}/{shown(store)}"
        say(f"{name}: looking at the revision; a repair takes two minutes")
        flush()
        with progress(lambda: f"repairing {name}"):
            repaired = repair(
                access,
                by=author(args, table),
                why=args.why,
                take_back=args.take_back,
                new_epoch=args.new_epoch,
            )
    if repaired is None:
        say(f"{name}: there is nothing to repair")
        return FOUND
    written = counted(repaired.written, "option")
    say(f"{name}: repaired, {written} written, revision {repaired.revision.rev}")
    return FOUND


COMMAND = Command(
    "revision repair",
    "finish an interrupted import, or take it back",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
