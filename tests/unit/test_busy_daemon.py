"""A request to a daemon that was busy is sent again whole."""

from __future__ import annotations

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.request import BUSY, PIN, Request, Response
from ddbcfg_client.shm import daemon_socket
from ddbcfg_client.shm.trust import Trust


def test_what_is_asked_for_is_not_lost_when_the_daemon_was_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[Request] = []

    def once_busy(name: str, trust: Trust, request: Request, *rest: object) -> Response:
        sent.append(request)
        return Response(BUSY, "too many", 7) if len(sent) == 1 else Response(generation=3)

    monkeypatch.setattr(daemon_socket, "_try", once_busy)
    request = Request(PIN, generation=41, by="alice")
    assert daemon_socket.ask(Names("t", "prod"), Trust(), request, 5.0).generation == 3
    assert sent == [request, Request(PIN, 7, generation=41, by="alice")]
