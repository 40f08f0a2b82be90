"""References of a JSON Schema that lead back to themselves before they say anything.

``{"$ref": "#"}`` is one.  ``{"properties": {"child": {"$ref": "#"}}}`` is none: it goes one level
down into the value each time, and so ends.

This finds a mistake in a file; it is no protection.  The validator itself comes to an end with any
circle, also with one that is not found here because an ``$id`` inside the schema renames its parts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from jsonschema_rs import Resolver

_BASE = "json-schema:///"  # what jsonschema-rs calls a schema without an "$id"

# Keywords whose schemas judge the very value that the schema itself judges.
_SAME_VALUE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
# Keywords that hold values: what looks like a reference there is none.
_VALUES = {"const", "enum", "default", "examples"}


def circle(schema: Any) -> str | None:
    """A reference in ``schema`` that leads back to itself; None when there is none.

    ``schema`` has been compiled: all its references can be resolved.
    """
    from jsonschema_rs import ReferencingError, Registry

    base = schema.get("$id", _BASE) if isinstance(schema, dict) else _BASE
    resolver = Registry([(base, schema)]).resolver(base)
    done: set[tuple[str, str]] = set()
    for part in _parts(schema):
        try:
            found = _follow(part, resolver, (), done)
        except ReferencingError:
            continue
        if found is not None:
            return found
    return None


def _follow(
    schema: Any, resolver: Resolver, way: tuple[tuple[str, str], ...], done: set[tuple[str, str]]
) -> str | None:
    """The reference that is met a second time on the way from ``schema`` on, at the same value."""
    if not isinstance(schema, dict):
        return None
    reference = schema.get("$ref")
    if isinstance(reference, str):
        step = (resolver.base_uri, reference)
        if step in way:
            return reference
        if step not in done:  # else many ways to one place would take for ever
            there = resolver.lookup(reference)
            found = _follow(there.contents, there.resolver, (*way, step), done)
            if found is not None:
                return found
            done.add(step)
    for keyword in _SAME_VALUE:
        for part in _schemas_in(schema.get(keyword), keyword):
            found = _follow(part, resolver, way, done)
            if found is not None:
                return found
    return None


def _schemas_in(value: Any, keyword: str) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif keyword == "dependentSchemas" and isinstance(value, dict):
        yield from value.values()
    else:
        yield value


def _parts(schema: Any) -> Iterator[Any]:
    """``schema`` and every object in it."""
    if isinstance(schema, dict):
        yield schema
        schema = [value for keyword, value in schema.items() if keyword not in _VALUES]
    if isinstance(schema, list):
        for part in schema:
            yield from _parts(part)
