"""G2, never torn: what one read returns belongs to one generation, and generations never go back.

The checker is proven too: it catches a writer that really tears.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ddbcfg_client.format.names import Names
from support.racing import race

READERS = 3
PUBLICATIONS = 20_000


@pytest.mark.timeout(120)
def test_readers_see_whole_generations_while_one_publishes(
    names: Names, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    writer, *readers = race("publish", names, READERS, PUBLICATIONS)
    record_property("publisher", writer)
    record_property("readers", readers)
    print(f"{time.monotonic() - began:.1f} s", writer, *readers, sep="\n")
    assert writer == {"publications": PUBLICATIONS, "generation": PUBLICATIONS}
    for counts in readers:
        assert (counts["torn"], counts["went_back"], counts["refused"]) == (0, 0, 0)
        assert counts["last"] == PUBLICATIONS
        assert counts["generations"] > 100
        assert counts["reads"] > PUBLICATIONS


def test_the_checker_catches_a_writer_that_tears(
    names: Names, record_property: Callable[[str, object], None]
) -> None:
    """Positive control: whole entries with right checksums that do not belong together."""
    writer, *readers = race("tear", names, READERS, 4_000)
    record_property("readers", readers)
    print(writer, *readers, sep="\n")
    assert sum(counts["torn"] for counts in readers) > 0
