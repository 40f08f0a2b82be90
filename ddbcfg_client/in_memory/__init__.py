"""Generations of a store in this process's memory, with the bytes that a daemon would publish."""
