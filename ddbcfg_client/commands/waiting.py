"""What a command prints while it waits for an import of another writer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.dynamodb.revision.access import OnWait
    from ddbcfg_client.dynamodb.table import Table


def waiting_for(table: Table, store: str) -> OnWait:
    """Return what prints on standard error whom a change or a reading of the store waits for."""
    from ddbcfg_client.commands.output import complain, shown
    from ddbcfg_client.dynamodb.revision.pending import LONGEST_WAIT

    # The revision item does not say when an import began.
    return lambda pending: complain(
        f"{table.name}/{shown(store)}: an import by {pending.by} is under way; waiting up to "
        f"{LONGEST_WAIT / 60:.0f} minutes for its end; if it stands still, end it with "
        "'ddbcfg-client revision repair'"
    )
