"""The last-known-good copy on disk, for a host that boots while DynamoDB is away.

Shared memory does not survive a reboot; this does.  It is replaced whole by each new generation,
atomically and fsynced, readable by nobody but the daemon's user, and believed only if every byte of
it checks out and nobody else could have written it.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

from msgpack import Unpacker, packb, unpackb

from ddbcfg_client.codec import unpack_option
from ddbcfg_client.layout.names import Names
from ddbcfg_daemon.errors import UntrustedPath
from ddbcfg_daemon.image import body_of
from ddbcfg_daemon.moment import Moment
from ddbcfg_daemon.source import Reading
from ddbcfg_daemon.trusted_folder import check, open_trusted_folder

# File: prefix, record, head, body.  The prefix has magic, version, length of head and body, and the
# SHA-256 of the two.  The head is a msgpack map that says whose copy it is, open for more keys; the
# body is the msgpack map of the options.
_MAGIC = b"DDBCFGD\x01"
_VERSION = 2
_PREFIX = struct.Struct("<8sQQQ32s")
# The record says when the table last confirmed the content, and is the only part that is written
# again in place: at each good poll.  Within one sector, with a checksum of its own.
_RECORD_AT = _PREFIX.size
_RECORD = struct.Struct("<qq16s")
_RECORD_CHECKSUM = struct.Struct("<I")
_HEAD_AT = _RECORD_AT + 64

_LARGEST = 1 << 31  # bytes; no store comes near, and a damaged size must not fill the memory
_LAST = 1 << 62  # generations and times from here on are absurd; the layout ends at twice that
_CHUNK = 1 << 20  # bytes written at once


@dataclass(frozen=True, slots=True)
class Content:
    """What the copy is to hold: published options, and when the table last confirmed them.

    ``read_at`` is when they were first read, in nanoseconds since 1970.
    """

    options: Mapping[str, bytes]
    generation: int
    digest: str
    read_at: int
    confirmed: Moment


@dataclass(frozen=True, slots=True)
class Copy:
    """What was on disk."""

    reading: Reading
    generation: int
    confirmed: Moment


class DiskCopy:
    """One store's copy in *folder*.  Used by one thread at a time, which may have to wait long."""

    def __init__(self, folder: Path, names: Names) -> None:
        self.path = folder / f"{names.page[1:]}.copy"
        self._folder = folder
        self._names = names
        self._name = self.path.name
        self._new = f"{self._name}.new"
        self._saved: tuple[str, os.stat_result] | None = None  # digest and file of this process

    def follow(self, content: Content) -> None:
        """Bring the copy up to *content*; raises OSError or UntrustedPath.

        What is there already only gets the new time: without reading or writing the rest.
        """
        folder = open_trusted_folder(self._folder)
        try:
            if not self._renew(folder, content):
                self._save(folder, content)
        finally:
            os.close(folder)

    def load(self) -> Copy | None:
        """Return the copy; None when there is none.

        Raises OSError, UntrustedPath, or ValueError: it is damaged or another store's.
        """
        try:
            folder = open_trusted_folder(self._folder)
        except FileNotFoundError:
            return None
        try:
            # O_NONBLOCK: a FIFO in its place must not hold up the daemon.
            fd = os.open(
                self._name,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                dir_fd=folder,
            )
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise UntrustedPath(str(self.path), "is no regular file", "remove it")
            check(self.path, status)
            if status.st_size > _LARGEST:
                raise ValueError("it is larger than any store")
            return self._parse(file.read(_LARGEST))

    # --- writing ---------------------------------------------------------------------------------

    def _renew(self, folder: int, content: Content) -> bool:
        """Write the new time into the file if it holds this content; whether it does."""
        if self._saved is None or self._saved[0] != content.digest:
            return False
        try:
            fd = os.open(self._name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return False  # removed, or another kind of file is in its place
        try:
            status = os.fstat(fd)
            if _identity(status) != _identity(self._saved[1]):
                return False
            # Not fsynced: after a power cut the copy would look some seconds older, no more.
            return os.pwrite(fd, _record(content.confirmed), _RECORD_AT) == _HEAD_AT - _RECORD_AT
        finally:
            os.close(fd)

    def _save(self, folder: int, content: Content) -> None:
        """Replace the copy.  A failure leaves the old one."""
        self._saved = None
        with suppress(FileNotFoundError):  # left by a daemon that was killed while it wrote
            os.unlink(self._new, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._new, flags, 0o600, dir_fd=folder)
        try:
            with open(fd, "wb") as file:
                os.fchmod(fd, 0o600)  # a umask can take from the owner, too
                prefix = self._write(file.write, content)
                file.seek(0)
                file.write(prefix + _record(content.confirmed))
                file.flush()
                os.fsync(fd)
                status = os.fstat(fd)
            # After the content is on disk, so that a power cut leaves the old copy or the new one.
            os.replace(self._new, self._name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):  # a full disk is not to stay fuller for it
                os.unlink(self._new, dir_fd=folder)
            raise
        os.fsync(folder)
        self._saved = content.digest, status

    def _write(self, write: Any, content: Content) -> bytes:
        """Write head and body behind the room for the prefix; the prefix."""
        head = packb(
            {
                "namespace": self._names.namespace,
                "store": self._names.store,
                "generation": content.generation,
                "digest": bytes.fromhex(content.digest),
                "read_at": content.read_at,
            }
        )
        write(bytes(_HEAD_AT))
        write(head)
        digest, length = sha256(head), 0
        for chunk in _chunks(body_of(content.options)):
            write(chunk)
            digest.update(chunk)
            length += len(chunk)
        return _PREFIX.pack(_MAGIC, _VERSION, len(head), length, digest.digest())

    # --- reading ---------------------------------------------------------------------------------

    def _parse(self, raw: bytes) -> Copy:
        """The copy in the file's bytes; ValueError says why it is none."""
        if len(raw) < _HEAD_AT:
            raise ValueError("it is cut short")
        magic, version, head_length, body_length, digest = _PREFIX.unpack_from(raw)
        if magic != _MAGIC:
            raise ValueError("it is no copy of a store")
        if version != _VERSION:
            raise ValueError(f"it is of version {version}, this release reads {_VERSION}")
        rest = memoryview(raw)[_HEAD_AT:]
        if len(rest) != head_length + body_length or sha256(rest).digest() != digest:
            raise ValueError("it is damaged (its checksum does not match)")
        try:
            head = unpackb(rest[:head_length])
            whose = head["namespace"], head["store"]
            generation, read_at = head["generation"], head["read_at"]
            options = _options_of(rest[head_length:])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"it is damaged ({type(error).__name__})") from None
        if whose != (self._names.namespace, self._names.store):
            raise ValueError(f"it is of another store, {whose[0]!r}/{whose[1]!r}")
        if not (_is_within(1, generation) and _is_within(0, read_at)):
            raise ValueError("it has an absurd generation or time")
        # A record that is damaged leaves the time of the first reading: older, not younger.
        confirmed = _parse_record(raw) or Moment(read_at, 0, bytes(16))
        return Copy(Reading(options, read_at, "disk"), generation, confirmed)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_uid, status.st_mode


