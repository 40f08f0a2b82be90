"""Readers of the hot path over an image in memory, as Python and compiled."""

from __future__ import annotations

import time
from mmap import mmap
from types import ModuleType
from typing import Any

import pytest

from ddbcfg_client.format.page import GENERATION_WORD
from ddbcfg_client.hotpath import hot

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None


IMPLEMENTATIONS = [
    pytest.param(hot, id="python"),
    pytest.param(
        _compiled,
        id="compiled",
        marks=pytest.mark.skipif(_compiled is None, reason="it is not built here"),
    ),
]


GENERATION = 7


LATER = time.monotonic() + 3600


DB = {"host": "db"}


def reader_of(module: ModuleType) -> type[Any]:
    class Reader(module.Hot):  # type: ignore[name-defined,misc]
        """Says what it was asked, and keeps what its subclass would."""

        __slots__ = ("__weakref__", "asked", "words")

        def __init__(self) -> None:
            self.asked: list[Any] = []
            self.words = memoryview(mmap(-1, 4096)).cast("Q")
            self.words[GENERATION_WORD] = GENERATION
            self.take({"db": DB})

        def take(
            self, decoded: dict[str, Any], generation: int = GENERATION, until: float = LATER
        ) -> None:
            self._view = (self.words, generation, decoded, until, None)

        def _get(
            self, option: Any = None, default: Any = "none", keys: Any = None, **typed: Any
        ) -> Any:
            if typed.get("as_") is not None:
                self.asked.append(("as", option, typed["as_"], typed.get("keep_valid", False)))
                return typed["as_"](option)
            self.asked.append(("get", option, default, keys))
            return "slow"

        def _lookup(self, option: Any) -> Any:
            self.asked.append(("lookup", option))
            return "slow"

        def _missing(self, name: Any) -> Any:
            self.asked.append(("missing", name))
            raise AttributeError(name)

    return Reader
