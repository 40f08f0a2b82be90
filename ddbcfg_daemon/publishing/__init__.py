"""What the publisher is made of, and what takes requests for it."""
