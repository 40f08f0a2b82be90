"""Where to listen for HTTP: an IP address and a port, or a Unix socket."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

_PREFIX = "unix:"
_LONGEST = 100  # bytes of a socket's path; the kernel allows 107, and a new one has a suffix
_FORM = "127.0.0.1:9112, [::1]:9112 or unix:/run/ddbcfg/http.sock"


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """An address to listen on: ``host``, an IP address, and ``port``, or ``path``, a socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def of(cls, text: str) -> HttpAddress:
        """Return the address in ``text``; raise ValueError, which says what is wrong.

        Port 0 is any free one.
        """
        if text.startswith(_PREFIX):
            return cls(path=_path(text.removeprefix(_PREFIX)))
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise ValueError(f"{text!r} is not an address like {_FORM}")
        if int(port) > 65535:
            raise ValueError(f"{text!r}: the port is above 65535")
        try:
            # No other names: an address may not change with DNS.
            return cls("127.0.0.1" if host == "localhost" else _ip(host), int(port))
        except ValueError:
            raise ValueError(f"{text!r} has no IP address before its port: {_FORM}") from None

    @property
    def public(self) -> bool:
        """Whether other hosts can reach it."""
        return not self.path and not ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """The address as an operator would open it."""
        return f"{_PREFIX}{self.path}" if self.path else f"http://{self}/"

    def __str__(self) -> str:
        if self.path:
            return f"{_PREFIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _ip(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        address = ip_address(text[1:-1])
        if address.version != 6:
            raise ValueError
    else:
        address = ip_address(text)
        if address.version != 4:  # a port after it could be a part of it
            raise ValueError
    return str(address)


def _path(path: str) -> str:
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"{_PREFIX + path!r} is not {_PREFIX} and an absolute path")
    if "\0" in path:
        raise ValueError(f"the path of a socket may not have a NUL: {path!r}")
    if len(path.encode()) > _LONGEST:
        raise ValueError(f"the path of a socket may have {_LONGEST} bytes: {path!r} is longer")
    return path
