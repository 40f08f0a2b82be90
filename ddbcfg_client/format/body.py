"""The body: the options as one msgpack map ``{option: {key: value}}`` in canonical order.

A segment contains it, and so does the copy on disk.
"""

from __future__ import annotations

from msgpack import Packer, Unpacker

from ddbcfg_client.format.options import unpack_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Pieces in a part.  Large: few system calls, few checksums to combine.  Small: one changed option
# makes one part new, and a part is copied.
PART = 2048


def body_of(options: Mapping[str, bytes]) -> list[bytes]:
    """Return the msgpack map of names and packed keys in pieces: its head, then name, keys, name...

    It is sorted by name.  Python orders str by code point, which is the order of the UTF-8 bytes.
    """
    packer = Packer()  # shared: creating one costs more than packing a name
    pieces = [bytes(packer.pack_map_header(len(options)))]
    for option in sorted(options):
        pieces += (bytes(packer.pack(option)), options[option])
    return pieces


def joined(pieces: list[bytes]) -> Iterator[bytes]:
    """Yield the body that ``pieces`` make up in parts, each of PART pieces."""
    for at in range(0, len(pieces), PART):
        yield b"".join(pieces[at : at + PART])


def options_of(body: memoryview) -> dict[str, bytes]:
    """Return the options in a body, name to packed keys; raise ValueError if it is not a body."""
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
    except Exception as error:  # noqa: BLE001 - msgpack raises many types for invalid bytes
        raise ValueError(f"not a body of options ({type(error).__name__})") from None
    return options
