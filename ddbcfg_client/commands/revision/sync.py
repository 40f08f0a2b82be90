"""``ddbcfg-client revision sync``: one round of the scribe."""

from __future__ import annotations

from ddbcfg_client.commands.changing import add_author_flags, author
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import CONFLICT, FOUND
from ddbcfg_client.commands.target import add_flags, open_access, some_stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.revision.syncing import Synced

_DESCRIPTION = """\
Make a revision of what other writers changed: the console, Terraform, an older release.  Run it
after a deployment that writes the table; 'revision watch' does so continuously.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_author_flags(parser)


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import emit_json, say
    from ddbcfg_client.dynamodb.revision.syncing import WHY, Found, sync
    from ddbcfg_client.errors import RevisionMissing
    from ddbcfg_client.notation.writer import dumps

    code, report = FOUND, []
    for store in some_stores(args):
        with open_access(args, store) as (table, access):
            synced = sync(access, None, by=author(args, table), why=args.why or WHY)
        if synced.found is Found.NOTHING:
            raise RevisionMissing(table.name, store, "the store has no revisions")
        if synced.found in (Found.PENDING, Found.BUSY):
            code = CONFLICT
        revision = synced.known.rev if synced.known else None
        report.append({"store": store, "found": str(synced.found), "revision": revision})
        if not args.json:
            say(f"{table.name}/{_sentence(store, synced)}")
    if args.json:
        emit_json(dumps(report, typed=False, indent=2))
    return code


def _sentence(store: str, synced: Synced) -> str:
    from ddbcfg_client.commands.output import shown

    revision = f"revision {synced.known.rev}" if synced.known else "no revision"
    text = {
        "unchanged": f"the store is what {revision} says",
        "revised": f"{revision} has what other writers changed",
        "import pending": "an import is under way, whose revision will have all changes",
        "busy": "the store changes from reading to reading: try again",
    }[synced.found]
    return f"{shown(store)}: {text}"


COMMAND = Command(
    "revision sync",
    "make a revision of what other writers changed",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
