"""Waiting under uvloop and gevent, with the real libraries."""

from __future__ import annotations

import asyncio

import pytest

from ddbcfg_client import Config
from ddbcfg_client.waking.change import Change
from ddbcfg_daemon.publishing.publisher import Publisher
from support.awaiting import PATIENCE, descriptors, no_tick
from support.children import answer, start_module
from support.shm import reading


def test_tasks_of_a_uvloop_are_woken_and_cancelled(config: Config, publisher: Publisher) -> None:
    async def main() -> list[Change]:
        before = descriptors()
        tasks = [asyncio.create_task(anext(config.changes())) for _ in range(3)]
        while not all(task._fut_waiter for task in tasks):  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        tasks.pop().cancel()
        publisher.publish(reading({"db": {"n": 2}}))
        changes = await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        await asyncio.sleep(0)  # the cancelled one ends
        config.close()
        assert descriptors() == before
        return changes

    uvloop = pytest.importorskip("uvloop")
    with no_tick(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == [Change(2, changed=("db",))] * 2


def test_greenlets_wait_at_the_same_time_and_in_a_forked_child(publisher: Publisher) -> None:
    pytest.importorskip("gevent")
    with start_module("support.gevent_waiting", publisher.names.namespace) as process:
        for number in (2, 3):
            assert answer(process) == "publish"
            publisher.publish(reading({"db": {"n": number}}))
        assert answer(process) == "ok"
