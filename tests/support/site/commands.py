"""The reference of commands, made from the parsers of ``ddbcfg-client`` and ``ddbcfg-daemon``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from ddbcfg_client.commands.exits import MEANINGS
from ddbcfg_client.commands.registry import COMMANDS, load
from ddbcfg_daemon.installing.command import parser_of
from ddbcfg_daemon.settings.parsing import daemon_parser

INSTALLING = ("install-units", "uninstall-units")


def client_page() -> Iterator[str]:
    """Yield the lines of the page of ``ddbcfg-client``."""
    yield "# ddbcfg-client\n"
    yield "Made from the parsers of the commands. [On the command line](../command-line.md) says"
    yield "how they work together.\n"
    yield "| command | |\n|---|---|"
    for name in COMMANDS:
        yield f"| [`{name}`](#{name.replace(' ', '-')}) | {escaped(load(name).summary)} |"
    yield ""
    for name in COMMANDS:
        yield from section(name, load(name).parser())
    yield "## Exit codes\n\n| code | |\n|---|---|"
    yield from (f"| {code} | {escaped(meaning)} |" for code, meaning in MEANINGS.items())


def daemon_page() -> Iterator[str]:
    """Yield the lines of the page of ``ddbcfg-daemon``."""
    yield "# ddbcfg-daemon\n"
    yield "Made from the parser of the daemon. The [settings](../settings.md) have a variable and a"
    yield "key for each flag.\n"
    yield from section("ddbcfg-daemon", daemon_parser())
    for name in INSTALLING:
        yield from section(name, parser_of(name))


def section(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the section of one parser: its usage, its arguments, its notes."""
    yield f"## {name}\n"
    description, _, more = (parser.description or "").partition("\n")
    yield f"{sentence(description)}\n"
    if more.strip():
        yield from ("```text", more.strip("\n"), "```\n")
    yield from ("```text", parser.format_usage().removeprefix("usage: ").rstrip(), "```\n")
    for group in parser._action_groups:  # argparse has no public list of them
        yield from arguments(group._group_actions)
    if parser.epilog:
        yield from ("```text", parser.epilog.strip("\n"), "```\n")


def arguments(actions: Sequence[argparse.Action]) -> Iterator[str]:
    """Yield the table of a group of arguments, if it has any."""
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    if not shown:
        return
    yield "| argument | |\n|---|---|"
    for action in shown:
        yield f"| {code_of(action)} | {escaped(help_of(action))} |"
    yield ""


def code_of(action: argparse.Action) -> str:
    """Return the argument as it is entered, as code."""
    shown = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    metavar = shown if isinstance(shown, str) else " ".join(shown)
    if not action.option_strings:
        return f"`{metavar}`".replace("|", "\\|")
    value = "" if action.nargs == 0 else f" {metavar}"
    return ", ".join(f"`{flag}{value}`" for flag in action.option_strings).replace("|", "\\|")


def help_of(action: argparse.Action) -> str:
    """Return the help of an argument, with the values that it names."""
    if action.help is None:
        return ""
    named = {key: value for key, value in vars(action).items() if value is not argparse.SUPPRESS}
    return action.help % {"prog": "", **named}


def escaped(text: str) -> str:
    """Return text that a cell of a table shows as it is."""
    text = " ".join(text.split())
    for character in "\\|<*_[`":
        text = text.replace(character, f"\\{character}" if character != "<" else "&lt;")
    return text


def sentence(text: str) -> str:
    """Return a phrase of the help as a sentence."""
    text = escaped(text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", ":")) else f"{text}."
