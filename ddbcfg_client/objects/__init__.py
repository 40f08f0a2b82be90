"""Objects that a program makes from options; a program that only reads imports none of this."""
