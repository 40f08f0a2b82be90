"""Writing values as JSON: in the notation, or as plain JSON for display.

Each function imports what it needs, because the start of the command line must take milliseconds.
"""

from __future__ import annotations

# RFC 8259, section 7: the characters that must be escaped in a string, in their shortest form.
_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)}
_ESCAPES |= {
    ord(char): f"\\{short}" for char, short in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True)
}


def dumps(value: object, *, typed: bool, indent: int | None = None) -> str:
    """Return ``value`` as JSON: in the notation, or as plain JSON for display.

    If ``typed``, the notation's reader returns an equal value.  Otherwise a set becomes a sorted
    array, and binary a base64 string.  ``indent`` works as in ``json.dumps``.  Numbers are int or
    Decimal.

    Raise TypeError for a type that DynamoDB does not have, such as float and tuple, and ValueError
    for a number that is not finite.
    """
    return _Writer(typed, indent).write(value, "\n")


class _Writer:
    """Converts values to JSON; a ``margin`` is a line break and the indentation after it."""

    __slots__ = ("breaks", "step", "typed")

    def __init__(self, typed: bool, indent: int | None) -> None:
        self.typed = typed
        self.breaks = indent is not None
        self.step = " " * (indent or 0)

    def write(self, value: object, margin: str) -> str:
        """Return ``value`` as JSON; its last line has this margin."""
        from decimal import Decimal

        from ddbcfg_client.format.numbers import number_text

        inner = margin + self.step
        if isinstance(value, str):
            return _quoted(value)
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, (int, Decimal)):
            return number_text(Decimal(value))
        if isinstance(value, bytes):
            from binascii import b2a_base64

            text = b2a_base64(value, newline=False).decode()
            return self.marked("$binary", f'"{text}"')
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise TypeError("the keys of a map must be strings")
            parts = [f"{_quoted(key)}: {self.write(value[key], inner)}" for key in value]
            text = self.join("{", parts, "}", margin)
            return self.marked("$map", text) if any(key[:1] == "$" for key in value) else text
        if isinstance(value, (set, frozenset)):
            return self.marked("$set", self.write(sorted(value), margin))
        if isinstance(value, list):
            return self.join("[", [self.write(item, inner) for item in value], "]", margin)
        raise TypeError(f"DynamoDB has no type for {type(value).__name__}")

    def marked(self, marker: str, text: str) -> str:
        """Return ``text`` with the notation's ``marker``; unchanged in plain JSON."""
        return f'{{"{marker}": {text}}}' if self.typed else text

    def join(self, start: str, parts: list[str], end: str, margin: str) -> str:
        """Return the parts in brackets, on one line or one part a line."""
        if not parts or not self.breaks:
            return start + ", ".join(parts) + end
        inner = margin + self.step
        return start + inner + ("," + inner).join(parts) + margin + end


def _quoted(text: str) -> str:
    """Return ``text`` as JSON, without the json package, whose import would slow ``get`` down."""
    return f'"{text.translate(_ESCAPES)}"'
