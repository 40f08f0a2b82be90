"""One writer for each store, whoever else tries (G5)."""

from __future__ import annotations

import os
import signal

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import Holder
from support.shm import objects_of
from support.taking_over import config_of, number_of, publish


def test_a_second_publisher_is_told_who_the_first_is(names: Names, holder: Holder) -> None:
    before = objects_of(names)
    with pytest.raises(WriterLocked, match=f"another daemon on this host .pid {holder.pid}.") as e:
        Publisher(names)
    assert e.value.pid == holder.pid
    assert holder.tell("verify") == []
    assert objects_of(names) == before
    assert number_of(config_of(names)) == 1


def test_a_second_publisher_that_cannot_know_the_pid_says_so(names: Names) -> None:
    first = Publisher(names)
    with pytest.raises(WriterLocked, match="its pid is unknown") as caught:
        Publisher(names)
    assert caught.value.pid == 0
    first.close()
    Publisher(names).close()


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_child_does_not_keep_the_lock_of_a_killed_publisher(
    names: Names, holder: Holder, how: str
) -> None:
    child = holder.tell(how)
    try:
        holder.close()
        publisher = Publisher(names)
        publish(publisher, 2)
        publisher.close()
        os.kill(child, 0)  # it is still there
    finally:
        os.kill(child, signal.SIGKILL)
    assert number_of(config_of(names)) == 2


def test_who_removes_the_locks_name_does_not_let_a_second_publisher_in(
    names: Names, holder: Holder
) -> None:
    path_of(names.lock).unlink()
    for _ in range(2):
        with pytest.raises(WriterLocked) as caught:
            Publisher(names)
        assert caught.value.pid == holder.pid
    assert holder.tell("verify") == []  # takes the lock anew
    path_of(names.page).unlink()  # the pid with it
    with pytest.raises(WriterLocked):
        Publisher(names)
    assert holder.tell("verify") == ["the control page"]
    holder.close()
    Publisher(names).close()


def test_a_publisher_that_lost_the_store_notices_at_its_next_poll(
    names: Names, holder: Holder
) -> None:
    config = config_of(names)
    assert number_of(config) == 1
    path_of(names.lock).unlink()
    path_of(names.page).unlink()
    newcomer = Publisher(names)  # nothing tells it of the other
    publish(newcomer, 2)
    assert holder.tell("verify") == ["WriterLocked"]
    assert number_of(config_of(names)) == 2
    newcomer.close()


def test_a_publisher_that_lost_the_store_says_nothing_in_its_successors_page(names: Names) -> None:
    first = Publisher(names)
    publish(first, 1)
    path_of(names.lock).unlink()
    second = Publisher(names)  # nothing tells it of the other, and the page is the same
    second.report(PageStatus(daemon_pid=os.getpid(), polls=7))
    with pytest.raises(WriterLocked):
        first.verify()
    first.close()
    assert config_of(names).status().daemon_pid == os.getpid()
    second.close()
    assert config_of(names).status().daemon == "stopped"


def test_fifty_publishers_at_once_have_one_winner_each_time(names: Names) -> None:
    for _ in range(50):
        winners = []
        for _ in range(3):
            try:
                winners.append(Publisher(names))
            except WriterLocked:
                pass
        assert len(winners) == 1
        winners[0].close()
