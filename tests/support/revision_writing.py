"""What the tests of writing revisions share."""

from __future__ import annotations

from ddbcfg_client.dynamodb.revision.writing import Change
from support.revisions import packed

DB, WEB = packed("db", host="h", port=5432), packed("web", threads=8)


START = {"db": DB, "web": WEB}


def change(by: str = "me", **options: bytes | None) -> Change:
    return Change(options, by)
