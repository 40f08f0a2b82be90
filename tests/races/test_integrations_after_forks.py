"""What integrations make of options is right in every worker after a fork (G3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.children import ask, start_python, tell
from support.libraries import needs
from support.shm import reading

SETTINGS = """
import os, sys
import ddbcfg_client
from pydantic import BaseModel
from pydantic_settings import BaseSettings
from ddbcfg_client.integrations.pydantic_settings import DdbcfgSettingsSource, current

config = ddbcfg_client.connect(sys.argv[1], "prod")

class Database(BaseModel):
    host: str

class Settings(BaseSettings):
    db: Database

    @classmethod
    def settings_customise_sources(cls, settings_cls, *_, **__):
        return (DdbcfgSettingsSource(settings_cls, config),)

before = current(Settings)
for _ in range(2):
    if os.fork() == 0:
        break
    os.wait()  # one after the other, because they share standard input
else:
    sys.exit()
sys.stdin.readline()
first = current(Settings)
print(first.db.host, first is not before, flush=True)
sys.stdin.readline()
print(current(Settings).db.host, current(Settings) is first, flush=True)
os._exit(0)
"""

DJANGO = """
import os, sys
from django.conf import settings as django_settings
from ddbcfg_client.integrations.django import settings

django_settings.configure(DDBCFG={"namespace": sys.argv[1], "store": "prod"})
settings.DB  # connects
if os.fork():
    os.wait()
    sys.exit()
for _ in range(2):
    sys.stdin.readline()
    print(settings.DB["host"], flush=True)
os._exit(0)
"""


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "0"}}))
    yield publisher
    publisher.close()


def test_each_worker_builds_its_own_settings_and_sees_changes(publisher: Publisher) -> None:
    needs("pydantic_settings")
    with start_python("-u", "-c", SETTINGS, publisher.names.namespace) as process:
        for worker in (1, 2):
            publisher.publish(reading({"db": {"host": f"{worker}"}}))
            assert ask(process, "go") == f"{worker} True"
            tell(process, "go")
            assert process.stdout is not None
            assert process.stdout.readline() == f"{worker} True\n"


def test_djangos_settings_are_current_in_a_forked_worker(publisher: Publisher) -> None:
    needs("django")
    with start_python("-u", "-c", DJANGO, publisher.names.namespace) as process:
        for host in ("1", "2"):
            publisher.publish(reading({"db": {"host": host}}))
            assert ask(process, "go") == host
