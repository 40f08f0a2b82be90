"""``ddbcfg-daemon``: parse the settings, serve the stores, and exit with the code of the result."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial

from ddbcfg_daemon.checking import check
from ddbcfg_daemon.exits import MENDABLE, exit_code, log_fault, reason_of
from ddbcfg_daemon.outputs.log_writer import LogWriter, set_up_logging
from ddbcfg_daemon.serving import serve
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.parsing import parse, parse_again
from ddbcfg_daemon.signals import Signals, Stopped
from ddbcfg_daemon.sources.credential_helpers import children, end_helpers

log = logging.getLogger("ddbcfg.daemon")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in ("install-units", "uninstall-units"):
        from ddbcfg_daemon.installing.command import COMMANDS

        return COMMANDS[arguments[0]](arguments[1:])
    settings = parse(arguments)
    writer = set_up_logging(settings.log_level, settings.log_format)
    try:
        return _main(settings, partial(parse_again, arguments), writer)
    finally:
        logging.getLogger().removeHandler(writer)
        writer.close()


def _main(settings: DaemonSettings, reread: Callable[[], DaemonSettings], writer: LogWriter) -> int:
    others = children()
    try:
        signals = Signals()
        if settings.check:
            failure = check(settings)
        else:
            # A single poll needs no orderly shutdown.
            with nullcontext() if settings.once else signals:
                failure = serve(settings, signals, reread)
    except Stopped as stopped:
        log.info("%s before anything was served", stopped)
        failure = None
    except MENDABLE as error:
        failure = error
    except KeyboardInterrupt:
        return 130
    except Exception as fault:  # noqa: BLE001 - Python would print its text, which may quote a value
        log_fault("ddbcfg-daemon", fault)
        failure = fault
    finally:
        end_helpers(others)
    if isinstance(failure, MENDABLE):  # for any other failure, the traceback is in the log
        writer.end(reason_of(failure))
    return exit_code(failure)
