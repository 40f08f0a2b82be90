"""The version of ddbcfg; no other file has it."""

VERSION = "0.1.0"
