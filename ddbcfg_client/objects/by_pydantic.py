"""Conversion by pydantic: its models and dataclasses, and any type that a TypeAdapter takes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from ddbcfg_client.objects.misfits import (
    ABSENT,
    Misfit,
    in_plain_containers,
    kind_of,
    plain,
    refused_by_own_code,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ddbcfg_client.readonly import ReadOnlyDict

# pydantic's messages can contain the value, or a text that a validator made from it.  So the text
# is made from the error's type, and from limits that are part of the program's own type.
_NAMES = {
    "bool": "bool",
    "bytes": "bytes",
    "date": "date",
    "datetime": "datetime",
    "decimal": "Decimal",
    "dict": "dict",
    "float": "float",
    "frozen_set": "frozenset",
    "int": "int",
    "list": "list",
    "mapping": "a mapping",
    "set": "set",
    "string": "str",
    "time": "time",
    "time_delta": "timedelta",
    "tuple": "tuple",
    "url": "a URL",
    "uuid": "UUID",
}
_TYPE_ERROR = re.compile(r"(.+?)_(?:type|parsing|parsing_size|from_float|unicode)")
_LIMITS = {
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "model_type": "a value that {class_name} accepts",
    "dataclass_type": "a value that {class_name} accepts",
    "missing": "a value",
    "missing_argument": "a value",
    "extra_forbidden": "no such key",
    "unexpected_keyword_argument": "no such key",
    "is_instance_of": "{class}",
}

_MISSING = ("missing", "missing_argument")  # the second one of a NamedTuple

# For a field that a strict model refused, and again for what is only seen then.
_CORRECTIONS = 3


def converter_to(target: Any) -> Callable[[ReadOnlyDict], Any]:
    """Return a function that converts an option; it raises Misfit."""
    adapter = TypeAdapter(target)
    if not adapter.pydantic_complete:
        adapter.rebuild(raise_errors=True)  # here, so that no option is blamed for the type

    def convert(option: ReadOnlyDict) -> Any:
        try:
            return adapter.validate_python(option)
        except Exception:  # noqa: BLE001, S110 - the second attempt says what it is
            pass
        misfit: Misfit | None = None
        try:
            return _with_exact_numbers(adapter, option)
        except ValidationError as error:
            misfit = _first(error, option)
        except Exception:  # noqa: BLE001, S110 - of a validator; the next attempt says what it is
            pass
        # A validator may want int or float in place of a Decimal.
        try:
            return adapter.validate_python(plain(option, fractions=True))
        except ValidationError as error:
            misfit = misfit or _first(error, option)
        except Exception as error:  # noqa: BLE001 - of a validator
            misfit = misfit or refused_by_own_code(error, option)
        raise misfit

    return convert


def _with_exact_numbers(adapter: TypeAdapter[Any], option: ReadOnlyDict) -> Any:
    """Validate plain containers, which a strict model wants and which a validator may edit.

    A strict model also takes only the very type of number, so those that it refuses are converted.
    """
    content = in_plain_containers(option)
    for _ in range(_CORRECTIONS):
        try:
            return adapter.validate_python(in_plain_containers(content))
        except ValidationError as error:
            corrected = [_corrected(content, each) for each in error.errors(include_url=False)]
            if not any(corrected):
                raise
    return adapter.validate_python(content)


def _corrected(content: Any, error: Any) -> bool:
    """Convert the number that a strict type refused; return whether there is one."""
    value, steps = error["input"], _steps(error["loc"], content, error["type"])
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not steps:
        return False
    number: int | float | Decimal
    if error["type"] == "int_type" and value == int(value):
        number = int(value)
    elif error["type"] == "float_type":
        number = float(value)
    elif error["type"] == "is_instance_of" and error.get("ctx", {}).get("class") == "Decimal":
        number = Decimal(str(value))
    else:
        return False
    for step in steps[:-1]:
        content = content[step]
    if isinstance(content[steps[-1]], set):
        content[steps[-1]].discard(value)
        content[steps[-1]].add(number)
    else:
        content[steps[-1]] = number
    return True


def _first(error: ValidationError, option: Mapping[str, Any]) -> Misfit:
    found = error.errors(include_url=False)[0]
    steps = _steps(found["loc"], option, found["type"])
    kind = ABSENT if found["type"] in _MISSING else kind_of(found["input"])
    return Misfit(steps, expected(found["type"], found.get("ctx", {})), kind)


def _steps(loc: tuple[Any, ...], option: Any, error: str) -> list[str | int]:
    """Return those parts of ``loc`` that lead into the option; others name members of a union."""
    steps: list[str | int] = []
    for part in loc:
        is_absent = error in _MISSING and part is loc[-1]
        if not is_absent:
            if not isinstance(option, dict | list):
                break
            try:
                option = option[part]
            except (LookupError, TypeError):
                continue
        steps.append(part)
    return steps


def expected(error: str, context: Mapping[str, Any]) -> str:
    """Return what an error's type and context say would fit; neither has the value."""
    limit = _LIMITS.get(error)
    if limit is not None:
        try:
            return limit.format_map(context)
        except KeyError:  # another release of pydantic
            return error.replace("_", " ")
    match = _TYPE_ERROR.fullmatch(error)
    if match and match[1] in _NAMES:
        return _NAMES[match[1]]
    if error in ("value_error", "assertion_error"):
        return "a value that its validator accepts"
    return error.replace("_", " ") if error.isidentifier() else "a valid value"
