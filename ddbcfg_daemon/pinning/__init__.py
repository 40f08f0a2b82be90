"""Pins: an operator decides which content of a store this host serves."""
