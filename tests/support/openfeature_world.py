"""What the scenarios of the specification act on: a provider, a client, and what was evaluated."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.exception import ProviderFatalError

from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.integrations.openfeature import DdbcfgProvider
from ddbcfg_client.testing import FakeConfig

SPECIFICATION = Path(__file__).parents[1] / "integration/integrations/openfeature/specification"

# The suite's rules are in CEL; these are the same as rules of a flag.
RULES: dict[str, list[dict[str, Any]]] = {
    "email == 'ballmer@macrosoft.com' ? 'zero' : ''": [
        {"if": {"email": "ballmer@macrosoft.com"}, "variant": "zero"}
    ],
    "!customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''": [
        {
            "if": {"customer": False, "email": "ballmer@macrosoft.com", "age": {"gt": 10}},
            "variant": "internal",
        }
    ],
}
# Only evaluation.feature has this one; it has no file of flags.
CONTEXT_AWARE = {
    "variants": {"internal": "INTERNAL", "external": "EXTERNAL"},
    "default_variant": "external",
    "targeting": [
        {
            "if": {"fn": "Sulisław", "ln": "Świętopełk", "age": 29, "customer": False},
            "variant": "internal",
        }
    ],
}


def flags() -> dict[str, dict[str, Any]]:
    """The suite's flags as options."""
    found: dict[str, dict[str, Any]] = {"flag.context-aware": CONTEXT_AWARE}
    for key, flag in json.loads((SPECIFICATION / "test-flags.json").read_text()).items():
        option = found[f"flag.{key}"] = {"variants": _exact(flag["variants"])}
        option["state"] = "DISABLED" if flag.get("disabled") else "ENABLED"
        if "defaultVariant" in flag:
            option["default_variant"] = flag["defaultVariant"]
        if "contextEvaluator" in flag:
            option["targeting"] = RULES[flag["contextEvaluator"]]
        if "flagMetadata" in flag:
            option["metadata"] = _exact(flag["flagMetadata"])
    return found


def _exact(value: Any) -> Any:
    """With Decimals, as DynamoDB has no floats."""
    from decimal import Decimal

    return json.loads(json.dumps(value), parse_float=Decimal)


def as_type(kind: str, text: str) -> Any:
    """A text of a scenario as a value of its type."""
    if kind == "Boolean":
        return {"true": True, "false": False}[text.lower()]
    if kind == "Object":
        return json.loads(text.replace('\\"', '"'))
    return {"String": str, "Integer": int, "Float": float}[kind](text)


class Waiting(DdbcfgProvider):
    """A provider that is not ready before it is told so."""

    def __init__(self, config: FakeConfig) -> None:
        super().__init__(config)
        self.go = threading.Event()

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        self.go.wait()
        super().initialize(evaluation_context)


class Fatal(DdbcfgProvider):
    """A provider that cannot be initialized, ever."""

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        raise ProviderFatalError("no")


class World:
    """The state of one scenario."""

    def __init__(self) -> None:
        self.config = FakeConfig(flags())
        self.client = api.get_client()
        self.attributes: dict[str, Any] = {}
        self.waiting: Waiting | None = None
        self.kind = self.key = ""
        self.default: Any = None
        self.options: Any = None
        self.details: Any = None
        self.hooks: list[str] = []

    def provide(self, status: str) -> None:
        """Set a provider, and return when it has the status."""
        if status == "not ready":
            self.waiting = Waiting(self.config)
            api.set_provider(self.waiting)
        elif status == "fatal":
            self._reach(ProviderEvent.PROVIDER_ERROR, Fatal(self.config))
        elif status == "error":
            self.config.failure = SnapshotUnavailable("/ddbcfg.config.test", "no daemon")
            self._reach(ProviderEvent.PROVIDER_ERROR, DdbcfgProvider(self.config))
        elif status == "stale":
            self.config.age = 1000.0
            self._reach(ProviderEvent.PROVIDER_STALE, DdbcfgProvider(self.config))
        else:
            api.set_provider_and_wait(DdbcfgProvider(self.config))

    def _reach(self, event: ProviderEvent, provider: DdbcfgProvider) -> None:
        reached = threading.Event()
        api.add_handler(event, lambda _: reached.set())
        api.set_provider(provider)
        assert reached.wait(20)

    def evaluate(self, options: Any = None) -> None:
        """Evaluate the scenario's flag."""
        evaluate = getattr(self.client, f"get_{self.kind.lower()}_details")
        context = EvaluationContext(attributes=self.attributes)
        self.details = evaluate(self.key, self.default, context, options)

    def end(self) -> None:
        """Leave the SDK as it was."""
        if self.waiting is not None:
            self.waiting.go.set()
            for thread in threading.enumerate():  # one that initializes after the end watches on
                if thread.name.endswith("(_run_initialize)"):
                    thread.join()
        api.shutdown()
