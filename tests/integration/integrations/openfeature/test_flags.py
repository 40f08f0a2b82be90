"""What an option is as a flag, beyond the specification's own scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from ddbcfg_client.errors import SnapshotTooStale, SnapshotUnavailable
from ddbcfg_client.testing import FakeConfig
from support.libraries import needs

needs("openfeature")

from openfeature import api  # noqa: E402
from openfeature.evaluation_context import EvaluationContext  # noqa: E402
from openfeature.exception import ErrorCode  # noqa: E402
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason  # noqa: E402

from ddbcfg_client.integrations.openfeature import DdbcfgProvider  # noqa: E402

Details = FlagEvaluationDetails[Any]


def flag(value: object, **keys: Any) -> dict[str, Any]:
    return {"variants": {"on": value}, "default_variant": "on", **keys}


@pytest.fixture(params=["decimal", "native"])
def config(request: pytest.FixtureRequest) -> FakeConfig:
    return FakeConfig({}, numbers=request.param)


@pytest.fixture
def evaluate(config: FakeConfig) -> Iterator[Callable[..., Details]]:
    """Evaluate the flag ``f``, which an option is first set to."""
    api.set_provider_and_wait(DdbcfgProvider(config, events=False))
    client = api.get_client()

    def evaluated(
        option: dict[str, Any] | None, kind: str, default: Any, **context: Any
    ) -> Details:
        if option is not None:
            config.set("flag.f", option)
        attributes = EvaluationContext(context.pop("targeting_key", None), context)
        details: Details = getattr(client, f"get_{kind}_details")("f", default, attributes)
        return details

    yield evaluated
    api.shutdown()


NUMBERS = [
    ("integer", Decimal(10), 10),
    ("integer", Decimal("1E+3"), 1000),
    ("integer", 2**70, 2**70),
    ("float", Decimal("0.5"), 0.5),
    ("float", Decimal(3), 3.0),
    ("float", 0, 0.0),
]


@pytest.mark.parametrize(("kind", "stored", "expected"), NUMBERS)
def test_a_number_is_what_the_caller_asks_for(
    evaluate: Callable[..., Details], kind: str, stored: object, expected: object
) -> None:
    details = evaluate(flag(stored), kind, type(expected)(1))
    assert (details.value, details.reason, details.variant) == (expected, Reason.STATIC, "on")
    assert type(details.value) is type(expected)


MISMATCHES = [
    ("boolean", 1, True),
    ("boolean", "true", False),
    ("boolean", None, False),
    ("integer", True, 5),
    ("integer", Decimal("1.5"), 5),
    ("integer", "1", 5),
    ("float", False, 0.5),
    ("float", "0.5", 0.5),
    ("string", 1, "d"),
    ("string", {"a": 1}, "d"),
    ("object", "{}", {"d": 1}),
    ("object", {"a": b"bytes"}, {"d": 1}),
    ("object", {"a": {"x", "y"}}, {"d": 1}),
]


@pytest.mark.parametrize(("kind", "stored", "default"), MISMATCHES)
def test_another_type_is_a_mismatch_and_gives_the_default(
    evaluate: Callable[..., Details], kind: str, stored: object, default: object
) -> None:
    details = evaluate(flag(stored), kind, default)
    assert (details.value, details.reason) == (default, Reason.ERROR)
    assert details.error_code is ErrorCode.TYPE_MISMATCH
    assert details.error_message == f"variant 'on' of option 'flag.f' is no {kind}"


def test_an_object_has_native_numbers_and_cannot_be_changed(
    evaluate: Callable[..., Details],
) -> None:
    stored = {"sizes": [Decimal(1), Decimal("0.5")], "deep": {"n": Decimal(2), "none": None}}
    value = evaluate(flag(stored), "object", {}).value
    assert value == {"sizes": [1, 0.5], "deep": {"n": 2, "none": None}}
    assert [type(size) for size in value["sizes"]] == [int, float]
    with pytest.raises(TypeError):
        value["deep"]["n"] = 3
    assert evaluate(None, "object", {}).value is value  # converted once
    assert evaluate(flag([Decimal(1)]), "object", []).value == [1]


MALFORMED = {
    "a flag has no key 'colour'": flag(True, colour="red"),
    "state is neither ENABLED nor DISABLED": flag(True, state="s3cret"),
    "variants is not a map": {"variants": "s3cret"},
    "default_variant is not the name of a variant": flag(True, default_variant="s3cret"),
    "targeting is not a list of rules": flag(True, targeting="s3cret"),
    "targeting[0] does not have exactly the keys if and variant": flag(
        True, targeting=[{"variant": "on"}]
    ),
    "targeting[0].if is not a map": flag(True, targeting=[{"if": "s3cret", "variant": "on"}]),
    "targeting[1].variant is not the name of a variant": flag(
        True, targeting=[{"if": {}, "variant": "on"}, {"if": {}, "variant": "s3cret"}]
    ),
    "targeting[0].if has a condition that is neither": flag(
        True, targeting=[{"if": {"age": {"lt": 5}}, "variant": "on"}]
    ),
    "metadata is not a map": flag(True, metadata=["s3cret"]),
    "metadata has a value that is neither": flag(True, metadata={"a": ["s3cret"]}),
}


@pytest.mark.parametrize("why", MALFORMED)
def test_an_option_that_is_no_flag_is_a_parse_error_without_values(
    evaluate: Callable[..., Details], why: str
) -> None:
    details = evaluate(MALFORMED[why], "boolean", False)
    assert (details.value, details.error_code) == (False, ErrorCode.PARSE_ERROR)
    assert details.error_message is not None
    assert details.error_message.startswith(f"option 'flag.f': {why}")
    assert "s3cret" not in details.error_message
    assert evaluate(flag(True), "boolean", False).value is True  # corrected


RULES = [
    ({"plan": "free"}, {"plan": "free"}, True),
    ({"plan": "free"}, {"plan": "paid"}, False),
    ({"plan": "free"}, {}, False),
    ({"plan": "free", "beta": True}, {"plan": "free", "beta": True}, True),
    ({"plan": "free", "beta": True}, {"plan": "free"}, False),
    ({"beta": True}, {"beta": 1}, False),
    ({"n": 1}, {"n": True}, False),
    ({"n": 1}, {"n": 1}, True),
    ({"n": 1}, {"n": 1.0}, True),
    ({"n": Decimal("0.1")}, {"n": 0.1}, True),
    ({"n": 1}, {"n": "1"}, False),
    ({"n": {"gt": 10}}, {"n": 11}, True),
    ({"n": {"gt": 10}}, {"n": 10}, False),
    ({"n": {"gt": Decimal("0.5")}}, {"n": 0.75}, True),
    ({"n": {"gt": 10}}, {"n": "11"}, False),
    ({"n": {"gt": 10}}, {"n": True}, False),
    ({"n": {"gt": 10}}, {"n": float("nan")}, False),
    ({"n": {"gt": 10}}, {"n": 10**400}, True),
    ({"n": {"gt": 10}}, {"n": -(10**400)}, False),
    ({"n": {"gt": 10}}, {"n": Decimal("1e400")}, True),
    ({"n": {"gt": 10}}, {"n": Decimal("Infinity")}, False),
    ({"n": {"gt": 10}}, {"n": Decimal("sNaN")}, False),
    ({"n": 1}, {"n": 10**400}, False),
    ({"n": 1}, {"n": Decimal("sNaN")}, False),
    ({"targeting_key": "user-1"}, {"targeting_key": "user-1"}, True),
    ({}, {}, True),
]


@pytest.mark.parametrize(("conditions", "context", "matches"), RULES)
def test_the_first_rule_whose_conditions_are_all_met_chooses(
    evaluate: Callable[..., Details],
    conditions: dict[str, Any],
    context: dict[str, Any],
    matches: bool,
) -> None:
    option = {
        "variants": {"a": "A", "b": "B", "c": "C"},
        "default_variant": "c",
        "targeting": [
            {"if": {"nobody": "has this"}, "variant": "b"},
            {"if": conditions, "variant": "a"},
            {"if": {**conditions, "plan": "free"}, "variant": "b"},
        ],
    }
    details = evaluate(option, "string", "d", **context)
    expected = ("A", "a", "TARGETING_MATCH") if matches else ("C", "c", "DEFAULT")
    assert (details.value, details.variant, details.reason) == expected


@pytest.mark.parametrize("wanted", ["x", 1])
def test_an_attribute_that_cannot_be_compared_is_an_invalid_context(
    evaluate: Callable[..., Details], wanted: Any
) -> None:
    class Incomparable:
        def __eq__(self, other: object) -> bool:
            raise ValueError("s3cret")

        __hash__ = None  # type: ignore[assignment]

    option = {"variants": {"a": "A"}, "targeting": [{"if": {"n": wanted}, "variant": "a"}]}
    details = evaluate(option, "string", "d", n=Incomparable())
    assert (details.value, details.error_code) == ("d", ErrorCode.INVALID_CONTEXT)
    assert details.error_message == (
        "option 'flag.f': an attribute of the context raised ValueError when it was compared"
    )


@pytest.mark.parametrize("default_variant", [{"default_variant": None}, {}])
def test_without_a_default_variant_the_callers_default_is_the_value(
    evaluate: Callable[..., Details], default_variant: dict[str, Any]
) -> None:
    details = evaluate({"variants": {"on": True}, **default_variant}, "boolean", False)
    assert (details.value, details.variant, details.reason) == (False, None, Reason.DEFAULT)
    assert details.error_code is None


def test_each_evaluation_is_of_the_current_generation(
    evaluate: Callable[..., Details], config: FakeConfig
) -> None:
    assert evaluate(flag(True), "boolean", False).value is True
    assert evaluate(flag(False), "boolean", True).value is False
    config.delete("flag.f")
    details = evaluate(None, "boolean", True)
    assert (details.value, details.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    assert evaluate(flag(False, state="DISABLED"), "boolean", True).reason == Reason.DISABLED


def test_errors_of_a_read_are_errors_of_the_evaluation(
    evaluate: Callable[..., Details], config: FakeConfig
) -> None:
    evaluate(flag(True), "boolean", False)
    config.failure = SnapshotUnavailable("/ddbcfg.config.test", "no daemon")
    details = evaluate(None, "boolean", False)
    assert (details.value, details.error_code) == (False, ErrorCode.PROVIDER_NOT_READY)
    config.failure = SnapshotTooStale("test", 9.0, 5.0)
    details = evaluate(None, "boolean", False)
    assert (details.value, details.error_code) == (False, ErrorCode.GENERAL)
    assert "more than the 5 s allowed" in str(details.error_message)


def test_a_prefix_can_be_another_one_or_none() -> None:
    config = FakeConfig({"f": flag(True), "features/f": flag(False)})
    provider = DdbcfgProvider(config, prefix="")
    assert provider.resolve_boolean_details("f", False).value is True
    provider = DdbcfgProvider(config, prefix="features/")
    assert provider.resolve_boolean_details("f", True).value is False


def test_a_function_can_do_the_targeting() -> None:
    config = FakeConfig({"flag.f": flag("x", targeting={"any": ["thing"]}), "flag.g": flag("x")})
    chosen: list[Any] = ["on", None, "no such variant", ValueError("s3cret")]
    seen: list[Any] = []

    def targeting(rules: Any, context: EvaluationContext) -> str | None:
        seen.append((rules, context.targeting_key))
        result = chosen[len(seen) - 1]
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]

    provider = DdbcfgProvider(config, targeting=targeting)
    context = EvaluationContext("me")
    details = [provider.resolve_string_details("f", "d", context) for _ in chosen]
    assert [d.reason for d in details] == ["TARGETING_MATCH", "DEFAULT", "ERROR", "ERROR"]
    assert [d.value for d in details] == ["x", "x", "d", "d"]
    assert [d.error_message for d in details[2:]] == [
        "option 'flag.f': the result of targeting is not the name of a variant",
        "option 'flag.f': targeting raised ValueError",
    ]
    assert seen == [({"any": ["thing"]}, "me")] * 4
    assert provider.resolve_string_details("g", "d", context).reason == "STATIC"


def test_a_float_is_not_greater_than_the_limit_that_is_written_the_same() -> None:
    from ddbcfg_client.integrations.openfeature.targeting import Rule

    rule = Rule({"price": {"gt": Decimal("0.1")}}, "on")
    assert not rule.matches(EvaluationContext(attributes={"price": 0.1}))
    assert rule.matches(EvaluationContext(attributes={"price": 0.2}))
