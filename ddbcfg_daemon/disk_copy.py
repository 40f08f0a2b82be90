"""The last-known-good copy on disk, for a host that boots while DynamoDB is away.

Shared memory does not survive a reboot; this does.  It is written after each new generation,
atomically and fsynced, readable by nobody but the daemon's user, and believed only if every byte of
it checks out.
"""

from __future__ import annotations

import logging
import os
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from msgpack import Unpacker, packb, unpackb

from ddbcfg_client.codec import unpack_option
from ddbcfg_client.layout.names import Names
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.image import body_of
from ddbcfg_daemon.source import Reading

log = logging.getLogger("ddbcfg.daemon")

# File: magic, version, length of the head, SHA-256 of all that follows, head, body.  The head is a
# msgpack map that says whose copy it is; the body is that of a snapshot segment.
_MAGIC = b"DDBCFGD\x01"
_VERSION = 1
_PREFIX = struct.Struct("<8sQQ32s")
_LARGEST = 1 << 31  # bytes; no store comes near, and a damaged size must not fill the memory


@dataclass(frozen=True, slots=True)
class Copy:
    """What was on disk: the options, and the generation that they had."""

    reading: Reading
    generation: int


class DiskCopy:
    """One store's copy in *folder*; the folder is there already."""

    def __init__(self, folder: Path, names: Names) -> None:
        self._names = names
        self._digest: str | None = None  # of what this process has saved
        self._path = folder / f"{names.page[1:]}.copy"
        self._new = folder / f"{names.page[1:]}.copy.new"

    def follow(self, reading: Reading, snapshot: Snapshot) -> None:
        """Bring the copy up to *snapshot*, the published *reading*; a failure is only logged."""
        if snapshot.digest == self._digest:
            return
        try:
            self.save(reading, snapshot.generation)
        except OSError as error:
            # Tried again after the next poll; readers do not depend on it.
            log.warning("the copy on disk was not written: %s", error)
        else:
            self._digest = snapshot.digest

    def save(self, reading: Reading, generation: int) -> None:
        """Replace the copy; OSError when that failed, and the old one is still there."""
        body = b"".join(body_of(reading.options))
        about = packb(
            {
                "namespace": self._names.namespace,
                "store": self._names.store,
                "generation": generation,
                "read_at": reading.read_at,
            }
        )
        digest = sha256(about)
        digest.update(body)
        prefix = _PREFIX.pack(_MAGIC, _VERSION, len(about), digest.digest())
        self._new.unlink(missing_ok=True)  # left by a daemon that was killed while it wrote
        fd = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "wb") as file:
            file.writelines((prefix, about, body))
            file.flush()
            os.fsync(fd)
        # After the content is on disk, so that a power cut leaves the old copy or the new one.
        self._new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def load(self) -> Copy | None:
        """The copy; None when there is none, or (said in the log) none that can be believed."""
        try:
            raw = self._read()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("ignored the copy %s: %s", self._path, error.strerror)
            return None
        try:
            return self._parse(raw)
        except ValueError as error:
            log.warning("ignored the copy %s: %s", self._path, error)
            return None

    def _read(self) -> bytes:
        # O_NONBLOCK: a FIFO in its place must not hold up the daemon.
        fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            return file.read(_LARGEST)

    def _parse(self, raw: bytes) -> Copy:
        """The copy in the file's bytes; ValueError says why it is none."""
        if len(raw) < _PREFIX.size:
            raise ValueError("it is cut short")
        magic, version, length, digest = _PREFIX.unpack_from(raw)
        if magic != _MAGIC:
            raise ValueError("it is no copy of a store")
        if version != _VERSION:
            raise ValueError(f"it is of version {version}, this release reads {_VERSION}")
        rest = raw[_PREFIX.size :]
        if sha256(rest).digest() != digest:
            raise ValueError("it is damaged (its checksum does not match)")
        try:
            about = unpackb(rest[:length])
            whose = about["namespace"], about["store"]
            generation, read_at = int(about["generation"]), int(about["read_at"])
            options = _options_of(rest[length:])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"it is damaged ({type(error).__name__})") from None
        if whose != (self._names.namespace, self._names.store):
            raise ValueError(f"it is of another store, {whose[0]}/{whose[1]}")
        return Copy(Reading(options, read_at, "disk"), generation)


def _options_of(body: bytes) -> dict[str, bytes]:
    """The packed options in a body; ValueError when it is none."""
    unpacker = Unpacker(max_buffer_size=len(body) or 1)
    unpacker.feed(body)
    options = {}
    try:
        for _ in range(unpacker.read_map_header()):
            option = unpacker.unpack()
            start = unpacker.tell()
            unpacker.skip()
            packed = body[start : unpacker.tell()]
            unpack_option(packed)
            options[str(option)] = packed
    except Exception as error:  # noqa: BLE001 - whatever msgpack says of bytes it cannot unpack
        raise ValueError(f"no body of options ({type(error).__name__})") from None
    return options
