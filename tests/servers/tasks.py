"""The application that Celery runs: one task, which returns what its worker reads."""

from __future__ import annotations

import os
from typing import Any

from servers.app import answer
from support.brokers import celery_in

celery = celery_in(os.environ["SERVERS_FOLDER"])


@celery.task(name="read")
def read() -> dict[str, Any]:
    return answer()
