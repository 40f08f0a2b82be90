"""An environment variable that holds the option as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(_setting: Setting) -> Iterator[list[Way]]:
    """A look-up and decoding; most programs do it once, and then hold a dict that never changes."""
    os.environ["DDBCFG_BENCH_DB"] = json.dumps(DB)
    names = {"loads": json.loads, "environ": os.environ}
    yield [Way("environment variable and JSON", 'loads(environ["DDBCFG_BENCH_DB"])', names)]
