"""A JSON file that a sidecar writes: looked at before each read, read when it is another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """One stat(2) for each read, and a lookup."""
    path = str(setting.folder / "options.json")
    with open(path, "w") as file:
        json.dump({"db": DB}, file)
    seen = 0
    options: dict[str, Any] = {}

    def read() -> Any:
        nonlocal seen, options
        modified = os.stat(path).st_mtime_ns
        if modified != seen:
            with open(path) as file:
                options = json.load(file)
            seen = modified
        return options["db"]

    yield [Way("JSON file, its mtime looked at", "read()", {"read": read})]
