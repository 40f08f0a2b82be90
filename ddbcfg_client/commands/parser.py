"""Parsing of arguments, and the layout of the help."""

from __future__ import annotations

import argparse
import os

from ddbcfg_client.printable import printable, without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, NoReturn


class Formatter(argparse.RawDescriptionHelpFormatter):
    """A formatter as wide as the terminal that does not import shutil, as argparse's does.

    argparse creates one for each added argument, even if no help is printed.
    """

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except OSError:
            columns = 80
        super().__init__(prog, width=columns - 2)


class Once(argparse.Action):
    """Stores the value of an argument; a repeated flag is a usage error.

    argparse itself uses the last value, so ``--table a --table b`` would silently use b.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        # A value from an argument is a new object, even if it equals the default.
        if option_string is not None and getattr(namespace, self.dest) is not self.default:
            raise argparse.ArgumentError(self, "takes one value, but is repeated")
        setattr(namespace, self.dest, values)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return a question for the one of ``words`` that ``word`` resembles; "" if none does."""
    from difflib import get_close_matches  # only needed after a mistake

    found = get_close_matches(word, list(words), 1)
    return f" (did you mean {found[0]}?)" if found else ""


class Parser(argparse.ArgumentParser):
    """A parser that refuses repeated and abbreviated flags, and shows no password in errors."""

    #: Whether flags are allowed between positional arguments.
    flags_anywhere = False
    #: Added to the error about an unknown argument.
    hint = ""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=Formatter, allow_abbrev=False, **settings)
        for action in (None, "store"):
            self.register("action", action, Once)

    def error(self, message: str) -> NoReturn:
        """Print the usage and ``message``; exit with 2."""
        super().error(printable(without_passwords(message)))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the parsed arguments; print the usage and exit with 2 if they are wrong."""
        if self.flags_anywhere:
            arguments = self._flags_first(arguments)
        args, unknown = self.parse_known_args(arguments)
        if unknown:
            # Cut at the =, because the value may be a secret meant for a key.
            names = " ".join(argument.partition("=")[0] for argument in unknown)
            meant = nearest(names.split(" ", 1)[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {names}{meant}{self.hint}")
        return args

    def _flags_first(self, arguments: Sequence[str]) -> list[str]:
        """Move flags before the positional arguments, because argparse does not find them there."""
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
