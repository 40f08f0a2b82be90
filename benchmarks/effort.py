"""How much to measure: all of it, or just enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """What each part makes of its time.

    ``rounds`` of reads; a tenth of them of what takes longer.  ``sizes`` are the numbers of options
    of the stores, ``slice`` the seconds that one timing of a read lasts, ``patience`` those after
    which a size has had its rounds.  ``only`` leaves out the ways to read whose names have none of
    these texts in them.
    """

    rounds: int = 150
    sizes: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    slice: float = 0.002
    patience: float = 20.0
    only: tuple[str, ...] = ()

    @property
    def few(self) -> int:
        """Rounds of what takes tenths of a second."""
        return max(2, self.rounds // 10)


FULL = Effort()
QUICK = Effort(rounds=8, sizes=(10, 1_000), slice=0.0005, patience=1.0)
