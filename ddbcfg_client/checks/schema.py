"""Validation of options against a file with a JSON Schema for each option's name.

    {"db": {"type": "object", "required": ["host"], "properties": {"host": {"type": "string"}}}}

An option in the file must exist, unless its schema has ``"x-optional": true``.  The library is
jsonschema-rs (extra ``ddbcfg[schema]``), imported only if a schema is used.  Its regular
expressions take time linear in the text.  A backtracking engine could block the whole daemon with
one pattern and value, because Python's ``re`` holds the GIL while it matches.
"""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal
from pathlib import Path

from ddbcfg_client.errors import MissingExtra, SchemaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jsonschema_rs import ValidationError, Validator

# Bytes of a compiled pattern.  Matching takes time proportional to the pattern's size times the
# text's; this bounds the first, and is enough for ``^\p{L}{1,64}$``.
_PATTERN_SIZE = 4 << 20


class Schema:
    """The compiled schemas of a file; creating it raises SchemaError with file and reason.

    Nothing is ever fetched: a reference must refer to a place in the same schema.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            import jsonschema_rs  # noqa: F401 - raises if it is missing
        except ImportError:
            raise MissingExtra("--schema", "schema") from None
        try:
            # Decimal, like the numbers in options: a limit of 0.1 is then exactly one tenth.
            text = Path(path).read_text(encoding="utf-8")
            schemas = json.loads(text, parse_float=Decimal)
        except OSError as error:
            raise SchemaError(str(path), error.strerror or type(error).__name__) from None
        except ValueError as error:
            raise SchemaError(str(path), str(error)) from None
        except ArithmeticError:
            raise SchemaError(str(path), "a number in it has an absurd exponent") from None
        except RecursionError:
            raise SchemaError(str(path), "it is nested too deeply") from None
        if not isinstance(schemas, dict):
            raise SchemaError(str(path), "it must be an object: a schema for each option's name")
        self.options: dict[str, Any] = schemas
        self._validators = {}
        for option, schema in schemas.items():
            try:
                self._validators[option] = _compiled(schema)
            except ValueError as error:
                raise SchemaError(str(path), f"option {option!r}: {error}") from None

    def violation(self, option: str, keys: Mapping[str, Any] | None) -> str | None:
        """Return where and which rule ``option`` violates, never its value; None if it is valid."""
        from jsonschema_rs import ValidationError

        validator = self._validators.get(option)
        if validator is None:
            return None
        if keys is None:
            schema = self.options[option]
            optional = isinstance(schema, dict) and schema.get("x-optional") is True
            return None if optional else f"option {option!r} is missing"
        try:
            # Only the first error, which is the same on every host.  A long list could have one
            # error for each element, and other stores would wait meanwhile.
            validator.validate(_plain(keys))
        except ValidationError as error:
            place = "".join(f"[{part!r}]" for part in error.instance_path)
            return f"option {option!r}{place} violates {_rule(error)}"
        return None


def _compiled(schema: Any) -> Validator:
    """Return the validator for ``schema``; raise ValueError with the reason if it is invalid."""
    from jsonschema_rs import RegexOptions, ValidationError, validator_for

    from ddbcfg_client.checks.schema_references import circle

    try:
        validator = validator_for(
            schema,
            pattern_options=RegexOptions(size_limit=_PATTERN_SIZE),
            # In all drafts, "format" is only an annotation, as it is in those since 2019.
            validate_formats=False,
            offline=True,
        )
        reference = circle(schema)
    except ValidationError as error:
        place = "".join(f"[{part!r}]" for part in error.instance_path)
        raise ValueError(f"{_fault(error)}{f' (at {place})' if place else ''}") from None
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"it is not a schema ({type(error).__name__})") from None
    if reference is not None:
        raise ValueError(f"the $ref {reference!r} leads back to itself, so it says nothing")
    return validator


def _fault(error: ValidationError) -> str:
    """Return what is wrong with a schema.  It may be quoted: it is the operator's own text."""
    from jsonschema_rs import ValidationErrorKind

    if isinstance(error.kind, ValidationErrorKind.Referencing):
        return f"{error.message} (a $ref may lead to a place in this option's schema only)"
    if isinstance(error.kind, ValidationErrorKind.Format) and error.kind.format == "regex":
        return (
            f"the pattern {error.instance!r} cannot be used: it is not a regular expression, too "
            "large, or needs backtracking (lookahead, lookbehind, back-reference)"
        )
    return error.message


def _rule(error: ValidationError) -> str:
    """Return the violated rule, but not the library's message, which quotes the value."""
    from jsonschema_rs import ValidationErrorKind

    kind = error.kind
    if isinstance(kind, ValidationErrorKind.FalseSchema):
        path = [part for part in error.schema_path if isinstance(part, str)]
        return f"{path[-1] if path else 'false'!r}: nothing may be here"
    limit = kind.value
    if isinstance(kind, ValidationErrorKind.Type) and len(kind.types) == 1:
        limit = kind.types[0]
    # For a list or an object only the keyword is shown: they can be long.
    shown = f" {limit}" if isinstance(limit, (str, int, float, Decimal)) else ""
    return f"{kind.name!r}{shown}"


def _plain(value: Any) -> Any:
    """Return the value with JSON's types for the validator, which supports Decimal too."""
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, set):
        return sorted(_plain(element) for element in value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value
