"""The revision item of a store that is measured, as writers would leave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.stores import STORE
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of, weight
from ddbcfg_client.dynamodb.revision.item import Revision, item_of, with_log
from ddbcfg_client.dynamodb.revision.known import Known
from ddbcfg_client.dynamodb.revision.place import Place

_BY = "arn:aws:sts::123456789012:assumed-role/deployment/session"
_AT = "2026-01-01T00:00:00.000+00:00"


class Revisions:
    """A store's revisions, from the first; its log grows until the item is full."""

    def __init__(self, table: str, content: Mapping[str, bytes]) -> None:
        self._place = Place(table, STORE)
        self._content = dict(content)
        self._total = total_of(content)
        digest = digest_of(self._total)
        epoch = "6f1d1f0e-5d0c-4f43-9c53-0f6d1e7b9a11"
        self._revision = Revision(epoch, 1, digest, len(content), _BY, _AT, base=1)

    @property
    def item(self) -> dict[str, Any]:
        """The revision item."""
        return item_of(self._place, self._revision)

    @property
    def known(self) -> Known:
        """What a host knows that has read this revision."""
        now = self._revision
        assert now.digest is not None
        return Known(now.epoch, now.rev, now.digest, self._content, self._total)

    def change(self, name: str, packed: bytes) -> None:
        """Make the next revision, in which one option is another."""
        last = self._revision
        self._total += weight(name, packed) - weight(name, self._content.get(name))
        self._content = {**self._content, name: packed}
        made = last.following(
            digest=digest_of(self._total),
            count=len(self._content),
            by=_BY,
            at=_AT,
            epoch=last.epoch,
        )
        log = [*(last.changes_after(last.base) or ()), (made.rev, name, packed)]
        self._revision = with_log(self._place, made, log, last.base)
