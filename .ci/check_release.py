"""Check that a tag is ready to be released, and print its section of the changelog.

python .ci/check_release.py v1.2.3
"""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def notes(tag: str, version_file: str, changelog: str) -> str:
    """Return the changelog's section of the release; raise ValueError if something is missing."""
    [version] = re.findall(r'^VERSION = "(.+)"$', version_file, re.MULTILINE)
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but ddbcfg_client/version.py says {version}")
    heading, *sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    newest = sections[0] if sections else heading
    title, _, text = newest.partition("\n")
    found = re.fullmatch(r"\[(.+)\] - (\d{4}-\d{2}-\d{2})", title)
    if not found or found[1] != version:
        wanted = f"## [{version}] - YYYY-MM-DD"
        raise ValueError(f"CHANGELOG.md begins with {title!r}; it must be {wanted!r}")
    date.fromisoformat(found[2])
    if not text.strip():
        raise ValueError(f"CHANGELOG.md says nothing about {version}")
    return text.strip()


def main() -> None:
    version_file = (ROOT / "ddbcfg_client/version.py").read_text()
    try:
        print(notes(sys.argv[1], version_file, (ROOT / "CHANGELOG.md").read_text()))
    except ValueError as error:
        sys.exit(f"not ready to be released: {error}")


if __name__ == "__main__":
    main()
