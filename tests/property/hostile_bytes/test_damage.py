"""G9: damaged bytes in shared memory give the right value or a typed error."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.config import Config
from ddbcfg_client.format.page import (
    PAGE_SIZE,
    pack_status,
    status_slot,
)
from ddbcfg_client.format.segment import HEADER_SIZE
from ddbcfg_client.shm.trust import Trust
from support.hostile_bytes import LARGE, SMALL, Victim, damaged


def test_without_damage_every_answer_is_right(small: Victim, large: Victim) -> None:
    for victim in (small, large):
        assert victim.check() == len(list(victim.actions(victim.options)))
    assert large.header.blocks > 1


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_every_single_flipped_bit_of_a_segment_is_noticed_or_does_not_matter(
    small: Victim,
) -> None:
    flips = 0
    with small.segment.open("r+b", buffering=0) as segment:
        for at, byte in enumerate(small.whole):
            for bit in range(8):
                os.pwrite(segment.fileno(), bytes([byte ^ 1 << bit]), at)
                small.check(["db", "plumless"])
                flips += 1
            os.pwrite(segment.fileno(), bytes([byte]), at)
    assert flips == 8 * len(small.whole)
    assert small.check() == len(list(small.actions(small.options)))


def test_every_single_flipped_bit_of_a_page_is_noticed_or_does_not_matter(small: Victim) -> None:
    used = len(pack_status(small.new))
    places = [
        *range(64),
        *range(status_slot(0), status_slot(0) + used),
        *range(status_slot(1), status_slot(1) + used),
    ]
    with small.page.open("r+b", buffering=0) as page:
        for at in places:
            byte = small.whole_page[at]
            for bit in range(8):
                os.pwrite(page.fileno(), bytes([byte ^ 1 << bit]), at)
                small.check(["db"])
            os.pwrite(page.fileno(), bytes([byte]), at)
    assert small.check() == len(list(small.actions(small.options)))


@settings(max_examples=200)
@given(data=st.data())
def test_a_damaged_segment_gives_right_values_or_typed_errors(
    small: Victim, data: st.DataObject
) -> None:
    small.put(data.draw(st.composite(damaged)(small.whole)))
    small.check()


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_index_of_many_blocks_hides_no_option(large: Victim, data: st.DataObject) -> None:
    """Only the index, so that the header never tells."""
    index = large.whole[HEADER_SIZE : large.header.body_at]
    raw = data.draw(st.composite(damaged)(index))[: len(index)]
    large.put(
        large.whole[:HEADER_SIZE]
        + raw
        + large.whole[HEADER_SIZE + len(raw) : large.header.body_at]
        + large.whole[large.header.body_at :]
    )
    large.check(data.draw(st.lists(st.sampled_from(LARGE), max_size=10)) + LARGE[::100])


def test_entries_that_changed_places_hide_no_option(small: Victim) -> None:
    """Each entry of the table is right by itself then: its checksum does not tell."""
    at, count = small.header.entries_at, small.header.options
    table = [small.whole[at + 16 * number : at + 16 * (number + 1)] for number in range(count)]
    for one in range(count):
        for other in range(count):
            changed = list(table)
            changed[one] = table[other]
            small.put(small.whole[:at] + b"".join(changed) + small.whole[at + 16 * count :])
            small.check()
    small.put(small.whole[:at] + b"".join(reversed(table)) + small.whole[at + 16 * count :])
    assert small.check() < len(list(small.actions(small.options)))


@settings(max_examples=100)
@given(data=st.data())
def test_damage_under_a_reader_gives_right_values_or_typed_errors(
    small: Victim, data: st.DataObject
) -> None:
    """Segments are not mapped: cut short under a reader, they give an error and no SIGBUS."""
    small.put(small.whole)
    config = Config(small.names, Trust())
    for name in data.draw(st.lists(st.sampled_from(SMALL), max_size=3)):
        assert config[name] == small.everything[name]
    small.put(data.draw(st.composite(damaged)(small.whole)))
    small.check(config=config)
    small.put(small.whole)
    assert small.check(config=config) == len(list(small.actions(small.options)))


@settings(max_examples=100)
@given(data=st.data())
def test_a_damaged_page_gives_right_values_or_typed_errors(
    small: Victim, data: st.DataObject
) -> None:
    interesting = small.whole_page[: status_slot(0) + 200]
    raw = data.draw(st.composite(damaged)(interesting))
    small.put_page((raw + small.whole_page[len(raw) :])[: data.draw(st.integers(4090, PAGE_SIZE))])
    small.check(["db"])
