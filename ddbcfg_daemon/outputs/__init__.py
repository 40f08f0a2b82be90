"""The outputs of the daemon other than shared memory: the log and metrics."""
