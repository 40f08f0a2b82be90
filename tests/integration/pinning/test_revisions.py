"""``pin --revision``: what this host had of a revision of the table, and nothing else (G4, G7)."""

from __future__ import annotations

from dataclasses import replace

from ddbcfg_daemon.sources.base import Provenance
from support.disk_copies import AWAY, Host
from support.pinning import ask, pin, port, served
from support.shm import reading


def push(host: Host, number: int, revision: int, *, epoch: str = "e", doubt: bool = False) -> None:
    """Poll a table whose ``revision`` has this port."""
    found = Provenance(epoch, revision, revision, "log", in_doubt=doubt)
    host.poll(replace(reading(port(number)), provenance=found))


def test_a_revision_that_was_replaced_is_pinned(host: Host) -> None:
    push(host, 1, 7)
    push(host, 2, 8)
    response = pin(host, revision=7)
    assert (response.refused, response.pinned, response.generation) == ("", 1, 3)
    assert served(host) == 1
    status = host.config.status()
    assert (status.revision, status.table_revision) == (7, 8)
    # And over a reboot, without the table.
    host.boot()
    host.poll(AWAY)
    assert (served(host), host.config.status().revision) == (1, 7)


def test_the_revision_that_status_shows_can_be_pinned(host: Host) -> None:
    """A revision need not change anything; then it is no generation of its own."""
    push(host, 1, 7)
    push(host, 1, 8)
    assert host.config.status().revision == 8
    for revision in (8, 7):
        response = pin(host, revision=revision)
        assert (response.refused, response.pinned) == ("", 1), response.why
    (row,) = ask(host, "generations").generations
    assert row["revision"] == 8


def test_a_content_that_came_back_is_found_under_each_of_its_revisions(host: Host) -> None:
    for number, revision in ((1, 5), (2, 6), (1, 7), (3, 8)):
        push(host, number, revision)
    response = pin(host, revision=5)
    assert (response.refused, served(host)) == ("", 1), response.why
    host.boot()
    push(host, 3, 8)
    assert pin(host, revision=7).refused == ""
    assert "it has 8, 7, 6, 5 (" in pin(host, revision=9).why


def test_a_revision_of_two_epochs_is_not_guessed(host: Host) -> None:
    push(host, 1, 3, epoch="old")
    push(host, 2, 1, epoch="new")
    push(host, 3, 3, epoch="new")
    why = pin(host, revision=3).why
    assert "generation 3 and generation 1" in why
    assert "--generation" in why
    assert host.config.status().pinned == 0
    assert pin(host, revision=1).refused == ""
    assert served(host) == 2


def test_what_no_revision_proves_is_not_pinned_as_one(host: Host) -> None:
    push(host, 1, 7)
    push(host, 2, 7, doubt=True)
    assert host.config.status().in_doubt_since
    assert pin(host, revision=7).refused == ""
    assert served(host) == 1
