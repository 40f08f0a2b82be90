"""What the daemon tells besides shared memory."""
