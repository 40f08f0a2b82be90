"""Collections of garbage that look only at what tests made.

A process that runs tests has about a million objects from imports and from collecting the tests.  A
full collection takes 0.3 s for them, and the tests ask for hundreds.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import SimpleNamespace

import pytest


def leave_out_what_is_here() -> None:
    """Exempt all objects that live now from later collections."""
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """Exempt the modules and the tests themselves."""
    leave_out_what_is_here()


@pytest.fixture(autouse=True, scope="session")
def _the_daemons_collections_leave_it_out_too() -> Iterator[None]:
    """A daemon that connects in this process collects, but exempts nothing anew."""
    from ddbcfg_daemon import memory

    collector = SimpleNamespace(collect=gc.collect, freeze=lambda: None, unfreeze=lambda: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "gc", collector)
        yield
