"""A parser of arguments that takes each option with one value only once."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class OnceParser(argparse.ArgumentParser):
    """Refuse an option that takes one value and is repeated.

    argparse lets the last one win, so a script that appends its own ``--table`` to somebody else's
    would use another table than the one that is read first.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.register("action", None, _StoreOnce)
        self.register("action", "store", _StoreOnce)


class _StoreOnce(argparse.Action):
    """argparse's ``store``, once; for the options that are added after ``--help``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        # A new object even if it equals the default: it was made from an argument.
        if self.option_strings and getattr(namespace, self.dest) is not self.default:
            raise argparse.ArgumentError(self, "takes one value, and is there twice")
        setattr(namespace, self.dest, values)
