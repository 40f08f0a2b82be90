"""What commands print: results on standard output, complaints on standard error.

A result that cannot be written is an error of its own (OutputFailed), never silence and never "no
such option".  A complaint that cannot be written is lost: there is no place left to say so.
"""

from __future__ import annotations

import os
import sys

from ddbcfg_client.printable import printable, shown, without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from ddbcfg_client.errors import OutputFailed

__all__ = ["check_output", "complain", "counted", "emit", "emit_json", "emit_name", "flush"]
__all__ += ["say", "shown", "silence"]


def check_output() -> None:
    """Raise OutputFailed when there is no standard output: before anything is done in vain."""
    if sys.stdout is None:
        raise _failed("it is closed")


def emit(text: str) -> None:
    """Print a result as it is; raise OutputFailed or BrokenPipeError."""
    try:
        print(text)
    except UnicodeEncodeError:
        # Not which character: it can be part of a secret.
        reason = f"its encoding, {sys.stdout.encoding}, lacks a character of the text; "
        raise _failed(reason + "set PYTHONIOENCODING=utf-8 or a UTF-8 locale") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error.strerror or str(error)) from None


def emit_json(text: str) -> None:
    """Print JSON; what is not printable, or not in the output's encoding, is escaped in it.

    Outside of strings JSON is printable ASCII, so an escape is right wherever it is needed.
    """
    if not (text.replace("\n", "").isprintable() and _fits(text)):
        text = "".join(
            char if char == "\n" or (char.isprintable() and _fits(char)) else _escaped(char)
            for char in text
        )
    emit(text)


def emit_name(name: str) -> None:
    """Print a name on a line: as it is, or as a JSON string.

    As JSON when it is not printable, when the output's encoding lacks a character of it, and when
    it starts with a quotation mark: so a line that starts with one is JSON, and no other is.
    """
    if name.isprintable() and not name.startswith('"') and _fits(name):
        emit(name)
        return
    from ddbcfg_client.notation.writer import dumps

    emit_json(dumps(name, typed=False))


def flush() -> None:
    """Write what is still held back; raise OutputFailed or BrokenPipeError."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error.strerror or str(error)) from None


def say(text: str) -> None:
    """Print words for a person; what the terminal's encoding does not have is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    emit(text.encode(encoding, "backslashreplace").decode(encoding))


def complain(text: str) -> None:
    """Print one line on standard error."""
    if sys.stderr is None:  # print() would take standard output instead
        return
    try:
        print(f"ddbcfg-client: {printable(without_passwords(text))}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO | None) -> None:
    """Keep Python from failing once more when it flushes the stream at the end."""
    if stream is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def counted(number: int, noun: str) -> str:
    """Return how many of something, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _failed(reason: str) -> OutputFailed:
    from ddbcfg_client.errors import OutputFailed

    return OutputFailed(reason)


def _fits(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000  # RFC 8259, section 7: a surrogate pair
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
