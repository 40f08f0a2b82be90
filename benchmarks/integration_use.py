"""The process that uses them: ``python -m benchmarks.integration_use NAMESPACE SLICE``.

It answers each line ``round`` with nanoseconds by way.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from pydantic import BaseModel
from pydantic_settings import BaseSettings

import ddbcfg_client
from benchmarks.children import serve
from benchmarks.integrations import (
    CURRENT,
    EVALUATION,
    LOOKUP,
    SHARE,
    TARGETED,
    TARGETED_SHARE,
)
from benchmarks.rounds import Timing, take_turns
from benchmarks.stores import DB, STORE
from ddbcfg_client.integrations.openfeature import DdbcfgProvider
from ddbcfg_client.integrations.pydantic_settings import DdbcfgSettingsSource, current


def main(namespace: str, seconds: str) -> None:
    """Measure until standard input ends."""
    with ddbcfg_client.connect(namespace=namespace, store=STORE) as config:

        class Database(BaseModel):
            host: str
            port: int

        class Settings(BaseSettings):
            db: Database

            @classmethod
            def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
                return (DdbcfgSettingsSource(settings_cls, config),)

        Settings.model_rebuild(_types_namespace={"Database": Database})
        assert current(Settings).db.host == DB["host"]
        provider = DdbcfgProvider(config)
        api.set_provider_and_wait(provider)
        client = api.get_client()
        context = EvaluationContext("user", {"plan": "free"})
        assert client.get_boolean_value("f", False, context) is True
        assert client.get_boolean_value("t", True, context) is False
        # As the SDK calls it.
        resolve = "({}, default_value=False, evaluation_context=context)"
        own = {"resolve": provider.resolve_boolean_details, "context": context}
        sdk = {"client": client, "context": context}
        ways: dict[str, tuple[str, dict[str, Any]]] = {
            LOOKUP: ('d["db"]', {"d": {"db": dict(DB)}}),
            CURRENT: ("current(Settings)", {"current": current, "Settings": Settings}),
            EVALUATION: ('client.get_boolean_value("f", False, context)', sdk),
            SHARE: ("resolve" + resolve.format('flag_key="f"'), own),
            TARGETED: ('client.get_boolean_value("t", False, context)', sdk),
            TARGETED_SHARE: ("resolve" + resolve.format('flag_key="t"'), own),
        }
        takes = {
            way: Timing(expression, names, float(seconds)).take
            for way, (expression, names) in ways.items()
        }
        order = random.Random(1)
        serve({"round": lambda: take_turns(takes, order)}, ready={})
        api.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
