"""Asking the daemon to poll now."""

from __future__ import annotations

import time

import posix_ipc

from ddbcfg_client.clock import boottime
from ddbcfg_client.errors import ReloadFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.reader import Config

_LOOK_EVERY = 0.01  # seconds between two looks at the page


def reload(config: Config, timeout: float, accept: bool) -> None:
    """Post the store's reload semaphore and wait for a poll that began after it.

    With *accept*, what a guard refuses is published all the same.  Raises ReloadFailed when no poll
    ended within *timeout* seconds, or it failed.
    """
    names = config._names
    asked = boottime()
    deadline = time.monotonic() + timeout
    if accept:
        _post(names.accept, names.store, "only root and the daemon's own user may accept")
    _post(names.reload, names.store, "this user may not ask; join the daemon's group")
    while True:
        page = config._control_page()
        status = page.status() if page else None
        if status and status.poll_started >= asked:
            if status.failures:
                raise ReloadFailed(names.store, status.error)
            return
        if time.monotonic() >= deadline:
            pid = status.daemon_pid if status else 0
            what = f"the daemon (pid {pid})" if pid else "no daemon; the last one stopped"
            raise ReloadFailed(names.store, f"{what} did not poll within {timeout:g} s")
        time.sleep(_LOOK_EVERY)


def _post(name: str, store: str, forbidden: str) -> None:
    try:
        semaphore = posix_ipc.Semaphore(name)
    except posix_ipc.ExistentialError:
        raise ReloadFailed(store, "no daemon serves it on this host") from None
    except posix_ipc.PermissionsError:
        raise ReloadFailed(store, forbidden) from None
    try:
        semaphore.release()
    finally:
        semaphore.close()
