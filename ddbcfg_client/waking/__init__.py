"""Waiting for a new generation: ``Config.wait`` and ``Config.changes``.

A process that only reads imports nothing of this package.
"""
