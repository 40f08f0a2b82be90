"""FastAPI: typed options, and a task in each worker that waits for changes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel

import ddbcfg_client

logging.basicConfig(level=logging.INFO)
log = logging.getLogger(__name__)
config = ddbcfg_client.connect()  # DDBCFG_TABLE and DDBCFG_STORE name the store


class Database(BaseModel):
    host: str
    port: int = 27017


class Answer(BaseModel):
    pid: int
    db: Database


async def log_changes() -> None:
    async for change in config.changes():
        log.info("process %d: changed: %s", os.getpid(), ", ".join(sorted(change.changed)))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(log_changes())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def show() -> Answer:
    return Answer(pid=os.getpid(), db=config.get("db", as_=Database))
