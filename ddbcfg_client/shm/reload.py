"""Asking the daemon to poll now."""

from __future__ import annotations

from ddbcfg_client.errors import START, ConfigError, ReloadFailed, UntrustedSegment
from ddbcfg_client.format.request import ACCEPT, FULL, POLL, Request
from ddbcfg_client.shm.daemon_socket import NoDaemon, NoResponse, NotAllowed, TimedOut, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ddbcfg_client.format.names import Names
    from ddbcfg_client.shm.page import Page
    from ddbcfg_client.shm.trust import Trust


def reload(
    names: Names,
    trust: Trust,
    page: Callable[[], Page | None],
    timeout: float,
    *,
    accept: bool = False,
    full: bool = False,
) -> None:
    """Request a poll, and return when a poll that began after the request has ended.

    With ``accept``, content that a guard refuses is published too; with ``full``, the whole store
    is read.  ``page`` returns the control
    page, from which error messages take the daemon's pid.  Raise ReloadFailed if no poll ended
    within ``timeout`` seconds, if the poll failed, or if its content is held.
    """
    store = names.store
    try:
        request = Request(ACCEPT if accept else FULL if full else POLL)
        response = ask(names, trust, request, timeout, admin=accept or full)
    except NoDaemon:
        stopped = " (the last one stopped)" if _daemon_pid(page) == 0 else ""
        raise ReloadFailed(store, f"no daemon serves it on this host{stopped}; {START}") from None
    except TimedOut as error:
        pid = _daemon_pid(page)
        reason = f"the daemon{f' (pid {pid})' if pid else ''} did not poll within {timeout:g} s"
        said = str(error)
        raise ReloadFailed(store, f"{reason} ({said})" if said else reason) from None
    except (NotAllowed, NoResponse, UntrustedSegment) as error:
        raise ReloadFailed(store, str(error)) from None
    # Of several layers, one can fail, another one be held, and the rest be published.
    reason = response.why or "; ".join(filter(None, (response.error, response.held)))
    if reason and response.published:
        reason = f"generation {response.generation} was published, but {reason}"
    if reason:
        raise ReloadFailed(store, reason)


def _daemon_pid(page: Callable[[], Page | None]) -> int | None:
    """Return the pid in the control page: 0 if the daemon stopped, None without a page."""
    try:
        found = page()
        return None if found is None else found.status().daemon_pid
    except ConfigError:
        return None
