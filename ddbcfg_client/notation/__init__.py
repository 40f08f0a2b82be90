"""Options as text: the JSON notation, files in it, and assignments on a command line.

The notation is typed JSON for values of every DynamoDB type.  Strings, booleans, null, lists, maps
and numbers are plain JSON; numbers keep all digits.  Binary is ``{"$binary": "<base64>"}``, and a
set is ``{"$set": [...]}``.  A map with a key that starts with ``$`` is ``{"$map": {...}}``, in
which keys have no special meaning.
"""
