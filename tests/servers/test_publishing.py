"""The publisher that the tests of servers kill."""

from __future__ import annotations

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from support.publishing import Publishing
from support.waiting import wait_until


def test_after_a_storm_no_number_is_given_twice(names: Names, publishing: Publishing) -> None:
    config = Config(names, Trust())
    # A host so busy that the first line of the storm is read together with many more.
    publishing._ask(f"storm {publishing.number + 1}")
    wait_until(lambda: config.generation >= 50)
    publishing.number = int(publishing._answer())
    publishing.kill()
    published = config.generation
    publishing.start()
    assert publishing.publish() > published
