"""The options of a store in DynamoDB, as they were at one time, for import and export."""

from __future__ import annotations

from ddbcfg_client.commands.target import access_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.dynamodb.revision.comparing import Unchanged
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.readonly import ReadOnlyDict

    Options = dict[str, ReadOnlyDict]


def whole_options(table: Table, store: str) -> tuple[Options, Unchanged | None]:
    """Read every option, in order, and the revision that they were read at, if there is one.

    Raise the errors of ``ddbcfg_client.dynamodb.revision.whole.whole``, and ``TableError``.
    """
    from ddbcfg_client.dynamodb.items import options_in
    from ddbcfg_client.dynamodb.revision.comparing import Unchanged
    from ddbcfg_client.dynamodb.revision.whole import whole
    from ddbcfg_client.format.options import unpack_option

    found = whole(access_to(table, store))
    if found is None:
        return options_in(table, store), None
    content, revision = found.content, found.revision
    options = {name: unpack_option(content[name]) for name in sorted(content)}
    return options, Unchanged(revision.rev, revision.epoch)


def readable_options(table: Table, store: str) -> Options:
    """Read every option, as ``whole_options`` does if the revision item can be used for it.

    A store without permission for that item, or with a damaged one, can still be read and saved.
    """
    from ddbcfg_client.dynamodb.items import options_in
    from ddbcfg_client.errors import CredentialsRefused, RevisionDamaged, RevisionFormatUnknown

    try:
        return whole_options(table, store)[0]
    except (CredentialsRefused, RevisionDamaged, RevisionFormatUnknown):
        return options_in(table, store)
