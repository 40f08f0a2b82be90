"""Conversion by msgspec: its Structs, and any type that ``msgspec.convert`` takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import ValidationError, msgpack
from msgspec import convert as by_msgspec

from ddbcfg_client.objects.misfits import ABSENT, Misfit, kind_at, plain, refused_by_own_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddbcfg_client.readonly import ReadOnlyDict

# The texts that name types only.  Others can contain the value.
_LIMIT = r"[<>]=? \S+|of length [<>=]* ?\d+|matching regex '.*'|that's a multiple of \S+"
_TYPES = re.compile(rf"Expected `([^`]+)`(?:, got `\w+`|( (?:{_LIMIT})))?")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")
_PLACE = re.compile(r"(?s)(.*?)(?: - at (?:`(?:key|value)` in )?`(\$.*)`)?")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def converter_to(target: Any) -> Callable[[ReadOnlyDict], Any]:
    """Return a function that converts an option; it raises Misfit."""
    msgpack.Decoder(target)  # raises here for a type that msgspec does not take

    def convert(option: ReadOnlyDict) -> Any:
        content = plain(option)  # msgspec takes no Decimal for an int
        try:
            return by_msgspec(content, type=target)
        except ValidationError as error:
            misfit = _of(error, content)
        except Exception as error:  # noqa: BLE001 - of a __post_init__
            misfit = refused_by_own_code(error, content)
        raise misfit

    return convert


def _of(error: ValidationError, option: Any) -> Misfit:
    match = _PLACE.fullmatch(str(error))
    text, place = match.groups() if match else ("", None)
    steps = _steps(place or "$", option)
    if error.__cause__ is not None:  # the program's own code refused it, and chose the text
        return Misfit(steps, "a value that its own check accepts", kind_at(option, steps))
    if found := _MISSING.fullmatch(text):
        return Misfit([*steps, found[1]], "a value", ABSENT)
    if found := _UNKNOWN.fullmatch(text):
        return Misfit([*steps, found[1]], "no such key", kind_at(option, [*steps, found[1]]))
    if found := _TYPES.fullmatch(text):
        expected = found[1].replace("object", "dict").replace("array", "list")
        return Misfit(steps, expected + (found[2] or ""), kind_at(option, steps))
    return Misfit(steps, "a valid value", kind_at(option, steps))


def _steps(place: str, option: Any) -> list[str | int]:
    """Return the steps of msgspec's path, as far as they are in the option."""
    steps: list[str | int] = []
    for found in _STEP.finditer(place):
        step: str | int = found[1] if found[1] is not None else int(found[2])
        try:
            option = option[step]
        except (LookupError, TypeError):
            break  # a key with a dot, or a dict whose keys msgspec does not name
        steps.append(step)
    return steps
