"""A daemon that serves requests, and its peers."""

from __future__ import annotations

import json
import socket
from typing import Any

from ddbcfg_daemon.publishing.objects import path_of
from support.request_serving import Served

DB = {"db": {"host": "a"}}


STRANGER = 65533


class Peer:
    """A connection that sends what it likes."""

    def __init__(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(str(path_of(name)))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def response(self) -> dict[str, Any]:
        """What came until the daemon hung up."""
        line = b""
        try:
            while data := self._socket.recv(65536):
                line += data
        except ConnectionResetError:  # it hung up without reading all
            pass
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **fields: object) -> dict[str, Any]:
        self.send(json.dumps({"version": 1, **fields}).encode() + b"\n")
        return self.response()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def ask(served: Served, line: bytes = b'{"version": 1, "op": "poll"}\n') -> dict[str, Any]:
    with Peer(served.names.requests) as peer:
        peer.send(line)
        return peer.response()
