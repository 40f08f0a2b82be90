"""The names of layers: variables in them, and distinct names for layers of one name."""

from __future__ import annotations

import re
from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIABLE = re.compile(r"\{([^{}]*)\}")
# Added to a name as long as another layer has the same name.
_DETAILS = (
    ("{1}/{0}", "table"),
    ("{0} in {1}", "region"),
    ("{0} at {1}", "endpoint_url"),
    ("{0} as {1}", "role_arn"),
    ("{0} of profile {1}", "profile"),
)
#: The settings that can distinguish layers of one name.
TELLING = tuple(setting for _, setting in _DETAILS)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return the name with the values of its variables; an empty value counts as none.

    Raise ValueError, which names the layer and what is wrong with it.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in variables:
            known = ", ".join(f"{{{each}}}" for each in variables)
            raise ValueError(
                f"layer {text!r} has the unknown variable {{{name}}}; known are {known}, and "
                "environment variables that layer_variables lists"
            )
        if not variables[name]:
            raise ValueError(f"layer {text!r} has the variable {{{name}}}, which has no value")
        if set("{}") & set(variables[name]):
            # Expanded again, it could lead back to itself.
            raise ValueError(
                f"layer {text!r}: the value of {{{name}}} has a variable itself, which is not "
                "possible"
            )
        return variables[name]

    name = _VARIABLE.sub(value, text)
    if set("{}") & set(_VARIABLE.sub("", text)):
        raise ValueError(f"layer {text!r} has a '{{' or '}}' that belongs to no variable")
    if not name:
        raise ValueError("a layer has no name")
    return name


def distinct_names(names: Sequence[str], details: Sequence[Mapping[str, str | None]]) -> list[str]:
    """Return the names, with table, region and so on in those that would be the same.

    ``details`` has the settings in ``TELLING`` of each layer, by their names.
    """
    found = list(names)
    for form, setting in _DETAILS:
        counts = Counter(found)
        found = [
            form.format(name, its[setting]) if its[setting] and counts[name] > 1 else name
            for name, its in zip(found, details, strict=True)
        ]
    return found
