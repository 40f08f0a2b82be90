"""``ddbcfg-client watch --exec``: run a command at each change, to reload other software.

The daemon does not do it, because it has no permissions for that.
"""

from __future__ import annotations

import shlex
import signal
import time

from ddbcfg_client.commands.change_document import document
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.hook import Hook
from ddbcfg_client.commands.output import complain, counted, emit, flush, say, shown
from ddbcfg_client.commands.reading import open_config
from ddbcfg_client.notation.writer import dumps
from ddbcfg_client.waking.change import merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

    from ddbcfg_client.config import Config
    from ddbcfg_client.waking.change import Change
    from ddbcfg_client.waking.waiting import Changes

_LOOK_EVERY = 1.0  # seconds, for --max-age
_LONGEST_DEBOUNCE = 10  # times --debounce, for a store that changes all the time


class _Stopped(BaseException):
    """SIGTERM came; not an Exception, so that no handler takes it for a failure."""


def watch_and_run(args: argparse.Namespace) -> int:
    """Run the command at each change until SIGTERM.

    Raise OptionNotFound if there is no such option at the start.
    """
    hook = Hook(_command(args), args.exec_timeout)
    config = open_config(args)
    snapshot = config.snapshot()
    if args.option is not None:
        snapshot[args.option]

    def stop(*_: object) -> NoReturn:
        raise _Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with config.changes(initial=args.initial) as changes:
            emit(f"generation {snapshot.generation}: {counted(len(snapshot), 'option')}")
            _watch(args, config, changes, hook)
    except _Stopped:
        say("stopped by SIGTERM")
    finally:
        signal.signal(signal.SIGTERM, before)
    return FOUND


def _command(args: argparse.Namespace) -> list[str]:
    """Return the command in words; exit with a usage error if it cannot be found."""
    from shutil import which

    try:
        words = shlex.split(args.exec)
    except ValueError as error:
        args.fail(f"argument --exec: {error}".lower())
    if not words or which(words[0]) is None:
        args.fail(f"argument --exec: no such command: {args.exec!r}")
    return words


def _watch(args: argparse.Namespace, config: Config, changes: Changes, hook: Hook) -> None:
    failed: Change | None = None  # the changes for which the command failed
    while True:
        flush()
        change = changes.wait(_LOOK_EVERY)
        config.snapshot()  # raises if it is too old
        if change is None:
            continue
        change = _debounced(changes, change, args.debounce)
        if failed is not None:
            change = merged(failed, change)
        if not _concerns(change, args.option):
            continue
        failed = None if _run(config, hook, change) else change


def _debounced(changes: Changes, change: Change, pause: float) -> Change:
    """Return the change with those that follow, after ``pause`` seconds without one."""
    deadline = time.monotonic() + _LONGEST_DEBOUNCE * pause
    while time.monotonic() < deadline:
        later = changes.wait(pause)
        if later is None:
            break
        change = merged(change, later)
    return change


def _concerns(change: Change, option: str | None) -> bool:
    names = (*change.added, *change.changed, *change.removed)
    return option is None or not change.complete or option in names


def _run(config: Config, hook: Hook, change: Change) -> bool:
    """Run the command and report the result; return whether it succeeded."""
    text = dumps(document(config, change.generation, change), typed=False)
    began = time.monotonic()
    failure = hook.run(f"{text}\n".encode())
    took = time.monotonic() - began
    where = f"{shown(config.status().store)}, generation {change.generation}"
    if failure:
        complain(f"{where}: the command failed: {failure}; it is run again at the next change")
        return False
    say(f"{where}: the command succeeded in {took:.1f} s")
    return True