def _is_within(first: int, number: object) -> bool:
    return type(number) is int and first <= number < _LAST


def _record(moment: Moment) -> bytes:
    fields = _RECORD.pack(moment.unix, moment.boottime, moment.boot)
    return (fields + _RECORD_CHECKSUM.pack(crc32(fields))).ljust(_HEAD_AT - _RECORD_AT, b"\0")


def _parse_record(raw: bytes) -> Moment | None:
    """The moment in the record; None when it is damaged or absurd."""
    unix, boottime, boot = _RECORD.unpack_from(raw, _RECORD_AT)
    (checksum,) = _RECORD_CHECKSUM.unpack_from(raw, _RECORD_AT + _RECORD.size)
    if crc32(raw[_RECORD_AT : _RECORD_AT + _RECORD.size]) != checksum:
        return None
    if not (_is_within(0, unix) and _is_within(0, boottime)):
        return None
    return Moment(unix, boottime, boot)


def _chunks(pieces: list[bytes]) -> Iterator[bytes]:
    """The pieces joined to chunks of about 1 MiB: the body is not in memory a second time."""
    start, size = 0, 0
    for end, piece in enumerate(pieces, 1):
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(pieces[start:end])
            start, size = end, 0
    yield b"".join(pieces[start:])


def _options_of(body: memoryview) -> dict[str, bytes]:
    """The packed options in a body; ValueError when it is none."""
    unpacker = Unpacker(max_buffer_size=len(body) or 1)
    unpacker.feed(body)
    options = {}
    try:
        for _ in range(unpacker.read_map_header()):
            option = unpacker.unpack()
            start = unpacker.tell()
            unpacker.skip()
            packed = bytes(body[start : unpacker.tell()])
            unpack_option(packed)
            options[str(option)] = packed
    except Exception as error:  # noqa: BLE001 - whatever msgpack says of bytes it cannot unpack
        raise ValueError(f"no body of options ({type(error).__name__})") from None
    return options
