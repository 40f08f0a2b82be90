"""What the tests of the refresher share."""

from __future__ import annotations

import os
from collections.abc import Callable

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.shm import reading

INTERVAL = 60.0


AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing responds there")


DB = reading({"db": {"host": SECRET}})


class FakeSource:
    """Answers each poll with the next of what it was given; an exception is raised."""

    def __init__(self, *answers: Reading | BaseException) -> None:
        self.answers = list(answers)
        self.during: Callable[[Progress], None] = lambda progress: None

    def read(self, progress: Progress, **_: object) -> Reading:
        self.during(progress)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def refresher_of(publisher: Publisher, *answers: Reading | BaseException) -> Refresher:
    return Refresher(FakeSource(*answers), publisher, INTERVAL, pid=os.getpid())
