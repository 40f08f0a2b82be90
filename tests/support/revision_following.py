"""What the tests of following revisions share."""

from __future__ import annotations

from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from support.revisions import RevisedStore, packed

START = {f"o{number}": packed("o", n=number) for number in range(10)}


NEW = packed("o", text="new")


def set_(revised: RevisedStore, **options: bytes | None) -> int:
    written = write_change(revised.access(), Change(options, "me"))
    assert written is not None
    return written.rev
