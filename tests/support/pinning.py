"""A host on which an operator pins, for the tests of pins."""

from __future__ import annotations

from ddbcfg_client.format.request import GENERATIONS, PIN, UNPIN, Request, Response
from support.disk_copies import Host
from support.shm import reading


def ask(host: Host, op: str, **which: int) -> Response:
    """Do a job between two polls; return the response."""
    job = host.refresher._requests.steer(Request(op, by="alice", **which), 0)
    host.refresher._serve_operators()
    assert job.response is not None
    return job.response


def pin(host: Host, **which: int) -> Response:
    return ask(host, PIN, **which)


def unpin(host: Host) -> Response:
    return ask(host, UNPIN)


def listed(host: Host) -> list[tuple[int, bool, bool]]:
    """The generations that can be pinned: number, whether current, whether pinned."""
    rows = ask(host, GENERATIONS).generations
    return [(row["generation"], row["current"], row["pinned"]) for row in rows]


def port(number: int) -> dict[str, dict[str, int]]:
    return {"db": {"port": number}}


def push(host: Host, *ports: int) -> None:
    for number in ports:
        host.poll(reading(port(number)))


def served(host: Host) -> object:
    return host.config.get("db")["port"]
