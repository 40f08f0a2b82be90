"""The last-known-good copy on disk, and what keeps it."""
