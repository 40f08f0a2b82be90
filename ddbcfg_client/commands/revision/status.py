"""``ddbcfg-client revision status``: show what the revision item says."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import CONFLICT, FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.revision.access import Access
    from ddbcfg_client.dynamodb.revision.item import Revision

_READINGS = 5


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    text = "read the store, and exit with 7 if it is not what the revision says"
    parser.add_argument("--check", action="store_true", help=text)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import emit_json, say, shown
    from ddbcfg_client.notation.writer import dumps

    store = one_store(args)
    with open_access(args, store) as (table, access):
        revision, proved = _proved(access) if args.check else (_current(access), None)
    about = _about(revision, proved)
    if args.json:
        emit_json(dumps({"table": table.name, "store": store, **about}, typed=False, indent=2))
    else:
        say("\n".join((f"{table.name}/{shown(store)}", *_lines(revision, proved))))
    return CONFLICT if proved is False else FOUND


def _current(access: Access) -> Revision:
    from ddbcfg_client.dynamodb.revision.item import parse_revision
    from ddbcfg_client.errors import RevisionMissing

    seen = access.revision(consistent=True)
    if seen is None:
        place = access.place
        raise RevisionMissing(place.table, place.store, "the store has no revisions")
    return parse_revision(access.place, seen)


def _proved(access: Access) -> tuple[Revision, bool]:
    """Return the revision, and whether the store matches it; a changing one is read again."""
    from ddbcfg_client.dynamodb.revision.sealing import proves

    revision = _current(access)
    for _ in range(_READINGS):
        content = access.options(consistent=True)
        before, revision = revision, _current(access)
        if proves(revision, content):
            return revision, True
        if revision == before:
            break
    return revision, False


def _about(revision: Revision, proved: bool | None) -> dict[str, Any]:
    pending = revision.pending
    return {
        "revision": revision.rev,
        "epoch": revision.epoch,
        "digest": revision.digest.hex() if revision.digest is not None else None,
        "options": revision.count,
        "by": revision.by,
        "at": revision.at,
        "region": revision.region,
        "log_after": min(revision.base, revision.rev),
        "pending": pending
        and {"by": pending.by, "beat": pending.beat, "parts_planned": pending.parts},
        "fleet": revision.fleet,
        "ttl_attribute": revision.ttl,
        "keep_days": revision.keep,
        **({} if proved is None else {"proved": proved}),
    }


def _lines(revision: Revision, proved: bool | None) -> list[str]:
    from ddbcfg_client.commands.output import shown
    from ddbcfg_client.printable import printable

    digest = revision.digest.hex() if revision.digest is not None else "none yet"
    in_log = revision.rev - min(revision.base, revision.rev)
    writer = revision.by or "an unknown writer"
    rows = [
        ("revision", f"{revision.rev}, epoch {revision.epoch}"),
        ("made", printable(f"{revision.at or 'at an unknown time'} by {writer}")),
        ("digest", digest),
        ("options", str(revision.count)),
        ("in the log", f"the last {in_log} revisions" if in_log else "nothing"),
    ]
    if pending := revision.pending:
        plan = f"plan of {pending.parts} parts" if pending.parts else "no whole plan yet"
        rows.append(
            ("import", f"under way by {printable(pending.by)}, {plan}, beat {pending.beat}")
        )
    if revision.fleet:
        rows.append(("fleet", f"{revision.fleet} hosts"))
    if revision.ttl:
        rows.append(("history", f"{revision.keep} days, by TTL attribute {shown(revision.ttl)}"))
    if revision.region:
        rows.append(("region", f"writers in {revision.region}"))
    if proved is not None:
        no = "not what the revision says: make it a revision with 'ddbcfg-client revision sync'"
        rows.append(("content", "what the revision says" if proved else no))
    return [f"  {label:<10}  {text}" for label, text in rows]


COMMAND = Command("revision status", "show a store's revision", _run, _add_arguments)
