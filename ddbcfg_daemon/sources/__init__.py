"""The sources from which the daemon reads stores, and the limits of a reading."""
