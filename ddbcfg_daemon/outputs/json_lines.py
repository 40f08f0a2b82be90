"""The log as JSON: one object a line, one line an event."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from ddbcfg_client.printable import without_passwords
from ddbcfg_daemon.store_label import StoreLabel

_LONGEST = 16 * 1024  # characters of a message


class JsonFormatter(logging.Formatter):
    """Formats each record as a JSON object in ASCII, so that no text can end the line.

    ``namespace`` and ``store`` are there if the line is about one store, ``event`` if the code
    gives it a name (``extra={"event": name}``), ``frames`` and ``error`` if there was an exception.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        # As in text, without the exception's text, which can quote passwords.
        message = without_passwords(record.getMessage())
        if len(message) > _LONGEST:
            message = f"{message[:_LONGEST]} … ({len(message)} characters)"
        line: dict[str, object] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if event := getattr(record, "event", ""):
            line["event"] = event
        if label := _label(record):
            line |= {"namespace": label.names.namespace, "store": label.names.store}
        line["message"] = message
        if frames := getattr(record, "frames", ""):
            line["frames"] = frames.splitlines()
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def _time(moment: float) -> str:
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    return local.isoformat(timespec="milliseconds")


def _label(record: logging.LogRecord) -> StoreLabel | None:
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in arguments if isinstance(one, StoreLabel)), None)
