"""Stores that are merged into one: each layer has its own source, guards and copy."""
