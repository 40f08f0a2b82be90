"""Publisher and reader on memory with weak ordering: a reader gets a value whole, or an error.

Two claims.  The checks alone, without any order, let no reader see a mixture.  With the order that
the code relies on (a fence before the announcement, an acquire at the generation) there is not even
an error.  Each test of the second claim has one that takes the order away and finds the error, so
the model does see what it looks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from ddbcfg_client.errors import SnapshotCorrupt, SnapshotUnavailable
from ddbcfg_client.format import page as page_format
from ddbcfg_client.format.page import STATUS_WORD, PageStatus, pack_status, read_status, status_slot
from model.shared_memory import OPTIONS, Follower, Publishing, empty, image
from model.weak_memory import Choose, Memory, Reader, executions

READS = 2


def replacing(writer: Publishing) -> None:
    """Two generations; the first is removed."""
    writer.page(1)
    writer.publish(1)
    writer.publish(2)
    writer.remove(1)


def reclaiming(writer: Publishing) -> None:
    """Two generations; the first is truncated while readers hold it, because memory is short."""
    writer.page(1)
    writer.publish(1)
    writer.publish(2)
    writer.remove(1, truncate=True)


def retiring(writer: Publishing) -> None:
    """A daemon with another layout: a page of its own, and the old one is retired."""
    writer.page(1)
    writer.publish(1)
    writer.publish(2, page=2)
    writer.page(2)
    writer.retire(1, page=1)


def taking_over(writer: Publishing) -> None:
    """A publisher was killed before the announcement; the next one announces its segment."""
    writer.page(1)
    writer.publish(1)
    writer.write(2)
    writer.announce(2)
    writer.remove(1)


PUBLISHERS = [replacing, retiring, taking_over]  # reclaiming has too many executions without order


def outcomes(
    publish: Callable[[Publishing], None], *, fences: bool = True, acquires: bool = True
) -> Counter[str]:
    """Count how every execution of two reads ends; fail if one shows a mixture or goes back."""
    memory = empty(range(1, 3), range(1, 3))
    publish(Publishing(memory, fences=fences))

    def run(choose: Choose) -> str:
        follower, before = Follower(Reader(memory, choose, acquires=acquires)), 0
        for _ in range(READS):
            try:
                generation, values = follower.read()
            except SnapshotUnavailable:
                return "unavailable"
            except SnapshotCorrupt:
                return "corrupt"
            assert values == dict.fromkeys(OPTIONS, f"generation {generation}")
            assert generation >= before
            before = generation
        return f"generation {before}"

    return Counter(executions(run))


@pytest.mark.parametrize("publish", [*PUBLISHERS, reclaiming])
def test_in_order_every_reader_gets_a_generation_whole(
    publish: Callable[[Publishing], None],
) -> None:
    found = outcomes(publish)
    assert set(found) <= {"unavailable", "generation 1", "generation 2"}
    assert found["generation 1"]
    assert found["generation 2"]


@pytest.mark.parametrize("publish", PUBLISHERS)
@pytest.mark.parametrize(
    "order", [{"fences": False}, {"acquires": False}], ids=["no fence", "no acquire"]
)
def test_without_order_a_reader_gets_a_generation_whole_or_a_typed_error(
    publish: Callable[[Publishing], None], order: dict[str, bool]
) -> None:
    found = outcomes(publish, **order)
    assert found["corrupt"]  # the order was needed, and the checks find that it is missing
    assert found["generation 2"]


def test_an_announcement_before_the_bytes_is_found() -> None:
    def too_early(writer: Publishing) -> None:
        writer.page(1)
        writer.announce(1)
        writer.write(1)

    assert outcomes(too_early)["corrupt"]


def test_a_segment_that_is_written_twice_is_found() -> None:
    def in_place(writer: Publishing) -> None:
        writer.page(1)
        writer.publish(1)
        writer.write(1, image(1, content=2))

    with pytest.raises(AssertionError):
        outcomes(in_place)


# --- the status ----------------------------------------------------------------------------------

CUTS = (0, 8, 16, 28)  # the parts of a slot, each stored and loaded by itself


class LoadedPage:
    """A mapped page, as ``read_status`` uses one: bytes and words."""

    def __init__(self, memory: Reader, size: int) -> None:
        self._memory = memory
        self._size = size

    def __getitem__(self, where: slice | int) -> bytes | int:
        if not isinstance(where, slice):
            count: int = self._memory.load(where)
            return count
        parts = [self._memory.load((where.start, cut)) for cut in CUTS]
        return b"".join(parts)


def statuses(last: int) -> tuple[Memory, int]:
    """Return the memory in which the statuses 0 to ``last`` were written, and a slot's size."""
    memory = Memory()
    writer = Publishing(memory)
    slots = [pack_status(PageStatus(polls=200 + n, failures=200 + n)) for n in range(last + 1)]
    ends = [*CUTS[1:], len(slots[0])]
    for start, end in zip(CUTS, ends, strict=True):
        memory.start((status_slot(0), start), slots[0][start:end])
        memory.start((status_slot(1), start), bytes(end - start))
    memory.start(STATUS_WORD, 0)
    for count in range(1, last + 1):
        for start, end in zip(CUTS, ends, strict=True):
            writer.store((status_slot(count), start), slots[count][start:end])
        writer.store(STATUS_WORD, count)
    return memory, len(slots[0])


def seen(last: int) -> set[tuple[int, int]]:
    """Return the two numbers that each status has, in every execution of its first look at it."""
    memory, size = statuses(last)

    def run(choose: Choose) -> tuple[int, int]:
        loaded = LoadedPage(Reader(memory, choose, acquires=False), size)
        status = read_status(loaded, loaded)  # type: ignore[arg-type]
        return status.polls - 200, status.failures - 200

    return set(executions(run, longest=len(CUTS) + 2))


def test_without_order_a_status_is_whole() -> None:
    assert seen(3) == {(n, n) for n in range(4)}


def test_a_status_without_its_checksum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_format, "crc32", lambda _: 0)
    assert any(polls != failures for polls, failures in seen(3))
