"""The checksum of a body is combined from those of its parts."""

from __future__ import annotations

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.format.combining import combined


@given(st.lists(st.binary(max_size=3000), max_size=6))
def test_a_checksum_of_parts_is_that_of_the_whole(parts: list[bytes]) -> None:
    checksum = 0
    for part in parts:
        checksum = combined(checksum, crc32(part), len(part))
    assert checksum == crc32(b"".join(parts))


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_parts_may_have_any_size(checksum: int, first: int, second: int) -> None:
    """Bytes with the checksum 0 only advance, so no bytes are needed to compare with."""
    twice = combined(combined(checksum, 0, first), 0, second)
    assert twice == combined(checksum, 0, first + second)
