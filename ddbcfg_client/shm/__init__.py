"""Shared memory as a reader has it: mapping a page, reading a segment, and who is trusted."""
