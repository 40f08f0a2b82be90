"""The benchmarks: ``make bench``; docs/performance.md has their figures."""

import sys
from pathlib import Path

# Child processes are started by the harness of the tests.
_TESTS = str(Path(__file__).resolve().parents[1] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)
