"""A row of the table of settings.

The table is written as the fields of two frozen dataclasses (``values``).  Flags, variables, the
README's table and ``systemd/daemon.env.example`` are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

#: Makes a value of a text; raises ValueError, which says what is wrong.
Kind = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; ``name`` is that of its field.

    ``help`` is one phrase for ``--help``; ``more`` is whole sentences, for the documents.
    ``default`` is a text like one that an operator writes; where there is none, ``default_is`` says
    in words what holds.  ``fallback`` is a variable of somebody else's that is read after its own.
    ``switch`` marks a flag without a value, ``listed`` one whose texts list several values,
    ``required`` one that a service cannot do without, ``by_hand`` one that it has no use for.
    """

    section: str
    kind: Kind
    help: str
    more: str = ""
    metavar: str = ""
    default: str = ""
    default_is: str = ""
    fallback: str = ""
    switch: bool = False
    listed: bool = False
    required: bool = False
    by_hand: bool = False
    name: str = ""

    @property
    def flag(self) -> str:
        """The setting's flag."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The setting's environment variable."""
        return f"DDBCFG_{self.name.upper()}"


def setting(section: str, kind: Kind, help: str, *, unset: object = None, **more: Any) -> Any:  # noqa: A002
    """Return the field of a dataclass whose row this is.

    *unset* is its value if it is not set and has no default; the rest is Row's.
    """
    row = Row(section, kind, help, **more)
    default = kind(row.default) if row.default else unset
    return field(default=default, metadata={"row": row})


def rows_of(settings: type) -> Iterator[Row]:
    """Yield the rows that are the fields of *settings*, in their order."""
    for each in fields(settings):
        if (row := each.metadata.get("row")) is not None:
            yield replace(row, name=each.name)
