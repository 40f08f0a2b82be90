"""Texts that come from elsewhere, as a line of output or of a log can hold them.

Names in a table and on a host are anybody's: printed as they stand, they could end the line and
forge the next one, or send the terminal escape sequences.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def printable(text: str) -> str:
    """Return *text* with everything that is not printable escaped, so that it is one line."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def shown(name: str) -> str:
    """Return a name as it can stand among words: quoted when it is anything but a word."""
    return name if name.replace("-", "_").replace(".", "_").isidentifier() else repr(name)


def listed(names: Iterable[str], most: int = 8) -> str:
    """Return the first names in order, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - most
    text = ", ".join(map(shown, ordered[:most]))
    return f"{text} and {more} more" if more > 0 else text


def without_passwords(text: str) -> str:
    """Return *text* with user and password of every URL in it hidden.

    Up to the last ``@`` of a word, because a password can hold one.
    """
    if "@" not in text:
        return text
    return " ".join(map(_without_password, text.split(" ")))


def _without_password(word: str) -> str:
    scheme, slashes, rest = word.partition("//")
    _, at, host = rest.rpartition("@")
    return f"{scheme}//***@{host}" if slashes and at else word
