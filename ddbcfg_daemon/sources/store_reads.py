"""The requests of one poll for one store: the options page by page, and the revision item."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ddbcfg_client.dynamodb.revision.access import Item
from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.table_reads import DENIED, TableReads
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import CredentialsRefused
from ddbcfg_daemon.sources.base import Progress
from ddbcfg_daemon.sources.cancellation import pause
from ddbcfg_daemon.sources.item_packer import ItemPacker

#: Items in a page of a Query.  botocore creates about 4 KB of objects for each small item.  A full
#: page of 1 MB would become tens of MB, and Python returns little of that to the system.
ITEMS_A_PAGE = 1000


class RevisionDenied(Exception):
    """The daemon may not read the revision item; ``error`` says which permission is missing."""

    def __init__(self, error: CredentialsRefused) -> None:
        super().__init__(error)
        self.error = error


class StoreReads(TableReads):
    """Requests whose options ``packer`` packs; with ``always_consistent``, all are consistent.

    ``whole`` says whether the whole store was read, and ``skipped`` which of its items are no
    options.
    """

    def __init__(
        self,
        table: Table,
        store: str,
        packer: ItemPacker,
        progress: Progress,
        *,
        always_consistent: bool,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        super().__init__(table, store, progress=progress, sleep=sleep)
        self.whole = False
        self.skipped: tuple[str, ...] = ()
        self._packer = packer
        self._always_consistent = always_consistent

    def revision(self, *, consistent: bool) -> Item | None:
        """Return the revision item; raise RevisionDenied without the permission to read it."""
        try:
            return super().revision(consistent=consistent or self._always_consistent)
        except CredentialsRefused as error:
            if error.code in DENIED:
                raise RevisionDenied(error) from error
            raise

    def options(self, *, consistent: bool) -> Content:
        """Return every option."""
        consistent = consistent or self._always_consistent
        pages = self._pages({"Limit": ITEMS_A_PAGE}, self.place.store, consistent=consistent)
        options, skipped = self._packer.pack(pages)
        self.whole, self.skipped = True, tuple(skipped)
        return options

    def changes(self, first: int, last: int) -> Sequence[Item]:
        """Return change items; none without the permission to read them."""
        try:
            return super().changes(first, last)
        except CredentialsRefused as error:
            if error.code in DENIED:
                return ()
            raise
