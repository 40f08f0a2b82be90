"""The names of a store's objects.

``/ddbcfg.<namespace>.<store>`` is the control page; the names of all else derive from it.
"""

from __future__ import annotations

PREFIX = "/ddbcfg."
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST = 80


def quoted(part: str) -> str:
    """Return ``part`` quoted for an object's name: bytes other than ``[A-Za-z0-9_-]`` as ``%XX``.

    Dots are quoted, so they can separate the parts of a name.  A part of more than 80 characters is
    cut and ends in ``~`` and a hash, because NAME_MAX limits the whole name to 255.
    """
    raw = part.encode()
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    if len(text) <= _LONGEST:
        return text
    from hashlib import sha256  # here: importing it takes milliseconds, and few need it

    # 128 bits: with a collision, two stores would share a page and read each other's options.
    return f"{text[:47]}~{sha256(raw).hexdigest()[:32]}"


def unquoted(part: str) -> str:
    """Return the argument of ``quoted``; a shortened name is returned unchanged."""
    if "~" in part:
        return part
    pieces = part.split("%")
    try:
        raw = pieces[0].encode() + b"".join(
            bytes.fromhex(piece[:2]) + piece[2:].encode() for piece in pieces[1:]
        )
        return raw.decode()
    except ValueError:
        return part


def stores_in(text: str) -> list[str]:
    """Return the stores in the comma-separated ``text``, each once.

    Only this function splits ``--store`` and ``DDBCFG_STORE``, so they mean the same everywhere.
    A store with a comma in its name cannot be selected with them.
    """
    names = (name.strip() for name in text.split(","))
    return list(dict.fromkeys(name for name in names if name))


class Names:
    """The names of one store's objects, all derived from the control page's."""

    __slots__ = ("admin", "lock", "namespace", "page", "requests", "semaphore", "store")

    def __init__(self, namespace: str, store: str, page: str | None = None) -> None:
        self.namespace = namespace
        self.store = store
        self.page = page or f"{PREFIX}{quoted(namespace)}.{quoted(store)}"
        self.semaphore = self.page  # semaphores have their own name space ("sem." in /dev/shm)
        self.lock = f"{self.page}.lock"
        self.requests = f"{self.page}.requests"  # a socket for all users that may read
        self.admin = f"{self.page}.admin"  # a socket for the daemon's user and root

    def segment(self, generation: int) -> str:
        """Return the name of the snapshot segment of ``generation``."""
        return f"{self.page}.{generation}"

    @property
    def temporary_prefix(self) -> str:
        """What the names of objects begin with that are not complete yet."""
        from hashlib import sha256  # here: only the daemon and the removal of a store need it

        # Short even if the store's name is long: a socket's address has room for 108 bytes.
        return f"/ddbcfg~{sha256(self.page.encode()).hexdigest()[:32]}~"

    @classmethod
    def of_page(cls, page: str) -> Names | None:
        """Return the names for a control page's name; None if it is not the name of a page."""
        parts = page.removeprefix(PREFIX).split(".")
        if not page.startswith(PREFIX) or len(parts) != 2 or not all(parts):
            return None
        return cls(unquoted(parts[0]), unquoted(parts[1]), page)

    def generation_of(self, name: str) -> int | None:
        """Return the generation of the segment ``name``; None if it is not one of this store's."""
        generation = name.removeprefix(f"{self.page}.")
        if generation == name or not (generation.isascii() and generation.isdigit()):
            return None
        return int(generation)
