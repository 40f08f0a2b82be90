"""What coverage does not look at, and what it does again afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from support.tracing import traced
from support.untraced import untraced


class _Tracer:
    """Notes which functions are entered."""

    def __init__(self) -> None:
        self.entered: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        self.entered.append(frame.f_code.co_name)


class _Coverages(_Tracer):
    __module__ = "coverage.tracer"


def within() -> object:
    return sys.gettrace()


def fails() -> None:
    raise ZeroDivisionError


def after() -> None:
    pass


@pytest.mark.parametrize(("kind", "seen"), [(_Coverages, False), (_Tracer, True)])
def test_only_coverage_pauses_for_a_call(kind: Callable[[], _Tracer], seen: bool) -> None:
    tracer = kind()
    with traced(tracer):
        found = untraced(within)()
        after()
    assert found is (tracer if seen else None)
    assert ("within" in tracer.entered) is seen
    assert "after" in tracer.entered


def test_coverage_goes_on_after_a_failure() -> None:
    tracer = _Coverages()
    with traced(tracer):
        with pytest.raises(ZeroDivisionError):
            untraced(fails)()
        after()
    assert "fails" not in tracer.entered
    assert "after" in tracer.entered
