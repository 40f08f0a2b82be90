"""The confirmation before a change that removes something."""

from __future__ import annotations

import sys

from ddbcfg_client.commands.output import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def confirmed(args: argparse.Namespace, what: str) -> bool:
    """Ask whether to do ``what``, a verb and its object, and return whether the user agreed.

    With ``--yes``, do not ask.  Without a terminal, exit with a usage error.
    """
    if args.yes:
        return True
    from_input = getattr(args, "file", None) == "-"
    if from_input or sys.stdin is None or not sys.stdin.isatty():
        verb, _, object_ = what.partition(" ")
        args.fail(f"this {verb}s {object_} and there is no terminal to ask on: add --yes")
    flush()
    print(f"{what[0].upper()}{what[1:]}? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except UnicodeDecodeError:  # whatever key that was
        return False
    return answer.strip().lower() in ("y", "yes")
