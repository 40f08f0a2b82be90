"""What another thread could do between any two lines, done there and without a thread.

A race that is lost once in a million times is lost here each time.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import ddbcfg_client
from support.tracing import traced

_OURS = os.path.dirname(ddbcfg_client.__file__)


def _run(
    act: Callable[[], Any],
    meanwhile: Callable[[], object],
    kind: str,
    at: int,
    folder: str,
    atomic: str,
) -> tuple[Any, str]:
    """What *act* returns if *meanwhile* happens before event number *at* of that *kind*.

    With it the line, or an empty string when there are not so many.
    """
    events, where = 0, ""

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal events, where
        file = frame.f_code.co_filename
        if not file.startswith(folder):
            return None
        frame.f_trace_opcodes = kind == "opcode"
        if event == kind and not (
            atomic and linecache.getline(file, frame.f_lineno).strip() == atomic
        ):
            events += 1
            if events == at:
                where = f"{os.path.relpath(file, _OURS)}:{frame.f_lineno}"
                sys.settrace(None)
                meanwhile()
                sys.settrace(trace)
        return trace

    with traced(trace):
        return act(), where


def interleaved(
    prepare: Callable[[], object],
    act: Callable[[], Any],
    meanwhile: Callable[[], object],
    *,
    within_lines: bool = False,
    folder: str = "",
    atomic: str = "",
) -> Iterator[tuple[Any, str]]:
    """What *act* returns, each time after *prepare*, with *meanwhile* before each line of it.

    *within_lines*: before each instruction of the interpreter.  *folder*: only of what is in this
    folder of the client.  *atomic*: not before lines with this text, because no thread can run
    between them and the line before.
    """
    kind = "opcode" if within_lines else "line"
    at = 1
    while True:
        prepare()
        returned, where = _run(act, meanwhile, kind, at, os.path.join(_OURS, folder), atomic)
        if not where:
            return
        yield returned, where
        at += 1
