"""Why a store has a control page but no generation yet, for the error of a reader."""

from __future__ import annotations

from ddbcfg_client.shm.status import daemon_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.format.page import PageStatus

_WAIT = "it retries by itself; connect(wait=) and --wait wait for it"


def why_unpublished(status: PageStatus) -> tuple[str, str]:
    """Return the reason, and what to do; "" is to start a daemon."""
    ended = daemon_state(status) in ("stopped", "gone")
    if why := status.error or status.held:
        what = "ended before it published anything" if ended else "has published nothing yet"
        reason = f"its daemon {what} ({why})"
    elif ended:
        reason = "its daemon stopped before it had read DynamoDB"
    else:
        reason = "its daemon is running but has not read DynamoDB yet"
    return reason, "" if ended else _WAIT
