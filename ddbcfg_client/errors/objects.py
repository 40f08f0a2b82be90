"""Errors of numbers and of objects that are made from options."""

from __future__ import annotations

from ddbcfg_client.errors.reading import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class NumbersRefused(ConfigError, ValueError):
    """The argument ``numbers`` is not one of the two kinds of numbers; ``value`` is its repr."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return f"numbers must be 'decimal' or 'native', not {self.value}"


class DefaultsRefused(ConfigError, TypeError):
    """The argument ``defaults`` is not a dict of options, each a dict of keys."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"defaults: {self.reason}"


class NumberInexact(ConfigError, ValueError):
    """A number, or a set of numbers, has no native equivalent; ``path`` says which."""

    def __init__(self, store: str, option: str, path: str, reason: str) -> None:
        super().__init__(store, option, path, reason)
        self.store = store
        self.option = option
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"option {self.option!r} of store {self.store!r} has no exact native numbers: "
            f"{self.path} {self.reason}; connect with numbers='decimal' to read it"
        )


class ArgumentsRefused(ConfigError, TypeError):
    """``method`` was called with arguments that it does not accept."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.method}() {self.reason}"


class BindRecursion(ConfigError, RecursionError):
    """The function that makes a bound object calls the object's own handle."""

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self.handle = handle

    def __str__(self) -> str:
        return (
            f"{self.handle} was called while it makes its first object: "
            "make() must use its arguments instead"
        )


class OptionInvalid(ConfigError, ValueError):
    """An option does not fit the type that it is read as; ``target`` is the type's name.

    ``path`` leads to the value that does not fit, ``expected`` and ``found`` describe its type.
    """

    def __init__(
        self, store: str, option: str, target: str, path: str, expected: str, found: str
    ) -> None:
        super().__init__(store, option, target, path, expected, found)
        self.store = store
        self.option = option
        self.target = target
        self.path = path
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"option {self.option!r} of store {self.store!r} does not fit {self.target}: "
            f"{self.path}: expected {self.expected}, found {self.found}; "
            "correct the option in the table, or the type in the program"
        )


class SettingsInvalid(ConfigError, ValueError):
    """The values for a settings class are invalid; ``settings`` is the class's name.

    ``problems`` has a path and what is wrong there for each.
    """

    def __init__(self, settings: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(settings, problems)
        self.settings = settings
        self.problems = problems

    def __str__(self) -> str:
        problems = "; ".join(f"{path} {what}" for path, what in self.problems)
        return (
            f"the values for {self.settings} are invalid: {problems}; "
            "correct them in the table, or the fields in the program"
        )
