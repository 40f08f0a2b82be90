"""The rules of a flag: equality, and ``gt`` for numbers.  A program can have its own instead."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING

from ddbcfg_client.integrations.openfeature.values import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from openfeature.evaluation_context import EvaluationContext

    #: Returns the name of a variant, or None; gets what the flag has as ``targeting``.
    Targeting: TypeAlias = Callable[[Any, EvaluationContext], str | None]


class Malformed(Exception):
    """An option is not a flag; the text says why, without a value."""


class Rule:
    """A variant, and the conditions that the context has to meet, all of them."""

    __slots__ = ("_conditions", "variant")

    def __init__(self, conditions: Mapping[str, Any], variant: str) -> None:
        self._conditions = [*conditions.items()]
        self.variant = variant

    def matches(self, context: EvaluationContext) -> bool:
        """Return whether ``context`` meets all conditions."""
        for name, wanted in self._conditions:
            if name == "targeting_key":
                found: object = context.targeting_key
            else:
                found = context.attributes.get(name)
            # Most conditions are strings; a call for each would be most of the time.
            if found != wanted if type(wanted) is str else not _is_met(wanted, found):
                return False
        return True


def parsed(rules: object, known: Callable[[object, str], str]) -> list[Rule]:
    """Return the rules of a flag; raise Malformed, as ``known`` does if a variant is not known."""
    if not isinstance(rules, list):
        raise Malformed("targeting is not a list of rules")
    found = []
    for number, rule in enumerate(rules):
        where = f"targeting[{number}]"
        if not isinstance(rule, dict) or rule.keys() != {"if", "variant"}:
            raise Malformed(f"{where} does not have exactly the keys if and variant")
        conditions = rule["if"]
        if not isinstance(conditions, dict):
            raise Malformed(f"{where}.if is not a map")
        if not all(map(_is_condition, conditions.values())):
            raise Malformed(
                f"{where}.if has a condition that is neither a string, a number, a boolean, "
                "nor a map of gt to a number"
            )
        found.append(Rule(conditions, known(rule["variant"], f"{where}.variant")))
    return found


def _is_condition(wanted: object) -> bool:
    if isinstance(wanted, dict):
        return wanted.keys() == {"gt"} and is_number(wanted["gt"])
    return isinstance(wanted, str | bool) or is_number(wanted)


def _is_met(wanted: Any, found: object) -> bool:
    if isinstance(found, Decimal) and not found.is_finite():
        return False  # a signaling NaN raises when it is compared
    if isinstance(wanted, dict):
        limit = wanted["gt"]
        if isinstance(found, float):
            limit = float(limit)  # 0.1 is greater than Decimal("0.1")
        # Not isfinite(10**400), nor of a Decimal as large: both would go through a float.
        is_finite = not isinstance(found, float) or isfinite(found)
        return is_number(found) and is_finite and bool(found > limit)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found  # not 1 for true
    if isinstance(found, float) and not isinstance(wanted, str):
        return float(wanted) == found  # no float is exactly Decimal("0.1")
    return bool(wanted == found)
