"""A server out of ``multiprocessing``: children that answer HTTP on one listening socket.

``python -m servers.family METHOD SOCKET CHILDREN``.  Each child reads by the Config of its module,
which it has by fork, or by importing it, and by one that was passed to it.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler
from socketserver import UnixStreamServer

import ddbcfg_client
from ddbcfg_client.config import Config
from servers import app


class Handler(BaseHTTPRequestHandler):
    passed: Config

    def do_GET(self) -> None:
        body = json.dumps(app.answer(self.passed)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve(listener: socket.socket, passed: Config) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Handler.passed = passed
    server = UnixStreamServer("", Handler, bind_and_activate=False)
    server.socket = listener
    server.serve_forever()


def main() -> None:
    method, path, children = sys.argv[1:]
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["servers.app"])
    passed = ddbcfg_client.connect()
    assert passed.get("db")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        processes = [
            context.Process(target=serve, args=(listener, passed), daemon=True)
            for _ in range(int(children))
        ]
        for process in processes:
            process.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # which ends the children, too
    signal.pause()


if __name__ == "__main__":
    main()
