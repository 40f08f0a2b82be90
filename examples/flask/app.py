"""Flask: connect once, when the application is imported."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask

import ddbcfg_client

config = ddbcfg_client.connect(numbers="native")  # DDBCFG_TABLE and DDBCFG_STORE name the store
app = Flask(__name__)


@app.get("/")
def show() -> dict[str, Any]:
    return {"pid": os.getpid(), "db": config.get("db")}
