"""The digest: one for equal content on every host, kept up to date from what changed."""

from __future__ import annotations

from hashlib import sha256


def entry_digest(*parts: bytes) -> int:
    """Return what an option, its packed name and keys, adds to the digest.

    A sum can be kept up to date from the options that changed, and does not depend on their order.
    """
    made = sha256()
    for part in parts:
        made.update(part)
    return int.from_bytes(made.digest(), "big")


def digest_bytes(total: int) -> bytes:
    """Return the digest for the sum ``total`` of the entries' digests, which may be negative."""
    return (total % (1 << 256)).to_bytes(32, "big")
