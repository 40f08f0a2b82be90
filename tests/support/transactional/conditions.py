"""Conditions: what the protocol's writers send, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from support.transactional.errors import Refused

_EQUAL = re.compile(r"(#\w+) = (:\w+)")
_ABSENT = re.compile(r"attribute_not_exists\((#\w+)\)")
_KEYS = re.compile(r"(#\w+) = (:\w+)(?: AND (#\w+) BETWEEN (:\w+) AND (:\w+))?")


def holds(action: Mapping[str, Any], item: Mapping[str, Any] | None) -> bool:
    """Whether the action's condition, if it has one, holds for the item that is there."""
    text = action.get("ConditionExpression")
    if text is None:
        return True
    there = item or {}
    return all(_term(action, term, there) for term in text.split(" AND "))


def _term(action: Mapping[str, Any], term: str, item: Mapping[str, Any]) -> bool:
    names = action["ExpressionAttributeNames"]
    if found := _ABSENT.fullmatch(term):
        return names[found[1]] not in item
    if found := _EQUAL.fullmatch(term):
        wanted = action["ExpressionAttributeValues"][found[2]]
        return bool(item.get(names[found[1]]) == wanted)
    raise Refused("ValidationException", f"a condition that is not known here: {term}")


def key_range(request: Mapping[str, Any], keys: tuple[str, str]) -> tuple[str, str | None, str]:
    """The hash key of a Query, and the first and last range keys; None for all of them."""
    found = _KEYS.fullmatch(request["KeyConditionExpression"])
    if found is None:
        raise Refused("ValidationException", "a key condition that is not known here")
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    if names[found[1]] != keys[0] or (found[3] and names[found[3]] != keys[1]):
        raise Refused("ValidationException", "a key condition on what is no key")
    if found[3] is None:
        return values[found[2]]["S"], None, ""
    return values[found[2]]["S"], values[found[4]]["S"], values[found[5]]["S"]
