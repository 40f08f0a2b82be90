"""The checks that the daemon's guards and ``ddbcfg-client check`` share."""
