"""What each path serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client.exposition import choose_encoder

from ddbcfg_daemon.exits import log_fault
from ddbcfg_daemon.outputs.collector import registry_of
from ddbcfg_daemon.outputs.web.health import health, readiness
from ddbcfg_daemon.outputs.web.hosts import accepts
from ddbcfg_daemon.outputs.web.messages import Request, Response, text
from ddbcfg_daemon.outputs.web.states import StoreState, state_of
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.settings.http_address import HttpAddress

_METHODS = ("GET", "HEAD")


class Site:
    """Responds to requests with the state of ``stores``, which :meth:`show` sets."""

    def __init__(self, address: HttpAddress) -> None:
        self._address = address
        self._stores: Sequence[ServedStore] = ()
        self._registry = registry_of(lambda: self._stores, live=True)
        self._paths: dict[str, Callable[[Request], Response]] = {
            "/metrics": self._metrics,
            "/healthz": lambda request: health(request, self.states()),
            "/readyz": lambda request: readiness(request, self.states()),
        }

    def show(self, stores: Sequence[ServedStore]) -> None:
        """Show these stores from now on; called by another thread."""
        self._stores = tuple(stores)

    def states(self) -> list[StoreState]:
        """Return the states of all stores now."""
        return [state_of(store) for store in self._stores]

    def respond(self, request: Request) -> Response:
        """Return the response; never raise an error."""
        try:
            return self._respond(request)
        except Exception as fault:  # noqa: BLE001 - Python's text of it could quote anything
            log_fault("http", fault)
            return text(500, "a bug in the daemon; its log says where")

    def _respond(self, request: Request) -> Response:
        if not accepts(self._address, request):
            return text(421, "this is not the host's name: use localhost or the IP address")
        serve = self._paths.get(request.path)
        if serve is None:
            return text(404, f"there is no such page; there are {', '.join(self._paths)}")
        if request.method not in _METHODS:
            return text(405, "only GET and HEAD are allowed", ("Allow", ", ".join(_METHODS)))
        return serve(request)

    def _metrics(self, request: Request) -> Response:
        encode, kind = choose_encoder(request.accept)
        return Response(200, encode(self._registry), kind)
