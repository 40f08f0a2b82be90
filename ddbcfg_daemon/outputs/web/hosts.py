"""The Host headers that are accepted.

A web page of an attacker can let its own name point to 127.0.0.1 and then read, through the browser
of a person on this host, what listens here (DNS rebinding).  The browser still sends that name.
"""

from __future__ import annotations

from ipaddress import ip_address

from ddbcfg_daemon.outputs.web.messages import Request
from ddbcfg_daemon.settings.http_address import HttpAddress


def accepts(address: HttpAddress, request: Request) -> bool:
    """Return whether the request was meant for this server.

    A server on a loopback address accepts localhost and IP addresses.  A public server cannot know
    its names, and no browser uses a Unix socket.
    """
    if address.path or address.public:
        return True
    return all(_is_local(host) for host in request.hosts)


def _is_local(host: str) -> bool:
    name = host.strip().lower()
    if name.startswith("["):
        name, _, _port = name[1:].partition("]")
    else:
        name, _, _port = name.partition(":")
    if name in ("localhost", "localhost."):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
