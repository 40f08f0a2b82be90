"""The definition of a command of ``ddbcfg-client``.

Each command has its own module, which ends with its ``COMMAND``, and a line in ``registry``.  The
help imports all these modules, so they import inside functions what only ``run`` needs.
"""

from __future__ import annotations

from ddbcfg_client.commands.parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def _no_arguments(parser: Parser) -> None:
    pass


class Command:
    """A command: its name, one line of help, its arguments, and the function that runs it.

    ``run`` returns the exit code, or raises a :class:`~ddbcfg_client.errors.ConfigError`, for which
    ``exits`` has a code.  ``args.fail(message)`` exits with a usage error.
    """

    __slots__ = ("add_arguments", "description", "name", "run", "summary")

    def __init__(
        self,
        name: str,
        summary: str,
        run: Callable[[argparse.Namespace], int],
        add_arguments: Callable[[Parser], None] = _no_arguments,
        *,
        description: str = "",
    ) -> None:
        self.name = name
        self.summary = summary
        self.description = description or summary
        self.run = run
        self.add_arguments = add_arguments

    def parser(self) -> Parser:
        """Return the parser of its arguments."""
        parser = Parser(prog=f"ddbcfg-client {self.name}", description=self.description)
        self.add_arguments(parser)
        parser.set_defaults(fail=parser.error)
        return parser
