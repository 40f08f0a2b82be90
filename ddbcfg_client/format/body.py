"""The body: the options as one msgpack map ``{option: {key: value}}`` in canonical order.

A segment has it, and the copy on disk.
"""

from __future__ import annotations

from msgpack import Packer, Unpacker

from ddbcfg_client.format.values import unpack_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_JOINED = 512  # pieces: few system calls for small options, not much memory for large ones


def body_of(options: Mapping[str, bytes]) -> list[bytes]:
    """Return the msgpack map of names and packed keys in pieces: its head, then name, keys, name...

    Sorted by name: Python orders str by code point, which is the order of the UTF-8 bytes.
    """
    packer = Packer()  # one for all: making one costs more than packing a name
    pieces = [bytes(packer.pack_map_header(len(options)))]
    for option in sorted(options):
        pieces += (bytes(packer.pack(option)), options[option])
    return pieces


def joined(pieces: list[bytes]) -> Iterator[bytes]:
    """Yield the body that ``pieces`` are, so many at a time."""
    for at in range(0, len(pieces), _JOINED):
        yield b"".join(pieces[at : at + _JOINED])


def options_of(body: memoryview) -> dict[str, bytes]:
    """Return the options in a body, name to packed keys; raise ValueError when it is none."""
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
