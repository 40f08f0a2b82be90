"""``ddbcfg-client revision watch``: the scribe, which makes revisions for other writers.

A round is one transaction of the protocol, so it can be killed at any time, and two scribes do no
harm.  Each event is one line.
"""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import seconds
from ddbcfg_client.commands.changing import add_author_flags, author
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import complain, counted, flush, say, shown
from ddbcfg_client.commands.target import access_to, add_flags, open_table, some_stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.revision.known import Known
    from ddbcfg_client.dynamodb.revision.syncing import Synced
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.errors import ConfigError

_DESCRIPTION = """\
Make revisions of what other writers change, such as the console and Terraform, until SIGTERM.  One
such process somewhere is enough; a second one does no harm.
"""
_INTERVAL = 30.0
_LONGEST_PAUSE = 300.0  # seconds after many failures
_SHORTEST_PAUSE = 0.1


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    text = f"pause between two rounds ({_INTERVAL:g})"
    parser.add_argument("--interval", type=seconds, default=_INTERVAL, metavar="S", help=text)
    add_author_flags(parser)


class _Stopped(BaseException):
    """SIGTERM came; not an Exception, so that no handler takes it for a failure."""


class _Watched:
    """A store, what the scribe remembers of it, and the results of its last rounds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.known: Known | None = None
        self.failures = 0
        self.state = ""  # what was said last, if it was not a revision
        self.due = 0.0


def _run(args: argparse.Namespace) -> int:
    import signal

    def stop(*_: object) -> NoReturn:
        raise _Stopped

    stores = [_Watched(name) for name in some_stores(args)]
    before = signal.signal(signal.SIGTERM, stop)
    try:
        while True:
            with open_table(args) as table:
                for store in stores:
                    access_to(table, store.name).place.check()
                _watch(args, table, stores)
    except _Stopped:
        say("stopped by SIGTERM")
        return FOUND
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch(args: argparse.Namespace, table: Table, stores: list[_Watched]) -> None:
    """Do rounds; return when the client's credentials are refused, to look for new ones."""
    import random
    import time

    from ddbcfg_client.errors import ConfigError, CredentialsRefused

    while True:
        store = min(stores, key=lambda store: store.due)
        _pause(max(0.0, store.due - time.monotonic()))
        refused = False
        pause = args.interval
        try:
            _round(args, table, store)
        except ConfigError as error:
            store.failures += 1
            pause = min(max(pause, 1.0) * 2**store.failures, max(pause, _LONGEST_PAUSE))
            _report_failure(table, store, error, pause)
            refused = isinstance(error, CredentialsRefused)
        flush()
        pause = max(pause * random.uniform(0.9, 1.1), _SHORTEST_PAUSE)
        store.due = time.monotonic() + pause
        if refused:
            return


def _pause(seconds: float) -> None:
    import time

    time.sleep(seconds)


def _round(args: argparse.Namespace, table: Table, store: _Watched) -> None:
    from ddbcfg_client.dynamodb.revision.syncing import WHY, sync

    access = access_to(table, store.name)
    by = lambda: author(args, table)  # noqa: E731 - a name would say no more
    synced = sync(access, store.known, by=by, why=args.why or WHY)
    store.known = synced.known
    _report(table, store, synced)
    store.failures = 0


def _report(table: Table, store: _Watched, synced: Synced) -> None:
    """Print a line for each revision, and when the state of the store changes."""
    known = synced.known
    if synced.found == "revised":
        assert known is not None
        names = synced.names
        what = "what, is not known" if names is None else ", ".join(map(shown, names[:20]))
        more = f" and {len(names) - 20} more" if names and len(names) > 20 else ""
        _say(table, store, f"revision {known.rev}: other writers changed {what}{more}")
        store.state = "unchanged"
        return
    state = str(synced.found)
    if state == store.state and not store.failures:
        return
    store.state = state
    if synced.found == "unchanged" and known is not None:
        options = counted(len(known.options), "option")
        _say(table, store, f"the store is what revision {known.rev} says, {options}")
    else:
        text = {
            "import pending": "an import is under way, whose revision will have all changes",
            "busy": "the store changes from reading to reading; it is read again",
            "no revision": "the store has no revisions; waiting for 'revision enable'",
        }.get(state, state)
        _say(table, store, text)


def _report_failure(table: Table, store: _Watched, error: ConfigError, pause: float) -> None:
    from ddbcfg_client.errors import RevisionError

    where = "" if isinstance(error, RevisionError) else f"{table.name}/{shown(store.name)}: "
    complain(f"{where}{error}; next attempt in {pause:.0f} s")


def _say(table: Table, store: _Watched, text: str) -> None:
    say(f"{table.name}/{shown(store.name)}: {text}")


COMMAND = Command(
    "revision watch",
    "make revisions of what other writers change, until SIGTERM",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
