"""A pool of database connections that is made again when its option changes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import Engine, create_engine, text

import ddbcfg_client

config = ddbcfg_client.connect()  # DDBCFG_TABLE and DDBCFG_STORE name the store
app = Flask(__name__)


@dataclass(frozen=True)
class Database:
    url: str
    pool_size: int = 5


def make_engine(db: Database) -> Engine:
    return create_engine(db.url, pool_size=db.pool_size)


engine = config.bind("db", make_engine, Engine.dispose, as_=Database)


@app.get("/")
def show() -> dict[str, Any]:
    current = engine()
    with current.connect() as connection:
        answer = connection.scalar(text("SELECT 6 * 7"))
    return {"pid": os.getpid(), "answer": answer, "database": current.url.database}
