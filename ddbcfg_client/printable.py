"""Escaping of text from outside for one line of output or of a log.

Anyone may choose names in a table and on a host.  Printed unchanged, a name could end the line and
forge the next one, or send escape sequences to the terminal.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def printable(text: str) -> str:
    """Return ``text`` with everything that is not printable escaped, so that it is one line."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if necessary."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown(name: str) -> str:
    """Return a name for use in a sentence: quoted unless it is a single plain word."""
    return name if name.replace("-", "_").replace(".", "_").isidentifier() else repr(name)


def listed(names: Iterable[str], most: int = 8) -> str:
    """Return the first names in order, followed by the number of the others."""
    ordered = sorted(names)
    more = len(ordered) - most
    text = ", ".join(map(shown, ordered[:most]))
    return f"{text} and {more} more" if more > 0 else text


def without_passwords(text: str) -> str:
    """Return ``text`` with the user and password of every URL in it hidden.

    Everything up to the last ``@`` of a word is hidden, because a password can contain one.
    """
    if "@" not in text:
        return text
    return " ".join(map(_without_password, text.split(" ")))


def _without_password(word: str) -> str:
    scheme, slashes, rest = word.partition("//")
    _, at, host = rest.rpartition("@")
    return f"{scheme}//***@{host}" if slashes and at else word
