"""The definition of a command of ``ddbcfg-client``.

Each command has its own module, which ends with its ``COMMAND``, and a line in ``registry``.  The
help imports all these modules, so they import inside functions what only ``run`` needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from ddbcfg_client.commands.parser import Parser


def _no_arguments(parser: Parser) -> None:
    pass


def _not_plain(arguments: Sequence[str]) -> None:
    pass


class Command:
    """A command: its name, one line of help, its arguments, and the function that runs it.

    ``run`` returns the exit code, or raises a ``ConfigError``, for which
    ``exits`` has a code.  ``args.fail(message)`` exits with a usage error.  ``plain`` makes the
    same arguments from names only, without argparse.
    """

    __slots__ = ("add_arguments", "description", "name", "plain", "run", "summary")

    def __init__(
        self,
        name: str,
        summary: str,
        run: Callable[[argparse.Namespace], int],
        add_arguments: Callable[[Parser], None] = _no_arguments,
        *,
        description: str = "",
        plain: Callable[[Sequence[str]], argparse.Namespace | None] = _not_plain,
    ) -> None:
        self.name = name
        self.summary = summary
        self.description = description or summary
        self.run = run
        self.plain = plain
        self.add_arguments = add_arguments

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the parsed arguments; print the usage and exit with 2 if they are wrong."""
        return self.plain(arguments) or self.parser().parse(arguments)

    def parser(self) -> Parser:
        """Return the parser of its arguments."""
        from ddbcfg_client.commands.parser import Parser  # argparse takes milliseconds to import

        parser = Parser(prog=f"ddbcfg-client {self.name}", description=self.description)
        self.add_arguments(parser)
        parser.set_defaults(fail=parser.error)
        return parser
