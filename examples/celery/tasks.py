"""A Celery application whose queue is a folder, so that no broker has to be installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery

import ddbcfg_client

FOLDER = Path(os.environ.get("CELERY_FOLDER", "queue")).absolute()
for name in ("inbox", "control", "results"):
    (FOLDER / name).mkdir(parents=True, exist_ok=True)

app = Celery("tasks", broker="filesystem://", backend=f"file://{FOLDER}/results")
app.conf.broker_transport_options = {
    "data_folder_in": f"{FOLDER}/inbox",
    "data_folder_out": f"{FOLDER}/inbox",
    "control_folder": f"{FOLDER}/control",
    "polling_interval": 0.1,
}

config = ddbcfg_client.connect(numbers="native")  # DDBCFG_TABLE and DDBCFG_STORE name the store


@app.task
def show() -> dict[str, Any]:
    return {"pid": os.getpid(), "db": config.get("db")}
