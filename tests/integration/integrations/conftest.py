"""Nothing of one test goes on beside the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from support.waiting import wait_until


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ddbcfg-openfeature"]


@pytest.fixture(autouse=True)
def _no_provider_watches_on() -> Iterator[None]:
    """A provider that is left watches on for all later tests."""
    yield
    wait_until(lambda: not watching())  # the SDK shuts replaced ones down in threads of its own
