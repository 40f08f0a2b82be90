"""How arguments are parsed, and how help is laid out."""

from __future__ import annotations

import argparse
import os

from ddbcfg_client.printable import printable, without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


class Formatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, without the shutil that argparse imports to know how wide that is.

    argparse makes one for each argument that is added, help or not.
    """

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except OSError:
            columns = 80
        super().__init__(prog, width=columns - 2)


class Once(argparse.Action):
    """Stores the value of an argument; a flag that is repeated is a usage error.

    argparse itself goes by the last one, so that ``--table a --table b`` would silently use b.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        # Made from an argument, it is a new object even if it equals the default.
        if option_string is not None and getattr(namespace, self.dest) is not self.default:
            raise argparse.ArgumentError(self, "takes one value, and is there twice")
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """Takes each flag once, abbreviates none, and shows no password in its errors."""

    #: Whether flags can stand between positional arguments of any number.
    flags_anywhere = False
    #: What is said about an argument that there is not.
    hint = ""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=Formatter, allow_abbrev=False, **settings)
        for action in (None, "store"):
            self.register("action", action, Once)

    def error(self, message: str) -> NoReturn:
        """Print the usage and ``message``, and exit with 2."""
        super().error(printable(without_passwords(message)))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what the arguments say; print the usage and exit with 2 if they are wrong."""
        if self.flags_anywhere:
            arguments = self._flags_first(arguments)
        given, unknown = self.parse_known_args(arguments)
        if unknown:
            # Cut at the =: what was meant for a key may be a secret.
            names = " ".join(argument.partition("=")[0] for argument in unknown)
            self.error(f"unrecognized arguments: {names}{self.hint}")
        return given

    def _flags_first(self, arguments: Sequence[str]) -> list[str]:
        """Move flags before the positional arguments, among which argparse would not find them."""
        flags: list[str] = []
        others: list[str] = []
        rest = iter(arguments)
        for argument in rest:
            if argument == "--":
                others.extend(rest)
            elif argument.startswith("-") and argument != "-":
                flags.append(argument)
                action = self._option_string_actions.get(argument)
                if action is not None and action.nargs is None:  # a value follows
                    flags.extend(value for value in (next(rest, None),) if value is not None)
            else:
                others.append(argument)
        return [*flags, "--", *others]
