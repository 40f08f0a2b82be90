"""The scenarios that the OpenFeature specification has for evaluation, with this provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.libraries import needs

needs("openfeature")
needs("gherkin")

from openfeature.exception import ErrorCode  # noqa: E402
from openfeature.flag_evaluation import FlagEvaluationOptions, Reason  # noqa: E402
from openfeature.hook import Hook  # noqa: E402

from support.gherkin_scenarios import Scenario, Steps, scenarios_in  # noqa: E402
from support.openfeature_world import SPECIFICATION, World, as_type  # noqa: E402

# A provider may serve a value from a cache, and then says so.  This one has no cache to say it of:
# each evaluation is of the current generation.
EXCLUDED = {"@reason-codes-cached"}

SCENARIOS = [
    pytest.param(scenario, id=f"{path.stem}: {number}. {scenario.name}")
    for path in sorted(SPECIFICATION.glob("*.feature"))
    for number, scenario in enumerate(scenarios_in(path), 1)
    if not scenario.tags & EXCLUDED
]
step = Steps()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.end()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: Scenario, world: World) -> None:
    step.run(scenario, world)


def test_nothing_else_is_excluded() -> None:
    everything = sum(len(scenarios_in(path)) for path in SPECIFICATION.glob("*.feature"))
    assert len(SCENARIOS) == everything - 2


# --- evaluation_v2.feature and metadata.feature ---------------------------------------------------


@step("an? (stable|not ready|error|fatal|stale) provider")
def _(world: World, status: str) -> None:
    world.provide(status)


@step('a (\\w+)-flag with key "(.*)" and a fallback value "(.*)"')
def _(world: World, kind: str, key: str, default: str) -> None:
    world.kind, world.key, world.default = kind, key, as_type(kind, default)


@step('a context containing a key "(.*)", with type "(.*)" and with value "(.*)"')
def _(world: World, key: str, kind: str, value: str) -> None:
    world.attributes[key] = as_type(kind, value)


@step('a context containing a key "(.*)" with null value')
def _(world: World, key: str) -> None:
    world.attributes[key] = None


@step("the flag was evaluated with details")
def _(world: World) -> None:
    world.evaluate()


@step('the resolved details value should be "(.*)"')
def _(world: World, value: str) -> None:
    expected = as_type(world.kind, value)
    assert world.details.value == expected
    if world.kind != "Object":
        assert type(world.details.value) is type(expected)


@step('the reason should be "(\\w+)"')
def _(world: World, reason: str) -> None:
    assert world.details.reason == Reason[reason]


@step('the error-code should be "(\\w+)"')
def _(world: World, code: str) -> None:
    assert world.details.error_code == ErrorCode[code]


@step('the flag key should be "(.*)"')
def _(world: World, key: str) -> None:
    assert world.details.flag_key == key


@step('the variant should be "([^"]*)"')
def _(world: World, variant: str) -> None:
    assert world.details.variant == variant


@step('the provider status should be "(\\w+)"')
def _(world: World, status: str) -> None:
    assert world.client.get_provider_status().value == status


@step("the resolved metadata should contain")
def _(world: World, table: list[dict[str, str]]) -> None:
    expected = {row["key"]: as_type(row["metadata_type"], row["value"]) for row in table}
    assert world.details.flag_metadata == expected
    assert {k: type(v) for k, v in world.details.flag_metadata.items()} == {
        key: type(value) for key, value in expected.items()
    }


@step("the resolved metadata is empty")
def _(world: World) -> None:
    assert world.details.flag_metadata == {}


class Recorder(Hook):
    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name

    def before(self, hook_context: Any, hints: Any) -> None:
        self.world.hooks.append(f"before {self.name}")

    def after(self, hook_context: Any, details: Any, hints: Any) -> None:
        self.world.hooks.append(f"after {self.name}")


@step("evaluation options containing specific hooks")
def _(world: World) -> None:
    world.options = FlagEvaluationOptions(hooks=[Recorder(world, "one"), Recorder(world, "two")])


@step("the flag was evaluated with details using the evaluation options")
def _(world: World) -> None:
    world.evaluate(world.options)


@step("the specified hooks should execute during evaluation")
def _(world: World) -> None:
    assert len(world.hooks) == 4


@step("the hook order should be maintained")
def _(world: World) -> None:
    assert world.hooks == ["before one", "before two", "after two", "after one"]


@step("an evaluation context with modifiable data")
def _(world: World) -> None:
    world.attributes = {"list": [1, 2], "map": {"a": 1}}


@step("the original evaluation context should remain unmodified")
def _(world: World) -> None:
    assert world.attributes == {"list": [1, 2], "map": {"a": 1}}


@step("the evaluation details should be immutable")
def _(world: World) -> None:
    # The details themselves are the SDK's; what the provider puts there is this.
    with pytest.raises(TypeError):
        world.details.flag_metadata["new"] = 1


@step("the flag was evaluated with details asynchronously")
def _(world: World) -> None:
    evaluate = getattr(world.client, f"get_{world.kind.lower()}_details_async")
    world.details = asyncio.run(evaluate(world.key, world.default))


@step("the evaluation should complete without blocking")
def _(world: World) -> None:
    assert world.details is not None


# --- evaluation.feature, the older suite ----------------------------------------------------------

WITH_DETAILS = "(?: is evaluated with(?: details and)? default value )"


@step(f'an? (\\w+) flag with key "(.*)"{WITH_DETAILS}"?([^"]*)"?')
def _(world: World, kind: str, key: str, default: str) -> None:
    kind = kind.capitalize()
    world.kind, world.key, world.default = kind, key, as_type(kind, default)
    world.evaluate()


@step('an object flag with key "(.*)" is evaluated with (?:details and )?a null default value')
def _(world: World, key: str) -> None:
    world.kind, world.key, world.default = "Object", key, None
    world.evaluate()


@step('the resolved (boolean|string|integer|float) (?:details )?value should be "?([^",]*)"?')
def _(world: World, kind: str, value: str) -> None:
    assert world.details.value == as_type(kind.capitalize(), value)


@step(
    'the resolved (\\w+) details value should be "?([^",]*)"?, the variant should be "(.*)", '
    'and the reason should be "(.*)"'
)
def _(world: World, kind: str, value: str, variant: str, reason: str) -> None:
    assert world.details.value == as_type(kind.capitalize(), value)
    assert (world.details.variant, world.details.reason) == (variant, Reason[reason])


@step('the variant should be "(.*)", and the reason should be "(.*)"')
def _(world: World, variant: str, reason: str) -> None:
    assert (world.details.variant, world.details.reason) == (variant, Reason[reason])


@step(
    "the resolved object (?:details )?value should be contain fields (.*), with values (.*), "
    "respectively"
)
def _(world: World, fields: str, values: str) -> None:
    names = json.loads(f"[{fields.replace(', and', ',')}]")
    expected = json.loads(f"[{values.replace(' and', ',')}]")
    expected[0] = as_type("Boolean", expected[0])
    assert world.details.value == dict(zip(names, expected, strict=True))


@step('context contains keys "fn", "ln", "age", "customer" with values (.*)')
def _(world: World, values: str) -> None:
    fn, ln, age, customer = json.loads(f"[{values}]")
    world.attributes = {"fn": fn, "ln": ln, "age": age, "customer": as_type("Boolean", customer)}


@step('a flag with key "(.*)" is evaluated with default value "(.*)"')
def _(world: World, key: str, default: str) -> None:
    world.kind, world.key, world.default = "String", key, default
    world.evaluate()


@step('the resolved string response should be "(.*)"')
def _(world: World, value: str) -> None:
    assert world.details.value == value


@step('the resolved flag value is "(.*)" when the context is empty')
def _(world: World, value: str) -> None:
    world.attributes = {}
    world.evaluate()
    assert world.details.value == value


@step('a non-existent string flag with key "(.*)" is evaluated with details and a .*"(.*)"')
def _(world: World, key: str, default: str) -> None:
    world.kind, world.key, world.default = "String", key, default
    world.evaluate()


@step('a string flag with key "(.*)" is evaluated as an integer, with details and a .* (\\d+)')
def _(world: World, key: str, default: str) -> None:
    world.kind, world.key, world.default = "Integer", key, int(default)
    world.evaluate()


@step("the default \\w+ value should be returned")
def _(world: World) -> None:
    assert world.details.value == world.default


@step('the reason should indicate an error and the error code should indicate .* with "(.*)"')
def _(world: World, code: str) -> None:
    assert (world.details.reason, world.details.error_code) == (Reason.ERROR, ErrorCode[code])
