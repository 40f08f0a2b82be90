"""What the polls leave in the status that readers see."""

from __future__ import annotations

import pytest

from ddbcfg_client.format.page import PageStatus
from ddbcfg_daemon.poll_record import PollRecord
from ddbcfg_daemon.sources.base import Provenance, Reading


@pytest.mark.parametrize(
    ("provenance", "how"),
    [
        pytest.param(Provenance(), "", id="--use-revision off"),
        pytest.param(Provenance(revision=3, table_revision=3), "log", id="nothing new"),
        pytest.param(Provenance(how="no revision"), "log", id="nothing new, no revision"),
    ],
)
def test_how_the_last_change_was_found_is_only_said_where_a_revision_is_followed(
    provenance: Provenance, how: str
) -> None:
    """The status goes on from one daemon to the next, whose settings can be others."""
    record = PollRecord(PageStatus(how="log", revision=3, table_revision=3), "config/prod")
    reading = Reading({}, 0, provenance=provenance)
    record.succeeded(reading, "", published=False, generation=1)
    assert record.status.how == how
