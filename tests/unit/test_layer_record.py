"""The record of a layer's content that lasts with what is published."""

from __future__ import annotations

import pytest

from ddbcfg_client.checks.shrink import shrinkage
from ddbcfg_daemon.layers.record import LayerRecord, as_many, records_in


def test_a_record_comes_back_and_what_is_not_one_is_left_off() -> None:
    record = LayerRecord(3, 20, "0123456789abcdef" * 4)
    later = [4, 1, "", "what a later release adds"]
    stored = {"a": record.packed(), "b": [-1, 0, ""], "c": "x", "d": [1, "2", ""], "e": later}
    found = records_in(stored)
    assert found == {"a": LayerRecord(3, 20, "0123456789abcdef"), "e": LayerRecord(4, 1)}


@pytest.mark.parametrize(
    ("count", "there", "lost"), [(20, 9, True), (20, 10, False), (3, 9, False)]
)
def test_of_options_whose_number_is_known_only_the_missing_ones_count_as_lost(
    count: int, there: int, *, lost: bool
) -> None:
    options = {f"option-{number}": b"" for number in range(there)}
    reason = shrinkage(as_many(count, options), options, 50.0, allow_empty=False)
    assert (reason is not None) == lost
