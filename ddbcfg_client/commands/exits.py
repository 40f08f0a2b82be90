"""What ``ddbcfg-client`` exits with; ``error_codes`` says which error ends with which code."""

from __future__ import annotations

FOUND, NOT_FOUND, USAGE, NO_SNAPSHOT, TOO_OLD, NOT_RELOADED, DYNAMODB_FAILED = range(7)
OUTPUT_FAILED = 74  # EX_IOERR of sysexits.h
INTERRUPTED = 130  # as a shell has it: 128 and the number of SIGINT

#: For the help; the tests compare it with README.md and docs/command-line.md.
MEANINGS = {
    FOUND: "found or done",
    NOT_FOUND: "no such option or key, or there is one (--if-absent), or you said no",
    USAGE: "usage",
    NO_SNAPSHOT: "no snapshot that can be read",
    TOO_OLD: "too old (--max-age)",
    NOT_RELOADED: "not reloaded",
    DYNAMODB_FAILED: "DynamoDB refused or failed",
    OUTPUT_FAILED: "the output cannot be written",
}
