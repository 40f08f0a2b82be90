"""Raw HTTP: what a server sends on a connection until it closes that."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from ddbcfg_daemon.settings.http_address import HttpAddress

PATIENCE = 20.0


@dataclass(frozen=True)
class Received:
    """A response."""

    status: int
    headers: dict[str, str]
    body: str


def connect(address: HttpAddress) -> socket.socket:
    """A connection to the server."""
    family = socket.AF_UNIX if address.path else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    try:
        sock.connect(address.path or (address.host, address.port))
    except OSError:
        sock.close()
        raise
    return sock


def received(sock: socket.socket) -> bytes:
    """Everything until the server closes; empty also if it resets the connection."""
    raw = b""
    try:
        while part := sock.recv(65536):
            raw += part
    except ConnectionResetError:
        pass
    return raw


def exchange(address: HttpAddress, request: bytes) -> bytes:
    """What the server sends for these bytes."""
    with connect(address) as sock:
        sock.sendall(request)
        return received(sock)


def get(address: HttpAddress, path: str = "/", method: str = "GET", **headers: str) -> Received:
    """The response to a request."""
    its = {"host": "localhost", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in its.items())]
    raw = exchange(address, ("\r\n".join(lines) + "\r\n\r\n").encode()).decode()
    head, _, body = raw.partition("\r\n\r\n")
    first, *rest = head.split("\r\n")
    pairs = (line.partition(": ") for line in rest)
    return Received(int(first.split()[1]), {name.lower(): text for name, _, text in pairs}, body)
