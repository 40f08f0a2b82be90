"""One transaction, even if its responses are lost.

A request without a response is repeated with the same token, which the service recognizes for ten
minutes.  It is never repeated with another token: the first request may still arrive, and would
then write a second time.  Only a failed condition ends the attempts: the revision has changed, so
the request can never succeed any more.  The token in the change item says whether that revision is
this writer's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from ddbcfg_client.dynamodb.revision.access import Access, Write
from ddbcfg_client.errors import (
    ChangeUncertain,
    ResponseMalformed,
    TableError,
    TableThrottled,
    TableUnreachable,
    TransactionRefused,
)

#: Together they stay far below ten minutes, with all timeouts of the requests themselves.
PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)

#: Consecutive conflicts with other transactions, after which the change begins again.
_CONFLICTS = 4

CONDITION_FAILED = "ConditionalCheckFailed"
#: Reasons for a refusal that a retry cannot change.
_FINAL = frozenset(("ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"))
_LOST = (TableUnreachable, ResponseMalformed)


def commit(access: Access, writes: Sequence[Write], token: str, rev: int) -> bool:
    """Write ``rev``, whose change item is among the writes; return False if it was refused.

    Raise ``ChangeUncertain`` if no response came, and another ``TableError`` if a retry cannot
    succeed.
    """
    failure: TableError | None = None
    lost = False
    conflicts = 0
    for pause in (*PAUSES, None):
        try:
            access.commit(writes, token)
            return True
        except TransactionRefused as refused:
            if _FINAL.intersection(refused.reasons):
                raise
            if CONDITION_FAILED in refused.reasons:
                return made_by(access, rev, token)
            failure = refused
            conflicts += 1
            if conflicts == _CONFLICTS and not lost:
                return False
        except (TableUnreachable, ResponseMalformed, TableThrottled) as error:
            lost = lost or isinstance(error, _LOST)
            failure = error
        except TableError as error:
            if error.code != "TransactionInProgressException":
                raise
            lost, failure = True, error
        if pause is not None:
            access.wait(pause + access.jitter(pause))
    if not lost:
        assert failure is not None
        if isinstance(failure, TableThrottled):
            raise failure
        return False
    place = access.place
    try:
        if made_by(access, rev, token):
            return True
    except TableError:
        pass  # that no response came says more
    assert failure is not None
    raise ChangeUncertain(place.table, place.store, failure.code, rev, token) from failure


def made_by(access: Access, rev: int, token: str) -> bool:
    """Whether the change item of ``rev`` has this token."""
    item = access.change(rev)
    return item is not None and item.get("token") == {"S": token}
