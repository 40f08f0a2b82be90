"""Development without a daemon: a Config that reads the file which ``DDBCFG_FILE`` names.

Loaded only if the variable is set.
"""
