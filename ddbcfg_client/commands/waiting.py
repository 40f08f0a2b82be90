"""What a command prints while it waits for another writer, which holds the whole store."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.dynamodb.revision.access import OnWait
    from ddbcfg_client.dynamodb.revision.item import Pending


def waiting_for(name: str) -> OnWait:
    """Return a function that prints on standard error which writer a command waits for."""
    from ddbcfg_client.commands.output import complain
    from ddbcfg_client.commands.progress import aside
    from ddbcfg_client.dynamodb.revision.pending import LONGEST_WAIT

    def report(pending: Pending) -> None:
        # The revision item says neither which of these it is nor when it began.
        with aside():
            complain(
                f"{name}: an import, 'revision enable' or 'revision repair' by {pending.by} is "
                f"under way; waiting up to {LONGEST_WAIT / 60:.0f} minutes for its end; if it "
                "makes no progress, end it with 'ddbcfg-client revision repair'"
            )

    return report
