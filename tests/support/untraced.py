"""Code that coverage does not look at, run as fast as without coverage.

Before CPython 3.12, coverage slows each instruction of a process down three to four times, also
those of libraries.  What is wrapped here runs no line of ddbcfg.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
R = TypeVar("R")


def untraced(function: Callable[P, R]) -> Callable[P, R]:
    """Return *function* with a pause of coverage, in the thread that calls it, for each call."""

    @functools.wraps(function)
    def run(*arguments: P.args, **keywords: P.kwargs) -> R:
        tracer = sys.gettrace()
        # A test's own tracer goes on.
        if type(tracer).__module__.partition(".")[0] != "coverage":
            return function(*arguments, **keywords)
        _set_trace(None)
        try:
            return function(*arguments, **keywords)
        finally:
            _set_trace(tracer)

    return run


def _set_trace(tracer: Any) -> None:
    """Set this thread's tracer, again if another thread is just setting its own."""
    while True:
        try:
            sys.settrace(tracer)
        except RuntimeError:
            continue
        return


@pytest.fixture(autouse=True, scope="session")
def _libraries_are_not_traced() -> Iterator[None]:
    """The parts of botocore that call nothing of ddbcfg, and take most of the time of a request."""
    from botocore.client import ClientCreator
    from botocore.endpoint import Endpoint
    from botocore.httpsession import URLLib3Session
    from botocore.parsers import ResponseParser
    from botocore.regions import EndpointRulesetResolver

    wrapped: list[tuple[Any, str]] = [
        (ClientCreator, "create_client"),
        (Endpoint, "create_request"),
        (URLLib3Session, "send"),
        (ResponseParser, "parse"),
        (EndpointRulesetResolver, "construct_endpoint"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in wrapped:
            patch.setattr(owner, name, untraced(getattr(owner, name)))
        yield
