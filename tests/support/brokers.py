"""Celery without a broker to install: queues and results are files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from celery import Celery

_FOLDERS = ("inbox", "control", "results")


def celery_in(folder: str | Path, outbox: str = "inbox") -> Celery:
    """A Celery application with its files in *folder*; *outbox* is where it puts messages."""
    for name in (*_FOLDERS, outbox):
        Path(folder, name).mkdir(exist_ok=True)
    celery = Celery(
        "servers", broker="filesystem://", backend=f"file://{folder}/results", set_as_current=False
    )
    celery.conf.update(
        broker_transport_options={
            "data_folder_in": f"{folder}/inbox",
            "data_folder_out": f"{folder}/{outbox}",
            "control_folder": f"{folder}/control",
            "polling_interval": 0.002,
        },
        broker_connection_retry_on_startup=False,
        worker_hijack_root_logger=False,
    )
    return celery


class TaskSender:
    """Sends tasks, and waits for what each returns; not for several threads.

    kombu's worker takes a message's file as soon as it is there, though it may not be written yet.
    So messages are written elsewhere, and moved when they are whole.
    """

    def __init__(self, folder: Path, task: str = "read") -> None:
        self._task = task
        self._inbox, self._outbox = folder / "inbox", folder / uuid4().hex
        self._celery = celery_in(folder, self._outbox.name)

    def __call__(self) -> dict[str, Any]:
        result = self._celery.send_task(self._task)
        for message in self._outbox.iterdir():
            message.rename(self._inbox / message.name)
        answer: dict[str, Any] = result.get(timeout=10, interval=0.002)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._celery.close()
