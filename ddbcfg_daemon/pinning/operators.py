"""The requests of operators: each is done between two polls or during one, and has a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ddbcfg_client.format.request import GENERATIONS, PIN, REFUSED, UNPIN, Request, Response
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.exits import MENDABLE, reason_of
from ddbcfg_daemon.pinning.pin import Pin
from ddbcfg_daemon.pinning.pinned import PinPending
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher


class Operators:
    """Does the jobs in ``requests``."""

    def __init__(self, pin: Pin, publisher: Publisher, requests: PollRequests) -> None:
        self._pin = pin
        self._publisher = publisher
        self._requests = requests

    def serve(self, on_done: Callable[[], None]) -> None:
        """Do the jobs that wait, and call ``on_done`` after each; raise WriterLocked.

        ``on_done`` is not kept: with its refresher, this object would form a cycle that keeps the
        pages of a store open that is served no more.
        """
        while job := self._requests.jobs.next():
            job.response = self._response_to(job.request, job.by)
            if job.request.op in (PIN, UNPIN):
                # Soon, so that the status says what is held, or that nothing is.
                self._requests.ask()
            on_done()
            self._requests.on_end()

    def _response_to(self, request: Request, by: str) -> Response:
        pin = self._pin
        published, error = False, ""
        rows: tuple[Mapping[str, Any], ...] = ()
        try:
            if request.op == PIN:
                published = pin.pin(request.generation, request.revision, by)
            elif request.op == UNPIN:
                pin.unpin(by)
            elif request.op == GENERATIONS:
                rows = tuple(pin.choices.rows(pin.active))
        except WriterLocked:
            raise
        except PinPending as pending:
            error = str(pending)
        except MENDABLE as failure:
            return Response(REFUSED, reason_of(failure))
        return Response(
            generation=self._publisher.generation,
            published=published,
            error=error,
            pinned=0 if pin.active is None else pin.active.generation,
            generations=rows,
        )
