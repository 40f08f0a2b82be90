"""What an operator wants options to look like: a JSON Schema for each option's name.

    {"db": {"type": "object", "required": ["host"], "properties": {"host": {"type": "string"}}}}

An option that the file names and that has no ``"x-optional": true`` must be there.  The library is
jsonschema (extra ``ddbcfg[schema]``), imported only when a schema is used.
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


class Schema:
    """The schemas in a file; raises SchemaError, with file and reason, when they are none."""

    def __init__(self, path: str | Path) -> None:
        try:
            from jsonschema import exceptions
            from jsonschema.validators import validator_for
        except ImportError:
            raise MissingExtra("--schema", "schema") from None
        try:
            schemas = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SchemaError(str(path), error.strerror or type(error).__name__) from None
        except ValueError as error:
            raise SchemaError(str(path), str(error)) from None
        if not isinstance(schemas, dict):
            raise SchemaError(str(path), "it must be an object: a schema for each option's name")
        self.options: dict[str, Any] = schemas
        self._validators = {}
        for option, schema in schemas.items():
            try:
                kind = validator_for(schema)
                kind.check_schema(schema)
            except (exceptions.SchemaError, TypeError, AttributeError) as error:
                reason = getattr(error, "message", "it is no schema")
                raise SchemaError(str(path), f"option {option!r}: {reason}") from None
            self._validators[option] = kind(schema)

    def violation(self, option: str, keys: Mapping[str, Any] | None) -> str | None:
        """How *option* violates its schema: where and which rule, never its value; or None."""
        validator = self._validators.get(option)
        if validator is None:
            return None
        if keys is None:
            schema = self.options[option]
            optional = isinstance(schema, dict) and schema.get("x-optional") is True
            return None if optional else f"option {option!r} is missing"
        # The first in order of place, so that every host names the same one.
        errors = sorted(validator.iter_errors(_plain(keys)), key=lambda error: str(error.json_path))
        if not errors:
            return None
        error = errors[0]
        place = "".join(f"[{part!r}]" for part in error.absolute_path)
        # Not the message: it quotes the value, which can be a secret.
        plain = not isinstance(error.validator_value, (dict, list))
        rule = f" {error.validator_value}" if plain else ""
        missing = ""
        if error.validator == "required":
            wanted: Any = error.validator_value
            found: Any = error.instance
            absent = [key for key in wanted if key not in found]
            missing = f" {', '.join(absent)}"
        return f"option {option!r}{place} violates {error.validator!r}{rule}{missing}"


def _plain(value: Any) -> Any:
    """A value as JSON has it, for a validator that knows JSON's types only."""
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, set):
        return sorted(_plain(element) for element in value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value
