"""What each path serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files

from prometheus_client.exposition import choose_encoder

from ddbcfg_daemon.exits import log_fault
from ddbcfg_daemon.outputs.collector import registry_of
from ddbcfg_daemon.outputs.web.health import health, readiness
from ddbcfg_daemon.outputs.web.history import History
from ddbcfg_daemon.outputs.web.hosts import accepts
from ddbcfg_daemon.outputs.web.messages import HTML, OPENMETRICS, Request, Response, text
from ddbcfg_daemon.outputs.web.page import page
from ddbcfg_daemon.outputs.web.states import StoreState, state_of
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.settings.http_address import HttpAddress

_METHODS = ("GET", "HEAD")
_OPENMETRICS = f"{OPENMETRICS};version=1.0.0"
_STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Site:
    """Responds to requests with the state of ``stores``, which ``show`` sets."""

    def __init__(self, address: HttpAddress) -> None:
        self._address = address
        self._stores: Sequence[ServedStore] = ()
        self._history = History()
        self._registry = registry_of(lambda: self._stores, live=True)
        self._paths: dict[str, Callable[[Request], Response]] = {
            "/": self._page,
            "/metrics": self._metrics,
            "/healthz": lambda request: health(request, self.states()),
            "/readyz": lambda request: readiness(request, self.states()),
            **{f"/{name}": _static(name) for name in _STATIC},
        }

    def show(self, stores: Sequence[ServedStore]) -> None:
        """Show these stores from now on; called by another thread."""
        self._stores = tuple(stores)
        self._history.note(stores)

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

    def _page(self, _: Request) -> Response:
        # The states first: a change that comes in between is shown the next time.
        shown = [(state_of(store), self._history.of(store.names.page)) for store in self._stores]
        return Response(200, page(shown), HTML)

    def _metrics(self, request: Request) -> Response:
        # Not with the client's header: some versions in it fail, others would be repeated.
        encode, kind = choose_encoder(_OPENMETRICS if request.wants_openmetrics else "")
        return Response(200, encode(self._registry), kind)


def _static(name: str) -> Callable[[Request], Response]:
    """Return what serves a file of this package, which is read once."""
    response = Response(
        200, files(__package__).joinpath("static", name).read_bytes(), _STATIC[name]
    )
    return lambda _: response
