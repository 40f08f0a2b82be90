"""The publisher and its parts, and the server for requests."""
