"""A sidecar that answers over HTTP, at its quickest: nginx with the answer in a file.

AWS AppConfig Agent is read like this: by a GET on loopback, with its JSON decoded in the process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection

from benchmarks import services
from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A GET over a connection that stays, and decoding."""
    with services.nginx(setting.folder) as port:
        (setting.folder / "www" / "db").write_text(json.dumps(DB))
        with closing(HTTPConnection("127.0.0.1", port)) as connection:

            def read() -> object:
                connection.request("GET", "/db")
                return json.loads(connection.getresponse().read())

            yield [
                Way("HTTP sidecar (nginx), as AppConfig Agent is read", "read()", {"read": read})
            ]
