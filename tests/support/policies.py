"""What docs/fleet.md says of permissions: who needs which, and the policies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_PAGE = (Path(__file__).resolve().parents[2] / "docs/fleet.md").read_text()

# An indented block that is JSON, after the words that say whose policy it is.
_OF_A_ROLE = r"of an? (daemon|writer|scribe|operator)[^:\n]*:\n\n((?: {4}.*\n)+)"

POLICIES: dict[str, Any] = {
    whose: json.loads(text) for whose, text in re.findall(_OF_A_ROLE, _PAGE) if "Statement" in text
}

_, _, _TABLE = _PAGE.partition("| | the table | `prod` | `_ddbcfg/prod` |\n|---|---|---|---|\n")
_ROWS = [line.strip("|").split("|") for line in _TABLE.partition("\n\n")[0].splitlines()]

#: The actions of each row of the table, each with its hash key; None for the table itself.
NEEDS: dict[str, set[tuple[str, str | None]]] = {
    row.strip(): {
        (action, key)
        for key, cell in zip((None, "prod", "_ddbcfg/prod"), cells, strict=True)
        for action in re.findall(r"`(\w+)`", cell)
    }
    for row, *cells in _ROWS
}
