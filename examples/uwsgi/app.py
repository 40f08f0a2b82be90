"""A WSGI application for uWSGI: connect in the master, before it forks its workers."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import ddbcfg_client

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

config = ddbcfg_client.connect(numbers="native")  # DDBCFG_TABLE and DDBCFG_STORE name the store


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    body = json.dumps({"pid": os.getpid(), "db": config.get("db")})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode()]
