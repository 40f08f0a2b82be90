"""The digest of a content: the same for equal content on every host, and cheap to update."""

from __future__ import annotations

from hashlib import sha256


def entry_digest(*parts: bytes) -> int:
    """Return the number that an option, its packed name and keys, adds to the digest.

    The digest is a sum, so it can be updated from the changed options and ignores their order.
    """
    made = sha256()
    for part in parts:
        made.update(part)
    return int.from_bytes(made.digest(), "big")


def digest_bytes(total: int) -> bytes:
    """Return the digest for ``total``, the sum of the entries' digests, which can be negative."""
    return (total % (1 << 256)).to_bytes(32, "big")
