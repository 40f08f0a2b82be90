"""What a command prints while it waits for an import of another writer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.dynamodb.revision.access import OnWait
    from ddbcfg_client.dynamodb.revision.item import Pending


def waiting_for(name: str) -> OnWait:
    """Return what prints on standard error whom a command waits for, at the store of this name."""
    from ddbcfg_client.commands.output import complain
    from ddbcfg_client.commands.progress import aside
    from ddbcfg_client.dynamodb.revision.pending import LONGEST_WAIT

    def report(pending: Pending) -> None:
        # The revision item does not say when an import began.
        with aside():
            complain(
                f"{name}: an import by {pending.by} is under way; waiting up to "
                f"{LONGEST_WAIT / 60:.0f} minutes for its end; if it stands still, end it with "
                "'ddbcfg-client revision repair'"
            )

    return report
