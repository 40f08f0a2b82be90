"""Printing: results to standard output, errors to standard error.

If a result cannot be written, OutputFailed is raised, with its own exit code.  An error message
that cannot be written is lost, because there is no other place for it.
"""

from __future__ import annotations

import os
import sys

from ddbcfg_client.printable import counted, printable, shown, without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from ddbcfg_client.errors import OutputFailed

__all__ = ["check_output", "complain", "counted", "emit", "emit_json", "emit_name", "flush"]
__all__ += ["say", "shown", "silence"]


def check_output() -> None:
    """Raise OutputFailed if standard output is closed; called before any work is done."""
    if sys.stdout is None:
        raise _failed("it is closed")


def emit(text: str) -> None:
    """Print a result unchanged; raise OutputFailed or BrokenPipeError."""
    try:
        print(text)
    except UnicodeEncodeError:
        # The character is not shown, because it can be part of a secret.
        reason = f"its encoding, {sys.stdout.encoding}, lacks a character of the text; "
        raise _failed(reason + "set PYTHONIOENCODING=utf-8 or a UTF-8 locale") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error.strerror or str(error)) from None


def emit_json(text: str) -> None:
    """Print JSON; escape characters that are not printable or not in the output's encoding.

    Outside of strings, JSON is printable ASCII, so escapes occur only inside strings.
    """
    if not (text.replace("\n", "").isprintable() and _fits(text)):
        text = "".join(
            char if char == "\n" or (char.isprintable() and _fits(char)) else _escaped(char)
            for char in text
        )
    emit(text)


def emit_name(name: str) -> None:
    """Print a name on a line, unchanged or as a JSON string.

    It is JSON if the name is not printable, if the output's encoding lacks one of its characters,
    or if it starts with a quotation mark.  So a line is JSON if and only if it starts with one.
    """
    if name.isprintable() and not name.startswith('"') and _fits(name):
        emit(name)
        return
    from ddbcfg_client.notation.writer import dumps

    emit_json(dumps(name, typed=False))


def flush() -> None:
    """Write buffered output; raise OutputFailed or BrokenPipeError."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error.strerror or str(error)) from None


def say(text: str) -> None:
    """Print text for a person; escape characters that the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    emit(text.encode(encoding, "backslashreplace").decode(encoding))


def complain(text: str) -> None:
    """Print one line on standard error."""
    if sys.stderr is None:  # print() would use standard output instead
        return
    line = f"ddbcfg-client: {printable(without_passwords(text))}"
    if "JOURNAL_STREAM" in os.environ:  # else nothing more is imported
        line = _for_journal(line)
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def _for_journal(line: str) -> str:
    """Return the line with the priority of a warning if standard error is systemd's journal."""
    import logging

    from ddbcfg_client.journal import is_journal, with_priority

    try:
        fd = sys.stderr.fileno()
    except (OSError, ValueError):
        return line
    return with_priority(line, logging.WARNING) if is_journal(fd) else line


def silence(stream: TextIO | None) -> None:
    """Prevent a second error when Python flushes the stream at exit."""
    if stream is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


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
