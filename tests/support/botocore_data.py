"""What botocore reads from its own folders, read once in each process that runs tests.

Each session of botocore lists its folder of 400 services and parses the models of DynamoDB and all
endpoints of AWS.  That takes half of the time that a new client takes, and the tests make hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.loaders import Loader

_caches: dict[object, dict[Any, Any]] = {}


def _cache_of(loader: Loader) -> dict[Any, Any]:
    where = (type(loader), *loader.search_paths)
    return _caches.setdefault((*where, len(loader._extras_types)), {})  # type: ignore[attr-defined]


@pytest.fixture(autouse=True, scope="session")
def _loaders_share_what_they_read() -> Iterator[None]:
    """Give loaders of the same folders one cache, as the clients of one session have."""
    shared = property(_cache_of, lambda loader, cache: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "_cache", shared, raising=False)
        yield
