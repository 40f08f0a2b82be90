"""The settings of the daemon: their table, and how flags and variables set them."""
