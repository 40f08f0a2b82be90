"""The reader's side of shared memory: mapping a page, reading a segment, and trusted owners."""
