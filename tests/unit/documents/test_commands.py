"""The commands that README.md and docs/ show have the names and flags of today."""

from __future__ import annotations

import argparse
import re
from collections.abc import Container, Iterable
from functools import cache

import pytest

from ddbcfg_client.commands.registry import COMMANDS, GROUPS, load
from ddbcfg_daemon.installing.command import parser_of
from ddbcfg_daemon.settings.parsing import daemon_parser
from support.daemon import ROOT
from support.documents import PATHS, PROGRAMS, blocks, words

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
#: What a summary of a command has, and a command that can be entered has not.
_SUMMARY = re.compile(r"\[|\.\.\.|…|, ")


def shown() -> list[str]:
    """Return each command of ours, in blocks and in sentences."""
    found = [part for block in blocks() for line in block.commands for part in line.split(" && ")]
    for path in PATHS:
        text = re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        found += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text)]
    return sorted({command for command in found if len(words(command)) > 1})


def test_there_are_some_of_each() -> None:
    assert {words(command)[0] for command in shown()} == set(PROGRAMS)
    assert len(shown()) > 80


def test_each_command_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert {command: why for command in shown() if (why := fault(command))} == {}


@pytest.mark.parametrize(
    "command",
    [
        "make nope",
        "ddbcfg-daemon --nope 1",
        "ddbcfg-daemon install-units --nope",
        "ddbcfg-client nope",
        "ddbcfg-client get --nope",
        "ddbcfg-client get [OPTION] [--nope]",
        "ddbcfg-client revision repair nope",
        "ddbcfg-client history, nope",
    ],
)
def test_what_is_not_there_is_found(command: str) -> None:
    assert fault(command)


def fault(command: str) -> str:
    """Return what is wrong with a command, if something is."""
    program, *arguments = words(command)
    if program == "make":
        targets = {word for word in arguments if "=" not in word and word.isascii()}
        return unknown(targets, TARGETS)
    if program == "ddbcfg-daemon":
        parser = daemon_parser()
        if arguments[0] in ("install-units", "uninstall-units"):
            parser = parser_of(arguments.pop(0))
        return unknown(flags_of(" ".join(arguments)), parser._option_string_actions)
    return fault_of_client(arguments, summary=bool(_SUMMARY.search(command)))


def fault_of_client(arguments: list[str], *, summary: bool) -> str:
    if "," in arguments[0]:
        return unknown({word.rstrip(",") for word in arguments}, {*COMMANDS, *GROUPS})
    length = 2 if arguments[0] in GROUPS and len(arguments) > 1 else 1
    name = " ".join(arguments[:length])
    if name in GROUPS or name in ("--version", "--help"):
        return ""
    if name not in COMMANDS:
        return f"there is no {name}"
    parser, rest = parser_for(name), arguments[length:]
    if not summary:
        try:
            parser.parse_args(rest)
        except SystemExit:
            # A sentence can name a command and a flag, and leave the rest out.
            if rest and not flags_of(" ".join(rest)):
                return "it is a usage error"
    return unknown(flags_of(" ".join(rest).partition(" -- ")[0]), parser._option_string_actions)


def unknown(names: Iterable[str], known: Container[str]) -> str:
    return ", ".join(f"there is no {name}" for name in names if name not in known)


def flags_of(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)


@cache
def parser_for(name: str) -> argparse.ArgumentParser:
    return load(name).parser()
