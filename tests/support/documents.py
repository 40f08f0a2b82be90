"""The blocks of code in README.md and docs/, fenced or indented, and the commands in them."""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass

from support.daemon import ROOT

PATHS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
#: After an empty line, so that neither the next lines of a list nor a fenced block are found.
_INDENTED = re.compile(r"(?<=\n\n)((?: {4,}.*\n)(?:(?: {4,}.*)?\n)*)")
#: The programs whose commands a test checks.
PROGRAMS = ("ddbcfg-client", "ddbcfg-daemon", "make")
_ITEM = re.compile(r" *(?:[-*]|\d+\.) ")


@dataclass(frozen=True)
class Block:
    """A block: the document, the language of its fence ("" if it is indented), and its text."""

    document: str
    language: str
    text: str

    @property
    def name(self) -> str:
        """Return the document and the first line, which stay when lines before it change."""
        return f"{self.document}: {self.text.splitlines()[0][:60].rstrip()}"

    @property
    def commands(self) -> list[str]:
        """Return its commands as they are entered, without prompt, comment and output."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        return [re.sub(r" {2,}# .*$", "", line).strip() for line in lines if line.strip()]


def blocks(document: str = "") -> list[Block]:
    """Return the blocks of a document, by default of all."""
    return [
        block
        for path in PATHS
        if str(path.relative_to(ROOT)).endswith(document)
        for block in _blocks_in(str(path.relative_to(ROOT)), path.read_text())
    ]


def block(document: str, first: str) -> Block:
    """Return the one block of a document whose first line starts with ``first``."""
    [found] = [each for each in blocks(document) if each.text.startswith(first)]
    return found


def words(command: str) -> list[str]:
    """Return the words of a command of one of PROGRAMS; none if it is something else."""
    # Three spaces: what a line of a summary says of its command.  And no redirection.
    command = re.sub(r" {3,}.*| >\S+$", "", command)
    try:
        found = shlex.split(command.replace("...", ""))
    except ValueError:
        return []
    while found and (found[0] == "sudo" or re.match(r"[A-Z_]+=", found[0])):
        del found[: 3 if found[1:2] == ["-u"] else 1]
    found[:1] = [word.rpartition("/")[2] for word in found[:1]]
    return found if found and found[0] in PROGRAMS else []


def _blocks_in(document: str, text: str) -> list[Block]:
    found = [
        (match.start(), Block(document, match[2], textwrap.dedent(match[3])))
        for match in _FENCED.finditer(text)
    ]
    # Fenced blocks become text that is not indented: no indented block is found in them.
    rest = _FENCED.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
    found += [
        (match.start(), Block(document, "", textwrap.dedent(match[1]).strip("\n") + "\n"))
        for match in _INDENTED.finditer(rest)
        if not _ITEM.match(match[1])
    ]
    return [block for _, block in sorted(found, key=lambda each: each[0])]
