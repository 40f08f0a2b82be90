"""The flags that say which environment variables options become, for ``exec`` and ``export``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ddbcfg_client.commands.parser import Parser


def add_flags(parser: Parser) -> None:
    """Add the flags."""
    text = "put X before the name of each variable"
    parser.add_argument("--prefix", default="", metavar="X", help=text)
    text = "one variable with all of this option as JSON; can be repeated"
    parser.add_argument("--json-option", action="append", default=[], metavar="NAME", help=text)


def variables_of(
    args: argparse.Namespace, options: Mapping[str, Mapping[str, object]], store: str
) -> dict[str, str]:
    """Return the variables; raise OptionNotFound for a ``--json-option``, and VariableRefused.

    Exit with a usage error if no variable can begin with ``--prefix``.
    """
    from ddbcfg_client.errors import OptionNotFound
    from ddbcfg_client.notation.environment import is_prefix, variables

    if not is_prefix(args.prefix):
        args.fail("argument --prefix: no variable can begin like that")
    for name in args.json_option:
        if name not in options:
            raise OptionNotFound(name, store)
    return variables(options, args.prefix, args.json_option)
