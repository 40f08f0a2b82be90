"""A row of the table of settings.

The rows are the fields of two frozen dataclasses (module ``values``).  Flags, variables, the
tables of docs/settings.md and ``systemd/daemon.env.example`` are generated from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

#: Converts a text to a value; raises ValueError, which says what is wrong.
Kind = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; ``name`` is the name of its field.

    ``help`` is one phrase for ``--help``; ``more`` is whole sentences, for the documents.
    ``default`` is a text as an operator would write it; without it, ``default_is`` describes the
    default in words.  ``fallback`` is a variable of another program, used if its own is not
    set.  ``switch`` marks a flag without a value, ``listed`` one that can list several values,
    ``required`` one that a service needs, ``by_hand`` one that a service does not use,
    ``not_in_file`` another one that the file of settings cannot have.
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
    not_in_file: bool = False
    name: str = ""

    @property
    def flag(self) -> str:
        """The setting's flag."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def in_file(self) -> bool:
        """Whether the file of settings can have it, under its name."""
        return not (self.by_hand or self.not_in_file)

    @property
    def variable(self) -> str:
        """The setting's environment variable."""
        return f"DDBCFG_{self.name.upper()}"


def setting(section: str, kind: Kind, help: str, *, unset: object = None, **more: Any) -> Any:  # noqa: A002
    """Return a dataclass field with a row.

    ``unset`` is the value if the setting is not set and has no default; the other arguments are
    those of Row.
    """
    row = Row(section, kind, help, **more)
    default = kind(row.default) if row.default else unset
    return field(default=default, metadata={"row": row})


def rows_of(settings: type) -> Iterator[Row]:
    """Yield the rows of the fields of ``settings``, in their order."""
    for each in fields(settings):
        if (row := each.metadata.get("row")) is not None:
            yield replace(row, name=each.name)
