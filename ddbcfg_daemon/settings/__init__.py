"""What an operator can set: the table of settings, and where their values come from."""
