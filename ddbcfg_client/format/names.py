"""What a store's objects are called.

``/ddbcfg.<namespace>.<store>`` is the control page; the names of all else derive from it.
"""

from __future__ import annotations

PREFIX = "/ddbcfg."
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST = 80


def quoted(part: str) -> str:
    """``part`` as it stands in an object's name: ``[A-Za-z0-9_-]`` as is, other bytes as ``%XX``.

    Dots are quoted, so they can separate the parts of a name.  What would be longer than 80
    characters ends in ``~`` and a hash: NAME_MAX leaves 255 for the whole name.
    """
    raw = part.encode()
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    if len(text) <= _LONGEST:
        return text
    from hashlib import sha256  # here: it costs a process that only reads some milliseconds

    # 128 bits: two stores that shared a page by a collision would read each other's options.
    return f"{text[:47]}~{sha256(raw).hexdigest()[:32]}"


def unquoted(part: str) -> str:
    """What :func:`quoted` was given; a shortened name is returned as it stands."""
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
    """Return the stores that ``text`` lists, separated by commas, each once.

    ``--store`` and ``DDBCFG_STORE`` mean the same everywhere, so this is the only place that splits
    them.  A store whose own name has a comma cannot be named there.
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
        self.semaphore = self.page  # semaphores have a name space of their own ("sem." in /dev/shm)
        self.lock = f"{self.page}.lock"
        self.requests = f"{self.page}.requests"  # sockets: this one for those who may read,
        self.admin = f"{self.page}.admin"  # this one for the daemon's user and root

    def segment(self, generation: int) -> str:
        """The name of the snapshot segment of ``generation``."""
        return f"{self.page}.{generation}"

    @classmethod
    def of_page(cls, page: str) -> Names | None:
        """The names behind a control page's name; None when it is not one's."""
        parts = page.removeprefix(PREFIX).split(".")
        if not page.startswith(PREFIX) or len(parts) != 2 or not all(parts):
            return None
        return cls(unquoted(parts[0]), unquoted(parts[1]), page)

    def generation_of(self, name: str) -> int | None:
        """The generation of the segment called ``name``; None when it is none of this store's."""
        generation = name.removeprefix(f"{self.page}.")
        if generation == name or not (generation.isascii() and generation.isdigit()):
            return None
        return int(generation)
