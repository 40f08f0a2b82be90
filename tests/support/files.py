"""Files of options for ``DDBCFG_FILE``."""

from __future__ import annotations

import os
from pathlib import Path

from ddbcfg_client.file_config.config import FileConfig
from ddbcfg_client.format.names import Names

SECRET = "hunter2-9f3c1d"

TOML = f"""
# The store that the application uses.
[prod.db]
host = "h1"
port = 27017
password = "{SECRET}"

[test.db]
host = "localhost"
"""


def with_host(host: str) -> str:
    return TOML.replace('"h1"', f'"{host}"')


def opened(path: Path, store: str = "prod", max_age: float | None = None) -> FileConfig:
    return FileConfig(str(path), Names("file", store), max_age)


def replace_file(path: Path, text: str) -> None:
    """Replace the file as most editors do."""
    new = path.with_name("new")
    new.write_text(text)
    os.replace(new, path)
