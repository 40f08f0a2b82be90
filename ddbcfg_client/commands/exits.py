"""What ``ddbcfg-client`` exits with, as its help says."""

from __future__ import annotations

FOUND, NOT_FOUND, USAGE, NO_SNAPSHOT, TOO_OLD, NOT_RELOADED, DYNAMODB_FAILED = range(7)
OUTPUT_FAILED = 74  # EX_IOERR of sysexits.h
