"""What does not fit in an option, without the value: path, expected and found type."""

from __future__ import annotations

from decimal import Decimal
from types import UnionType
from typing import get_origin

from ddbcfg_client.paths import path_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ABSENT = "nothing"


class Misfit(Exception):
    """A value does not fit; ``steps`` lead to it from the option."""

    def __init__(self, steps: Iterable[str | int], expected: str, found: str) -> None:
        super().__init__()
        self.steps = list(steps)
        self.expected = expected
        self.found = found

    def path(self, option: str) -> str:
        """Return the path to the value, such as ``db.port``."""
        return path_text(option, self.steps)


def kind_of(value: object) -> str:
    """Return the name of the value's type, for read-only values that of the plain type."""
    for plain in (dict, list, set):
        if isinstance(value, plain):
            return plain.__name__
    return "None" if value is None else type(value).__name__


def kind_at(option: Any, steps: Iterable[str | int]) -> str:
    """Return the name of the type of the value at ``steps``."""
    for step in steps:
        try:
            option = option[step]
        except (LookupError, TypeError):
            return ABSENT
    return kind_of(option)


def name_of(target: Any) -> str:
    """Return the name of a type or a function."""
    name = getattr(target, "__qualname__", None) or getattr(target, "__name__", None)
    if name is None:
        is_hint = get_origin(target) is not None or isinstance(target, UnionType)
        # Not the repr of another object: that of a partial() shows its arguments.
        name = f"{target!r}"[:80] if is_hint else type(target).__qualname__
    return str(name).removeprefix("typing.")


def is_named_tuple(target: Any) -> bool:
    """Return whether it is a class that NamedTuple or namedtuple() made."""
    return isinstance(target, type) and issubclass(target, tuple) and hasattr(target, "_fields")


def refused_by_own_code(error: Exception, option: object) -> Misfit:
    """Return the misfit of an option for which the program's own code raised ``error``."""
    return Misfit([], accepted_by_checks(error), kind_of(option))


def accepted_by_checks(error: BaseException) -> str:
    """Return what is expected where a check of the program's own raised ``error``."""
    # Only the class: its text, and what it was raised from, may have the value.
    return f"a value that its checks accept (one raised {type(error).__name__})"


def plain(value: Any, fractions: bool = False) -> Any:
    """Return plain dicts, lists and sets; an integral Decimal becomes an int.

    With ``fractions``, every other Decimal becomes a float.
    """
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return float(value) if fractions else value
    if isinstance(value, dict):
        return {key: plain(member, fractions) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member, fractions) for member in value]
    if isinstance(value, set):
        return {plain(member, fractions) for member in value}
    return value


def in_plain_containers(value: Any) -> Any:
    """Return plain dicts, lists and sets, which a validator may edit; the values are the same."""
    if isinstance(value, dict):
        return {key: in_plain_containers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [in_plain_containers(member) for member in value]
    return set(value) if isinstance(value, set) else value
