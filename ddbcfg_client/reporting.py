"""The log messages of a reader: when it cannot load the current generation, and when it can."""

from __future__ import annotations

import sys


def log(level: str, message: str) -> None:
    """Log ``message`` to the logger ``ddbcfg``, or to stderr if the program does not use logging.

    A read never imports a module, because a child that is forked during an import could deadlock.
    So ``logging`` is used only if the program has already imported it.
    """
    logging = sys.modules.get("logging")
    if logging is not None:
        getattr(logging.getLogger("ddbcfg"), level)("%s", message)
    elif level == "warning" and sys.stderr is not None:
        try:
            sys.stderr.write(f"ddbcfg: {message}\n")
        except (OSError, ValueError):
            pass  # there is nowhere to say it
