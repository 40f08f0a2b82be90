"""The policies that docs/fleet.md has for each role."""

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
