"""The layout is pinned: a change of any offset is a change of the layout version."""

from __future__ import annotations

import sys
from zlib import crc32

import pytest
from msgpack import packb

from ddbcfg_client.format import LAYOUT_VERSION, layout_of
from ddbcfg_client.format import page as page_layout
from ddbcfg_client.format import segment as segment_layout
from ddbcfg_client.format.names import Names, quoted, unquoted
from ddbcfg_client.format.page import PageStatus, new_page, pack_status, parse_status


def test_what_every_reader_of_any_age_relies_on_keeps_its_place() -> None:
    assert (page_layout.MAGIC_WORD, page_layout.LAYOUT_WORD, page_layout.GENERATION_WORD) == (
        0,
        1,
        2,
    )
    assert page_layout.PAGE_MAGIC.to_bytes(8, "little") == b"DDBCFGP\x01"
    assert segment_layout.SEGMENT_MAGIC.to_bytes(8, "little") == b"DDBCFGS\x01"
    assert page_layout.RETIRED == 1 << 63


def test_layout_version_2_is_pinned() -> None:
    assert LAYOUT_VERSION == 2
    assert page_layout.PAGE_SIZE == 4096
    assert [page_layout.status_slot(count) for count in range(3)] == [64, 2080, 64]
    assert page_layout.status_slot(1) + 2016 == page_layout.PAGE_SIZE
    assert segment_layout.HEADER_SIZE == 512
    assert (segment_layout.SLOT_SIZE, segment_layout.ENTRY_SIZE) == (8, 16)


def test_every_word_of_the_page_is_aligned() -> None:
    assert all(page_layout.status_slot(count) % 8 == 0 for count in (0, 1))


def test_a_new_page_has_no_magic_yet() -> None:
    page = new_page()
    assert len(page) == 4096
    assert page[:8] == bytes(8)
    assert layout_of(page, page_layout.PAGE_MAGIC) is None


NUMBERS = [name for name in PageStatus.__slots__ if isinstance(getattr(PageStatus(), name), int)]
TEXTS = [name for name in PageStatus.__slots__ if name not in NUMBERS]
STATUS = PageStatus(
    **{name: number - 3 for number, name in enumerate(NUMBERS)},  # type: ignore[arg-type]
    **{name: f"Grüße {name}" for name in TEXTS},  # type: ignore[arg-type]
)


def test_a_status_comes_back_as_it_went() -> None:
    for status in (STATUS, PageStatus()):
        again = parse_status(pack_status(status).ljust(2016, b"\xff"))
        assert all(
            getattr(again, field) == getattr(status, field) for field in PageStatus.__slots__
        )


def test_what_a_later_daemon_adds_to_a_status_is_skipped() -> None:
    said = packb({"polls": 3, "source": "parameter store", "weather": {"sun": [1.5, None]}})
    rest = len(said).to_bytes(8, sys.byteorder) + said
    status = parse_status(crc32(rest).to_bytes(8, sys.byteorder) + rest)
    assert (status.polls, status.source, status.error) == (3, "parameter store", "")


@pytest.mark.parametrize("said", [{"polls": "3"}, {"polls": 2**63}, {"error": 5}, ["polls"], 7])
def test_a_status_of_the_wrong_types_is_refused(said: object) -> None:
    packed = packb(said)
    rest = len(packed).to_bytes(8, sys.byteorder) + packed
    with pytest.raises(ValueError, match="the status"):
        parse_status(crc32(rest).to_bytes(8, sys.byteorder) + rest)


@pytest.mark.parametrize("position", [0, 8, 50, 100, 105])
def test_a_damaged_status_is_refused(position: int) -> None:
    slot = bytearray(pack_status(STATUS).ljust(2016, b"\0"))
    slot[position] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        parse_status(bytes(slot))


def test_long_texts_are_cut_at_a_character_and_always_fit() -> None:
    largest = PageStatus(
        **dict.fromkeys(NUMBERS, 2**63 - 1),  # type: ignore[arg-type]
        **dict.fromkeys(TEXTS, "é" * 4000),  # type: ignore[arg-type]
    )
    assert len(pack_status(largest)) <= 2016
    status = parse_status(pack_status(largest))
    assert status.error == "é" * (page_layout.ERROR_LONGEST // 2)
    assert status.held == "é" * (page_layout.HELD_LONGEST // 2)


def test_a_success_is_that_of_the_generation_asked_for() -> None:
    status = PageStatus(generation=7, success=70, previous_generation=5, previous_success=50)
    assert [status.success_of(generation) for generation in (7, 6, 5)] == [70, None, 50]


@pytest.mark.parametrize(
    ("part", "as_name"),
    [
        ("prod", "prod"),
        ("eu-west_1", "eu-west_1"),
        ("a.b/c", "a%2Eb%2Fc"),
        ("..", "%2E%2E"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("100%", "100%25"),
    ],
)
def test_names_are_quoted_safely_and_back(part: str, as_name: str) -> None:
    assert quoted(part) == as_name
    assert unquoted(as_name) == part


def test_a_long_name_is_shortened_and_stays_its_own() -> None:
    one, other = "x" * 2000 + "1", "x" * 2000 + "2"
    assert len(quoted(one)) == 80
    assert quoted(one) != quoted(other)
    names = Names(one, other)
    assert len(names.segment(2**63)) < 250


def test_a_store_called_like_a_segment_has_other_names_than_one() -> None:
    assert Names("config", "prod.5").page != Names("config", "prod").segment(5)
    assert Names("config.prod", "5").page != Names("config", "prod").segment(5)


def test_the_names_behind_a_page_are_found_again() -> None:
    names = Names("my.table", "prod 1")
    found = Names.of_page(names.page)
    assert found is not None
    assert (found.namespace, found.store, found.page) == ("my.table", "prod 1", names.page)
    for other in (names.segment(3), names.lock, names.requests, "/other", "/ddbcfg.", "/ddbcfg.a."):
        assert Names.of_page(other) is None


def test_the_generation_behind_a_segments_name_is_found_again() -> None:
    names = Names("config", "prod")
    assert names.generation_of(names.segment(17)) == 17
    for other in (names.page, names.lock, names.requests, "/ddbcfg.config.prod2.17"):
        assert names.generation_of(other) is None
