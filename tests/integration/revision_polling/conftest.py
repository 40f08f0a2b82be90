"""Fixtures of the tests in this folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.sources import revision as module
from ddbcfg_daemon.sources import revision_state
from support.fault_proxy import FaultProxy
from support.revision_following import START
from support.revision_polling import Host
from support.revisions import RevisedStore


@pytest.fixture(autouse=True)
def _chance_is_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    middle = SimpleNamespace(uniform=lambda low, high: (low + high) / 2)
    monkeypatch.setattr(module, "random", middle)
    monkeypatch.setattr(revision_state, "random", middle)


@pytest.fixture
def host(
    revised: RevisedStore, proxy: FaultProxy, names: Names, caplog: pytest.LogCaptureFixture
) -> Iterator[Host]:
    """A host that has polled a store at its first revision once."""
    caplog.set_level(logging.INFO, "ddbcfg")
    revised.begin(START)
    made = Host(revised, proxy, names)
    assert made.poll() == ["check", "REVISION", "store"]
    assert (made.failure, made.options) == (None, START)
    caplog.clear()
    yield made
    made.stop()
