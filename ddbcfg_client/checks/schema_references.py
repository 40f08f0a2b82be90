"""Circular references in a JSON Schema.

``{"$ref": "#"}`` is one.  ``{"properties": {"child": {"$ref": "#"}}}`` is not: each reference
descends one level into the value, so validation ends.

This check reports a mistake in a file and is not a protection.  The validator itself terminates for
any circle, even for one that is not found here because an ``$id`` in the schema renames its parts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from jsonschema_rs import Resolver

_BASE = "json-schema:///"  # the base URI in jsonschema-rs of a schema without "$id"

# Keywords whose schemas apply to the same value as the schema itself.
_SAME_VALUE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
# Keywords that contain values: what looks like a reference there is not one.
_VALUES = {"const", "enum", "default", "examples"}


def circle(schema: Any) -> str | None:
    """Return a circular reference in ``schema``; None if there is none.

    ``schema`` must have been compiled, so that all its references can be resolved.
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
    """Return the reference that is reached twice from ``schema`` for the same value, or None."""
    if not isinstance(schema, dict):
        return None
    reference = schema.get("$ref")
    if isinstance(reference, str):
        step = (resolver.base_uri, reference)
        if step in way:
            return reference
        if step not in done:  # without this, many paths to one place would take exponential time
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
    """Yield ``schema`` and every object in it."""
    if isinstance(schema, dict):
        yield schema
        schema = [value for keyword, value in schema.items() if keyword not in _VALUES]
    if isinstance(schema, list):
        for part in schema:
            yield from _parts(part)
