"""What has a name that a store needs: it stops that store at most, and never for good (G5, G9)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import posix_ipc
import pytest

import ddbcfg_client
from ddbcfg_client import StoreNotNamed, UntrustedSegment
from ddbcfg_client import connecting as connection
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.daemon import Host
from support.neighbours import SQUATTER, USER, Neighbour
from support.shm import reading
from support.tables import ConfigTable

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Neighbour]:
    """A process that acts as another user."""
    made = Neighbour()
    yield made
    made.close()


@needs_root
def test_a_stranger_who_has_the_next_segments_names_freezes_nothing(
    names: Names, neighbour: Neighbour
) -> None:
    """G3: he takes the names of the next 200 segments, and could take any number of them."""
    for generation in range(1, 201):
        path = path_of(names.segment(generation))
        path.touch()
        os.chown(path, SQUATTER, SQUATTER)
    generations = neighbour.act("publish_often", names)
    assert len(generations) == 5
    assert generations == sorted(set(generations))
    assert generations[0] > 200
    config = ddbcfg_client.connect(names.namespace, names.store, owner=USER)
    assert config["db"]["host"] == "ours 4"


@pytest.fixture
def with_a_stranger(namespace: str, monkeypatch: pytest.MonkeyPatch) -> Names:
    """A host with one store of this test's, and a file of a stranger's that looks like one."""
    evil = Names(namespace, "evil")
    path_of(evil.page).write_bytes(b"x" * 4096)
    os.chown(path_of(evil.page), SQUATTER, SQUATTER)

    def mine(trust: Trust) -> tuple[list[Names], list[UntrustedSegment]]:
        stores, refused = published_stores(trust)
        return (
            [names for names in stores if names.namespace == namespace],
            [error for error in refused if f".{namespace}." in error.name],
        )

    monkeypatch.setattr(connection, "published_stores", mine)
    return evil


@needs_root
def test_a_strangers_page_does_not_make_the_one_store_of_a_host_ambiguous(
    names: Names, with_a_stranger: Names
) -> None:
    with pytest.raises(UntrustedSegment) as caught:
        ddbcfg_client.connect()
    assert caught.value.name == with_a_stranger.page
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "ours"}}))
    assert ddbcfg_client.connect()["db"]["host"] == "ours"
    other = Publisher(Names(names.namespace, "other"))
    with pytest.raises(StoreNotNamed) as several:
        ddbcfg_client.connect()
    assert {store for _, store in several.value.published} == {"prod", "other"}
    publisher.close()
    other.close()


@needs_root
@pytest.mark.usefixtures("with_a_stranger")
def test_the_client_names_what_it_does_not_believe_and_goes_on(host: Host) -> None:
    publisher = Publisher(host.names())
    publisher.publish(reading({"db": {"host": "ours"}}))
    evil = Path(f"/dev/shm/ddbcfg.{host.namespace}.evil")
    evil.touch()
    os.chown(evil, SQUATTER, SQUATTER)
    done = host.client("get", "db", "host")
    assert (done.returncode, done.stdout) == (0, "ours\n")
    done = host.client("status")
    assert done.returncode == 0
    assert f"store:       {host.namespace}/prod" in done.stdout
    assert evil.name in done.stderr
    publisher.close()


def test_a_semaphore_that_a_dead_process_holds_is_made_anew(names: Names) -> None:
    """Who publishes is said by the writer lock: at once, not after a restart."""
    publisher = Publisher(names)
    for number in range(3):
        left = posix_ipc.Semaphore(names.semaphore)
        left.acquire(0)  # and is killed
        left.close()
        assert publisher.publish(reading({"db": {"number": number}}))
        assert publisher.generation == number + 1
    publisher.close()


def test_a_semaphore_that_somebody_removed_stops_nothing(names: Names) -> None:
    publisher = Publisher(names)
    posix_ipc.unlink_semaphore(names.semaphore)
    assert publisher.publish(reading({"db": {}}))
    publisher.close()


@needs_root
def test_a_poll_of_roots_is_not_in_the_way_of_the_service(
    host: Host, neighbour: Neighbour, moto_url: str, missing_table: ConfigTable
) -> None:
    """``--once`` while the service is stopped, before it ever ran and after it did."""
    missing_table.create()
    missing_table.put("prod", "db", host="roots")
    once = ("--once", "--table", missing_table.name, "--store", "prod", "--endpoint-url", moto_url)
    last = 0
    for _ in range(2):
        daemon = host.daemon(*once, "--owner", str(USER))
        assert daemon.wait() == 0, daemon.output
        left = Path("/dev/shm").glob(f"*{host.namespace}*")
        assert {path.stat().st_uid for path in left} == {USER}
        with ddbcfg_client.connect(host.namespace, "prod", owner=USER) as config:
            assert (config["db"]["host"], config.generation) == ("roots", last + 1)
        generations = neighbour.act("publish_often", host.names())
        assert generations == list(range(last + 2, last + 7))
        last = generations[-1]
