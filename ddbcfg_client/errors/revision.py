"""Errors of a store's revisions."""

from __future__ import annotations

from ddbcfg_client.errors.reading import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class RevisionError(ConfigError):
    """The store's revision, which its writers keep in the table, does not allow the request."""

    def __init__(self, table: str, store: str, reason: str) -> None:
        super().__init__(table, store, reason)
        self.table = table
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.table}/{self.store}: {self.reason}"


class RevisionMissing(RevisionError):
    """The store has no revision item."""

    def __str__(self) -> str:
        return f"{super().__str__()}; 'ddbcfg-client revision enable' begins them"


class ConditionNeedsRevision(RevisionMissing):
    """A change was to depend on a revision, and the store has none; nothing was written."""


class RevisionDamaged(RevisionError):
    """The store's revision item does not parse; nothing of it was used."""

    def __str__(self) -> str:
        return (
            f"{self.table}/{self.store}: the revision item is damaged: {self.reason}; "
            "replace it with 'ddbcfg-client revision repair'"
        )


class RevisionFormatUnknown(RevisionError):
    """A newer release writes this store's revision item."""

    def __str__(self) -> str:
        return f"{super().__str__()}; upgrade ddbcfg on this host"


class RevisionElsewhere(RevisionError):
    """The store's revision belongs to writers in another region of a global table."""


class ImportPending(RevisionError):
    """An import is pending or was interrupted; nothing was written."""


class ImportInterrupted(RevisionError):
    """An import was interrupted: ``written`` of ``total`` options were written.

    Hosts keep serving the revision before it.
    """

    def __init__(self, table: str, store: str, reason: str, written: int, total: int) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, written, total)
        self.written = written
        self.total = total

    def __str__(self) -> str:
        return (
            f"{self.table}/{self.store}: {self.written} of {self.total} options were written, then "
            f"{self.reason}; hosts keep the revision before it: finish the import or take it back "
            "with 'ddbcfg-client revision repair'"
        )


class ChangeConflict(RevisionError):
    """Compare-and-set: options changed since revision ``expected``; nothing was written.

    ``expected`` is None if they were compared with options that were read, and not by a revision;
    ``found`` is the store's revision.  ``changed`` has the names of the changed options.  It is
    empty if the record does not reach back to that revision.
    """

    def __init__(
        self,
        table: str,
        store: str,
        reason: str,
        expected: int | None,
        found: int,
        changed: Sequence[str],
    ) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, expected, found, changed)
        self.expected = expected
        self.found = found
        self.changed = changed


class ChangeRefused(RevisionError):
    """Every attempt to write was refused; nothing was written."""


class ChangeUncertain(RevisionError):
    """The response was lost, and it is unknown whether the change was written.

    The change of revision ``revision`` has ``token`` if it is this one.
    """

    def __init__(self, table: str, store: str, reason: str, revision: int, token: str) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, revision, token)
        self.revision = revision
        self.token = token

    def __str__(self) -> str:
        return (
            f"{self.table}/{self.store}: no response came ({self.reason}), and revision "
            f"{self.revision} may or may not have been written: see 'ddbcfg-client history', "
            "or write again"
        )


class StoreUnsettled(RevisionError):
    """The store changes between any two reads, so no revision of it could be created."""


class HistoryGap(RevisionError):
    """The record does not have the store at ``revision``, or does not have it any more."""

    def __init__(self, table: str, store: str, reason: str, revision: int) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, revision)
        self.revision = revision
