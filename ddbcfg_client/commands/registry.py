"""The list of commands, in the order of the help.

A new command is a module beside this one, its tests, a few lines in
docs/command-line.md, and a line here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.commands.command import Command

#: Each command's module.
COMMANDS = {
    "get": "get",
    "list": "list",
    "status": "status",
    "explain": "explain",
    "wait": "wait",
    "watch": "watch",
    "reload": "reload",
    "pin": "pin",
    "unpin": "unpin",
    "generations": "generations",
    "exec": "exec_",
    "remove": "remove",
    "set": "set",
    "delete": "delete",
    "create-table": "create_table",
    "export": "export",
    "import": "import_",
    "check": "check",
    "history": "history",
    "diff": "diff",
    "rollback": "rollback",
    "completion": "completion",
    "revision enable": "revision.enable",
    "revision disable": "revision.disable",
    "revision status": "revision.status",
    "revision repair": "revision.repair",
    "revision sync": "revision.sync",
    "revision watch": "revision.watch",
}
#: The first words of commands that have two.
GROUPS = frozenset(name.partition(" ")[0] for name in COMMANDS if " " in name)


def load(name: str) -> Command:
    """Import the module of the command ``name`` and return the command."""
    # Not importlib, because importing it takes another quarter of a millisecond.
    module = __import__(f"ddbcfg_client.commands.{COMMANDS[name]}", fromlist=["COMMAND"])
    command: Command = module.COMMAND
    return command
