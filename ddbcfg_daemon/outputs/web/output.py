"""The output for ``--http``."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ddbcfg_daemon.outputs.web.listening import Listener, listen
from ddbcfg_daemon.outputs.web.server import Server
from ddbcfg_daemon.outputs.web.site import Site
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.settings.http_address import HttpAddress

log = logging.getLogger("ddbcfg.daemon")


class Web:
    """The output that serves a page, metrics and health checks on the address ``selected``."""

    def __init__(self, selected: HttpAddress, listener: Listener) -> None:
        self.selected = selected
        self.address = listener.address
        self._site = Site(listener.address)
        self._server = Server(listener, self._site.respond)

    def begin(self, stores: Sequence[ServedStore]) -> None:
        """Serve these stores from now on."""
        self.update(stores)

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Serve these stores from now on."""
        self._site.show(stores)

    def close(self) -> None:
        """End the server and all connections."""
        self._server.close()


def open_web(selected: HttpAddress, origin: str) -> Web:
    """Listen on ``selected``, which was set by ``origin``; raise SettingRefused if that fails."""
    listener = listen(selected, origin)
    try:
        web = Web(selected, listener)
    except BaseException:
        listener.close()
        raise
    log.info(
        "page, metrics and health checks are on %s",
        listener.address.url,
        extra={"event": "listening"},
    )
    return web
