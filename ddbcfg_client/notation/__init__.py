"""Options as text: the JSON notation, files of it, and what a person types and sees."""
