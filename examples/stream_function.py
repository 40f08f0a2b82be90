"""An AWS Lambda function that makes revisions of what other writers change, from a table's stream.

Deploy it with ``ddbcfg[daemon]`` and the handler ``stream_function.handler``, as a trigger of the
table's stream (any view type, also KEYS_ONLY), with the permissions of a scribe (docs/fleet.md) and
this filter, so that the revisions' own items do not call it:

    {"dynamodb": {"Keys": {"_store": {"S": [{"anything-but": {"prefix": "_ddbcfg/"}}]}}}}

One call at a time is enough (reserved concurrency 1).  A change of ddbcfg itself calls it too; then
it reads the store once and finds that its revision has the change.
"""

from __future__ import annotations

import os
from typing import Any

from ddbcfg_client.dynamodb.caller import caller_of
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.revision.known import Known
from ddbcfg_client.dynamodb.revision.place import HOME_PREFIX
from ddbcfg_client.dynamodb.revision.syncing import Found, sync
from ddbcfg_client.dynamodb.revision.table_access import TableAccess
from ddbcfg_client.dynamodb.table import Table

KEYS = KeyNames(
    os.environ.get("DDBCFG_STORE_KEY", "_store"), os.environ.get("DDBCFG_OPTION_KEY", "_option")
)

# Kept while the function is warm: the record of a change then has the values before it.
_known: dict[tuple[str, str], Known | None] = {}


class StoreBusy(Exception):
    """A store changes from reading to reading; Lambda calls again with the same records."""


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Sync each store in the event once; return what was found, by store."""
    client = connect_dynamodb(endpoint_url=os.environ.get("DDBCFG_ENDPOINT_URL"))
    try:
        found = {}
        for name, store in sorted(changed_stores(event)):
            table = Table(client, name, KEYS)
            access = TableAccess(table, store)
            if not access.place.can_have_revisions:
                continue
            synced = sync(access, _known.get((name, store)), by=caller_of(client))
            _known[name, store] = synced.known
            if synced.found is Found.BUSY:
                raise StoreBusy(f"{name}/{store}")
            found[f"{name}/{store}"] = str(synced.found)
        return found
    finally:
        client.close()


def changed_stores(event: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the tables and stores of the event's records, without the protocol's own items."""
    stores = set()
    for record in event["Records"]:
        # arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/TIME
        table = record["eventSourceARN"].split(":", 5)[5].split("/")[1]
        store = record["dynamodb"]["Keys"][KEYS.store]["S"]
        if not store.startswith(HOME_PREFIX):
            stores.add((table, store))
    return stores
