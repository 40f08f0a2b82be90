"""An option as a flag: its variants, and which one applies.

    {"state": "ENABLED", "variants": {"on": true, "off": false}, "default_variant": "on",
     "targeting": [{"if": {"plan": "free", "age": {"gt": 17}}, "variant": "off"}],
     "metadata": {"owner": "checkout"}}

All keys but ``variants`` can be absent.  A flag is parsed once for each version of its option.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagResolutionDetails, Reason

from ddbcfg_client.integrations.openfeature.targeting import Malformed, parsed
from ddbcfg_client.integrations.openfeature.values import CONVERSIONS, is_number, native
from ddbcfg_client.readonly import ReadOnlyDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from ddbcfg_client.integrations.openfeature.targeting import Targeting

    # The arguments of FlagResolutionDetails.
    Outcome: TypeAlias = tuple[
        Any, ErrorCode | None, str | None, Reason, str | None, Mapping[str, Any]
    ]

_NO_METADATA: Mapping[str, Any] = ReadOnlyDict()
_FOREIGN = object()  # the value of an outcome that stands for the caller's default
_KEYS = {"state", "variants", "default_variant", "targeting", "metadata"}


class Flag:
    """A flag, parsed from ``option``."""

    __slots__ = (
        "_always",
        "_default",
        "_metadata",
        "_outcomes",
        "_rules",
        "_targeting",
        "_variants",
        "name",
        "option",
    )

    def __init__(self, name: str, option: Mapping[str, Any], targeting: Targeting | None) -> None:
        """Parse the option of this name; raise nothing: what is malformed is the outcome."""
        self.name = name
        self.option = option
        self._variants: Mapping[str, Any] = {}
        self._default: str | None = None
        self._metadata = _NO_METADATA
        self._rules: Any = None
        self._targeting = targeting
        # The outcome whatever the type is; and those by type, variant and reason.
        self._always: Outcome | None = None
        self._outcomes: dict[tuple[str, str | None, str], Outcome] = {}
        try:
            self._parse(option)
        except Malformed as error:
            self._always = _failed(ErrorCode.PARSE_ERROR, f"option {name!r}: {error}")

    def resolve(
        self, kind: str, default: Any, context: EvaluationContext | None
    ) -> FlagResolutionDetails[Any]:
        """Return what the flag is for this context, as a value of this kind (``boolean``, …)."""
        outcome = self._always
        if outcome is None:
            variant, reason = self._default, "STATIC"
            if self._rules is not None:
                try:
                    variant = self._target(context or EvaluationContext())
                except Malformed as error:
                    return failed(ErrorCode.GENERAL, f"option {self.name!r}: {error}", default)
                except Exception as error:  # noqa: BLE001 - of an attribute's own comparison
                    # Its text could contain a value.
                    text = f"an attribute of the context raised {type(error).__qualname__}"
                    text = f"option {self.name!r}: {text} when it was compared"
                    return failed(ErrorCode.INVALID_CONTEXT, text, default)
                reason = "TARGETING_MATCH"
                if variant is None:
                    variant, reason = self._default, "DEFAULT"
            # By plain strings: the hash of an enum's member is a call of a Python function.
            key = kind, variant, reason
            try:
                outcome = self._outcomes[key]
            except KeyError:
                outcome = self._outcomes[key] = self._outcome(*key)
        if outcome[0] is _FOREIGN:
            return FlagResolutionDetails(default, *outcome[1:])
        return FlagResolutionDetails(*outcome)

    def _parse(self, option: Mapping[str, Any]) -> None:
        unknown = sorted(option.keys() - _KEYS)
        if unknown:
            raise Malformed(f"a flag has no key {unknown[0]!r}")
        state = option.get("state", "ENABLED")
        if state not in ("ENABLED", "DISABLED"):
            raise Malformed("state is neither ENABLED nor DISABLED")
        variants = option.get("variants")
        if not isinstance(variants, dict):
            raise Malformed("variants is not a map")
        self._variants = variants
        default = option.get("default_variant")
        if default is not None:
            self._default = self._known(default, "default_variant")
        self._metadata = _metadata(option.get("metadata"))
        rules = option.get("targeting")
        if rules is not None and self._targeting is None:
            rules = parsed(rules, self._known)
        self._rules = rules
        if state == "DISABLED":
            self._always = _FOREIGN, None, None, Reason.DISABLED, None, self._metadata

    def _known(self, variant: object, where: str) -> str:
        if not isinstance(variant, str) or variant not in self._variants:
            raise Malformed(f"{where} is not the name of a variant")
        return variant

    def _target(self, context: EvaluationContext) -> str | None:
        """Return the variant that the rules or the function choose, or None; raise Malformed."""
        if self._targeting is None:
            for rule in self._rules:
                if rule.matches(context):
                    variant: str = rule.variant
                    return variant
            return None
        try:
            chosen = self._targeting(self._rules, context)
        except Exception as error:  # noqa: BLE001 - an evaluation never fails because of it
            # Its text could contain a value.
            raise Malformed(f"targeting raised {type(error).__qualname__}") from None
        return None if chosen is None else self._known(chosen, "the result of targeting")

    def _outcome(self, kind: str, variant: str | None, reason: str) -> Outcome:
        if variant is None:  # no default: the caller's
            return _FOREIGN, None, None, Reason.DEFAULT, None, self._metadata
        try:
            value = CONVERSIONS[kind](self._variants[variant])
        except TypeError:
            text = f"variant {variant!r} of option {self.name!r} is no {kind}"
            return _failed(ErrorCode.TYPE_MISMATCH, text, self._metadata)
        return value, None, None, Reason(reason), variant, self._metadata


def failed(code: ErrorCode, text: str, default: Any) -> FlagResolutionDetails[Any]:
    """Return the details of a failure, with the caller's default as the value."""
    return FlagResolutionDetails(default, *_failed(code, text)[1:])


def _failed(code: ErrorCode, text: str, metadata: Mapping[str, Any] = _NO_METADATA) -> Outcome:
    return _FOREIGN, code, text, Reason.ERROR, None, metadata


def _metadata(value: object) -> Mapping[str, Any]:
    if value is None:
        return _NO_METADATA
    if not isinstance(value, dict):
        raise Malformed("metadata is not a map")
    for member in value.values():
        if not (isinstance(member, str | bool) or is_number(member)):
            raise Malformed("metadata has a value that is neither a string, a number nor a boolean")
    copy: Mapping[str, Any] = native(value)
    return copy
