"""What ``--http`` serves: a page, metrics and health checks, in its own thread."""
