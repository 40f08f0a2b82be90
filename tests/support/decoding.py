"""The decoder of a reader that is not compiled, in a process whose reader is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec, module_from_spec
from typing import Any
from unittest.mock import patch


@cache
def reference() -> Callable[..., Any]:
    """Return what decodes where nothing is compiled."""
    spec = find_spec("ddbcfg_client.format.unpack")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with patch("ddbcfg_client.readonly.COMPILED", False):
        spec.loader.exec_module(module)
    unpack: Callable[..., Any] = module.unpack
    return unpack
