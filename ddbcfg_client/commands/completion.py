"""``ddbcfg-client completion``: a script that completes commands, flags, options and keys.

The script is generated once, so that nothing is added to the start of the other commands.  It calls
``ddbcfg-client list`` for the names in shared memory, and ``generations`` for what can be pinned.
"""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import emit
from ddbcfg_client.commands.parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

# Names of more than plain characters are left out: the shell would need them quoted.
_FUNCTIONS = """\
_ddbcfg_flags() {
  local i
  flags=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${COMP_WORDS[i]}" in
      --table|--store|--namespace|--owner)
        flags+=("${COMP_WORDS[i]}" "${COMP_WORDS[i+1]}") ;;
    esac
  done
}
_ddbcfg_names() {
  local -a flags
  _ddbcfg_flags
  compgen -W "$("${COMP_WORDS[0]}" list "${flags[@]}" "${@:2}" 2>/dev/null |
    grep -E '^[A-Za-z0-9_.@%+:/-]+$')" -- "$1"
}
_ddbcfg_kept() {
  local -a flags
  _ddbcfg_flags
  compgen -W "$("${COMP_WORDS[0]}" generations "${flags[@]}" --json --timeout 2 2>/dev/null |
    sed -nE 's/.*"'"$2"'": ([0-9]+).*/\\1/p')" -- "$1"
}
_ddbcfg_generations() { _ddbcfg_kept "$1" generation; }
_ddbcfg_revisions() { _ddbcfg_kept "$1" revision; }
_ddbcfg_options() { _ddbcfg_names "$1"; }
_ddbcfg_keys() { _ddbcfg_names "$1" -- "${COMP_WORDS[COMP_CWORD-1]}"; }
"""


_OFFERED = {
    "option": {"bash": "_ddbcfg_options"},
    "json_option": {"bash": "_ddbcfg_options"},
    "key": {"bash": "_ddbcfg_keys"},
    "pin generation": {"bash": "_ddbcfg_generations"},
    "pin revision": {"bash": "_ddbcfg_revisions"},
}


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash",), metavar="SHELL", help="bash")


def _run(args: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError:
        from ddbcfg_client.errors import MissingExtra

        raise MissingExtra("shtab", "completion") from None
    emit(shtab.complete(whole_parser(), "bash", preamble=_FUNCTIONS))
    return FOUND


def whole_parser() -> Parser:
    """Return a parser of all commands, whose arguments say how to complete them."""
    from ddbcfg_client.commands.registry import COMMANDS, load

    root = Parser(prog="ddbcfg-client")
    commands = root.add_subparsers()
    groups = {"": commands}
    for name in COMMANDS:
        command = load(name)
        group, _, word = name.rpartition(" ")
        if group not in groups:
            groups[group] = commands.add_parser(group, help=f"{group} …").add_subparsers()
        parser = groups[group].add_parser(word, help=command.summary)
        command.add_arguments(parser)
        for action in parser._actions:
            _complete(action, name)
    return root


def _complete(action: argparse.Action, command: str) -> None:
    """Say what shtab offers for an argument of ``command``."""
    from shtab import FILE

    found: object = _OFFERED.get(f"{command} {action.dest}", _OFFERED.get(action.dest))
    if action.dest in ("file", "schema"):
        found = FILE
    if found is not None:
        action.complete = found  # type: ignore[attr-defined]
    if action.nargs == "?" and not action.option_strings:
        # Otherwise shtab would offer options where a key is expected.
        action.nargs = None


COMMAND = Command(
    "completion", "print a script that completes commands for a shell", _run, _add_arguments
)
