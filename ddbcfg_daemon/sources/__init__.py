"""Where the daemon reads a store, and what bounds a reading."""
