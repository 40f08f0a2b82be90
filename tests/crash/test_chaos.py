"""All that can go wrong, at random: never torn, never frozen, never lost (G2, G3, G4, G5)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from support import chaos


@pytest.mark.timeout(150)
def test_readers_see_whole_and_current_values_through_chaos(
    record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.randrange(1 << 32)
    with capsys.disabled():
        print(f"\nchaos: seed {seed} ('make chaos SEED={seed}' repeats its draws)")
        report = chaos.run(seed, 10.0)
        print(report)
    record_property("chaos", str(report))
    assert report.rounds >= 2
    assert report.reads > 1000
