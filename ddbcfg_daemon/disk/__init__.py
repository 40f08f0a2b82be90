"""The last-known-good copy on disk: its format, its file, and the thread that writes it."""
