"""OpenFeature's SDK with providers that answer in the process: flagd's, and one that holds a dict.

flagd's provider reads the flags from a file here; with a flagd it gets them over gRPC and evaluates
them by the same code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """One evaluation of a flag whose value is DB, by a client of each provider."""
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType
    from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

    flag = {"state": "ENABLED", "variants": {"on": DB}, "defaultVariant": "on"}
    file = setting.folder / "flags.json"
    file.write_text(json.dumps({"flags": {"db": flag}}))
    providers = {
        "flagd": FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file)),
        "in memory": InMemoryProvider({"db": InMemoryFlag("on", {"on": DB})}),
    }
    try:
        for domain, provider in providers.items():
            api.set_provider_and_wait(provider, domain)
        yield [
            Way(
                f"OpenFeature SDK, provider {domain}",
                'client.get_object_value("db", default)',
                {"client": api.get_client(domain), "default": {}},
            )
            for domain in providers
        ]
    finally:
        api.shutdown()
