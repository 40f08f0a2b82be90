"""What the publisher is made of: see :mod:`ddbcfg_daemon.publisher`."""
