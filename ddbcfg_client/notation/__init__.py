"""Options as text: the JSON notation, files of it, and what a person types on a command line.

The notation is typed JSON, for values of every DynamoDB type.  Strings, booleans, null, lists and
maps are plain JSON, and so are numbers, every digit of them.  Binary is ``{"$binary": "<base64>"}``
and a set ``{"$set": [...]}``.  A map with a key that starts with ``$`` is ``{"$map": {...}}``
whose keys are taken as they stand.
"""
