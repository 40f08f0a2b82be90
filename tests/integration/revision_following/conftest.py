"""Fixtures of the tests in this folder."""

from __future__ import annotations

import pytest

from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.known import How, Known
from support.fault_proxy import FaultProxy
from support.revision_following import START
from support.revisions import RevisedStore


@pytest.fixture
def known(revised: RevisedStore, proxy: FaultProxy) -> Known:
    """What a host knows of a store at its first revision."""
    revised.begin(START)
    found = follow(revised.access(), None)
    assert (found.how, found.known and found.known.options) == (How.QUERY, START)
    proxy.reset()
    assert found.known is not None
    return found.known
