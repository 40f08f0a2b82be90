"""Asking the daemon to pin or unpin a store, and what can be pinned."""

from __future__ import annotations

from ddbcfg_client.errors import START, PinFailed, UntrustedSegment
from ddbcfg_client.shm.daemon_socket import NoDaemon, NoResponse, NotAllowed, TimedOut, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.request import Request, Response
    from ddbcfg_client.shm.trust import Trust


def steer(names: Names, trust: Trust, request: Request, timeout: float) -> Response:
    """Send ``request`` as root or the daemon's user; return what the daemon responds.

    Raise PinFailed if it refuses, or if no response comes within ``timeout`` seconds.
    """
    store = names.store
    try:
        response = ask(names, trust, request, timeout, admin=True)
    except NoDaemon:
        raise PinFailed(store, f"no daemon serves it on this host; {START}") from None
    except TimedOut as error:
        said = f" ({error})" if str(error) else ""
        reason = (
            f"the daemon did not respond within {timeout:g} s{said}; it may still do what was "
            "requested: 'ddbcfg-client status' shows what is pinned"
        )
        raise PinFailed(store, reason) from None
    except (NotAllowed, NoResponse, UntrustedSegment) as error:
        raise PinFailed(store, str(error)) from None
    if reason := response.why or response.error:
        raise PinFailed(store, reason)
    return response
