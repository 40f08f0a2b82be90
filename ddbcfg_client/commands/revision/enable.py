"""``ddbcfg-client revision enable``: begin a store's revisions, or change their settings."""

from __future__ import annotations

from ddbcfg_client.commands.changing import add_author_flags, author
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.revision.access import Access, Item
    from ddbcfg_client.dynamodb.revision.enabling import Settings

_DESCRIPTION = """\
Begin the revisions of a store, which takes a minute, or change the settings of a store that has
revisions; settings that are not named do not change.  From then on use these commands,
DynamoDBConfigStore and the scribe ('revision watch') to write it; hosts see what other writers
change at their next full poll.
"""

_MOST_DAYS = 3650


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


# argparse shows this name in "invalid ... value".
_number.__name__ = "number"


def _days(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MOST_DAYS:
        raise ValueError
    return number


_days.__name__ = "number of days"


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    add = parser.add_argument
    add("--fleet", type=_number, metavar="N", help="the number of hosts; spreads full reads")
    add("--ttl-attribute", metavar="A", help="the table's TTL attribute; with --keep")
    add("--keep", type=_days, metavar="DAYS", help="days to keep change items (0: forever)")
    add_author_flags(parser)


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import counted, flush, say, shown
    from ddbcfg_client.commands.progress import progress
    from ddbcfg_client.dynamodb.revision.enabling import enable

    store = one_store(args)
    with open_access(args, store) as (table, access):
        before = access.revision(consistent=True)
        settings = _settings(args, access, before)
        name = f"{table.name}/{shown(store)}"
        if before is None:
            say(f"{name}: making the first revision, which takes a minute")
            flush()
        with progress(lambda: f"making the first revision of {name}"):
            made = enable(access, settings, by=author(args, table), why=args.why)
    if before is None:
        say(f"{name}: revision {made.rev}, {counted(made.count, 'option')}")
        say("Daemons follow it within their --full-interval, by default an hour; on a host,")
        say("'ddbcfg-client reload --full' makes its daemon look at once")
        say("Let a scribe run if anything but ddbcfg writes this store: 'revision watch'")
    else:
        say(f"{name}: the settings are changed; the store is at revision {made.rev}")
    return FOUND


def _settings(args: argparse.Namespace, access: Access, item: Item | None) -> Settings:
    """Return the settings that are named, and for others those that the store has."""
    from ddbcfg_client.dynamodb.revision.enabling import Settings
    from ddbcfg_client.dynamodb.revision.item import parse_revision

    was = Settings()
    if item is not None:
        now = parse_revision(access.place, item)
        was = Settings(now.fleet, now.ttl, now.keep, now.region)
    keep = was.keep if args.keep is None else args.keep
    ttl = was.ttl if args.ttl_attribute is None else args.ttl_attribute
    if args.keep == 0:
        ttl = ""
    if bool(ttl) != bool(keep):
        args.fail("--ttl-attribute and --keep go together")
    fleet = was.fleet if args.fleet is None else args.fleet
    return Settings(fleet=fleet, ttl=ttl, keep=keep, region=was.region)


COMMAND = Command(
    "revision enable",
    "begin a store's revisions, or change their settings",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
