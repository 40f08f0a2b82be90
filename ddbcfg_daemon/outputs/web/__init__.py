"""What ``--http`` serves: a page, metrics and health checks, in a thread of its own."""
