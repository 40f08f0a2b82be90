"""``ddbcfg-client get``: print an option, one of its keys, or all options, as JSON."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import revision
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.output import complain, emit, emit_json
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from argparse import Namespace
    from collections.abc import Sequence

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.readonly import ReadOnlyDict
else:
    Namespace = object

# Of DynamoDB, which only --revision reads.
_TABLE_FLAGS = ("region", "endpoint_url", "store_key", "option_key")
# Of shared memory, which --revision does not read.
_READING_FLAGS = ("namespace", "owner", "max_age")


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("option", nargs="?", metavar="OPTION")
    parser.add_argument("key", nargs="?", metavar="KEY")
    parser.add_argument("--json", action="store_true", help="one line of JSON, a KEY's value too")
    text = "read this revision from DynamoDB; table and store must be named"
    parser.add_argument("--revision", type=revision, metavar="REV", help=text)
    for name in _TABLE_FLAGS:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="X", help="with --revision")


class _Plain(Namespace):
    """The arguments of ``get [OPTION [KEY]]`` as the parser returns them.

    A script that reads one option waits a third less for it without argparse.
    """

    table = store = namespace = owner = max_age = revision = None
    region = endpoint_url = store_key = option_key = None
    wait = 0.0
    json = False

    def __init__(self, option: str | None = None, key: str | None = None) -> None:
        self.option = option
        self.key = key


def _plain(arguments: Sequence[str]) -> _Plain | None:
    if len(arguments) > 2 or any(argument.startswith("-") for argument in arguments):
        return None
    return _Plain(*arguments)


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.notation.writer import dumps

    unused = _TABLE_FLAGS if args.revision is None else _READING_FLAGS
    for name in unused:
        if getattr(args, name) is not None:
            goes = "goes" if args.revision is None else "does not go"
            args.fail(f"--{name.replace('_', '-')} {goes} with --revision")
    option = open_config(args).get(args.option) if args.revision is None else _past(args)
    if args.option is None:
        emit_json(dumps(option, typed=False, indent=None if args.json else 2))
        return FOUND
    if args.key is None:
        emit_json(dumps(option, typed=False))
        return FOUND
    if args.key not in option:
        complain(f"option {args.option!r} has no key {args.key!r}")
        return NOT_FOUND
    value = option[args.key]
    # For a shell's $(...): a string without quotes, other values as in JSON.
    if isinstance(value, str) and not args.json:
        emit(value)
    else:
        emit_json(dumps(value, typed=False))
    return FOUND


def _past(args: argparse.Namespace) -> ReadOnlyDict:
    """Return the option, or all, as of a revision; raise OptionNotFound."""
    from ddbcfg_client.commands.target import one_store, open_access
    from ddbcfg_client.dynamodb.revision.history import past
    from ddbcfg_client.errors import OptionNotFound
    from ddbcfg_client.format.options import unpack_option
    from ddbcfg_client.readonly import ReadOnlyDict

    store = one_store(args)
    with open_access(args, store) as (_, access):
        content = past(access, args.revision).content
    if args.option is None:
        return ReadOnlyDict((name, unpack_option(content[name])) for name in sorted(content))
    if args.option not in content:
        raise OptionNotFound(args.option, store)
    return unpack_option(content[args.option])


COMMAND = Command(
    "get",
    "print an option, one key of it, or all options",
    _run,
    _add_arguments,
    plain=_plain,
)
