"""The types of shared values, over the compiled bases and over those in Python."""

from __future__ import annotations

import functools
import importlib.util
from types import ModuleType
from typing import Any

import pytest

from ddbcfg_client import readonly
from ddbcfg_client.readonly import guarded

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None

IMPLEMENTATIONS = [
    pytest.param(guarded, id="python"),
    pytest.param(
        _compiled,
        id="compiled",
        marks=pytest.mark.skipif(_compiled is None, reason="it is not built here"),
    ),
]
PLAIN = {"host": "db", "hosts": ["a", "b"], "tags": {"x"}}


@functools.cache
def types_over(bases: ModuleType) -> ModuleType:
    """The module readonly, with the types of *bases* below its own."""
    spec = importlib.util.spec_from_file_location("readonly", readonly.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDBCFG_PURE", "1" if bases is guarded else "")
        spec.loader.exec_module(module)
    assert module.GuardedDict is bases.GuardedDict
    return module


def option_of(types: Any) -> Any:
    """PLAIN, of these types."""
    hosts = types.ReadOnlyList(PLAIN["hosts"])
    return types.ReadOnlyDict(host="db", hosts=hosts, tags=types.ReadOnlySet(PLAIN["tags"]))
