"""A segment and a control page in this process's memory, byte for byte as in shared memory."""

from __future__ import annotations

from ddbcfg_client.format.page import (
    GENERATION_WORD,
    MAGIC_WORD,
    PAGE_MAGIC,
    new_page,
    read_status,
    words_of,
    write_status,
)
from ddbcfg_client.format.segment import HEADER_SIZE, parse_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.format.builder import Image
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.page import PageStatus


class MemorySegment:
    """A snapshot segment for a Snapshot; it never disappears."""

    __slots__ = ("_bytes", "header", "name")

    def __init__(self, name: str, image: Image) -> None:
        self.name = name
        self._bytes = b"".join([image.header.pack(), *image.parts()])
        self.header = parse_header(self._bytes[:HEADER_SIZE], len(self._bytes))

    def found(self, option: str) -> bytes | None:
        """Return None: there is no short way."""
        return None

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``; they exist, because the header was verified."""
        return self._bytes[offset : offset + size]

    def is_open(self) -> bool:
        """Return True: there is no descriptor that a program could close."""
        return True


class MemoryPage:
    """A control page with one generation and one status; it is never replaced."""

    __slots__ = ("_bytes", "names", "words")

    def __init__(self, names: Names, generation: int, status: PageStatus) -> None:
        self.names = names
        self._bytes = memoryview(bytearray(new_page()))
        self.words = words_of(self._bytes)
        self.words[MAGIC_WORD] = PAGE_MAGIC
        self.words[GENERATION_WORD] = generation
        write_status(self._bytes, self.words, status)

    def status(self) -> PageStatus:
        """Return the status."""
        return read_status(self._bytes, self.words)

    def replaced(self) -> bool:
        """Return False."""
        return False
