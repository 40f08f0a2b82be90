"""What a reader logs by itself: that it cannot take up what is published, and that it can again."""

from __future__ import annotations

import sys


def log(level: str, message: str) -> None:
    """Log *message* under the logger ``ddbcfg``; on stderr where the program uses no logging.

    A read imports nothing, for a fork while it does would leave the child waiting.  A program that
    uses logging has imported it long before.
    """
    logging = sys.modules.get("logging")
    if logging is not None:
        getattr(logging.getLogger("ddbcfg"), level)("%s", message)
    elif level == "warning" and sys.stderr is not None:
        try:
            sys.stderr.write(f"ddbcfg: {message}\n")
        except (OSError, ValueError):
            pass  # there is nowhere to say it
