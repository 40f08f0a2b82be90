"""What integrations make of options is right in every worker after a fork (G3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.children import answer, ask, run_python, start_python, tell
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

FLAGS = """
import os, queue, sys
import ddbcfg_client
from openfeature import api
from openfeature.event import ProviderEvent
from ddbcfg_client.integrations.openfeature import DdbcfgProvider

config = ddbcfg_client.connect(sys.argv[1], "prod")
changes = queue.SimpleQueue()
event = ProviderEvent.PROVIDER_CONFIGURATION_CHANGED
api.add_handler(event, lambda details: changes.put(details.flags_changed))
api.set_provider_and_wait(DdbcfgProvider(config))
print("ready", flush=True)
# Now the SDK's executor has a thread, and the provider a watch: neither is there in a child.
print(os.getpid(), changes.get(timeout=20), flush=True)
if os.fork():
    os.wait()
    sys.exit()
print("forked", flush=True)
sys.stdin.readline()
value = api.get_client().get_string_value("f", "default")
print(value, changes.get(timeout=20), flush=True)  # what changed before the first evaluation
sys.stdin.readline()
print(api.get_client().get_string_value("f", "default"), changes.get(timeout=20), flush=True)
api.shutdown()
sys.exit()
"""

FORK_IN_AN_EVENT = """
import os, sys, threading, time
from ddbcfg_client.integrations.openfeature import DdbcfgProvider
from ddbcfg_client.testing import FakeConfig

started, forking, done = (threading.Event() for _ in range(3))

def take(provider, event, details):  # as the SDK does, which has locks
    started.set()
    forking.wait()
    time.sleep(0.1)
    done.set()

os.register_at_fork(before=forking.set)  # runs before the provider's own hook
config = FakeConfig({})
provider = DdbcfgProvider(config)
provider.attach(take)
provider.watch()
config.set("flag.f", {"variants": {}})
started.wait()
pid = os.fork()
if pid == 0:
    os._exit(0 if done.is_set() else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

FORK_IN_THE_INITIALIZATION = """
import os, sys, threading, time
from openfeature import api
from ddbcfg_client.integrations.openfeature import DdbcfgProvider
from ddbcfg_client.testing import FakeConfig

forking = threading.Event()

class Slow(DdbcfgProvider):
    def initialize(self, context):
        forking.wait()
        time.sleep(0.1)
        super().initialize(context)

os.register_at_fork(before=forking.set)  # runs before the provider's own hook
config = FakeConfig({"flag.f": {"variants": {"on": "value"}, "default_variant": "on"}})
api.set_provider(Slow(config))
pid = os.fork()
if pid == 0:
    os._exit(0 if api.get_client().get_string_value("f", "default") == "value" else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
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


def flag(value: str, name: str = "f") -> dict[str, Any]:
    return {f"flag.{name}": {"variants": {"on": value}, "default_variant": "on"}}


def test_a_forked_worker_evaluates_flags_and_gets_events(publisher: Publisher) -> None:
    needs("openfeature")
    publisher.publish(reading(flag("0")))
    with start_python("-u", "-c", FLAGS, publisher.names.namespace) as process:
        assert answer(process) == "ready"
        publisher.publish(reading(flag("1")))
        assert answer(process) == f"{process.pid} ['f']"
        assert answer(process) == "forked"
        publisher.publish(reading(flag("1") | flag("x", "g")))
        # The change of f again: its handlers may have had no time to run before the fork.
        assert ask(process, "go") == "1 ['f', 'g']"
        publisher.publish(reading(flag("3") | flag("x", "g")))
        assert ask(process, "go") == "3 ['f']"
    assert process.returncode == 0


def test_no_fork_happens_while_the_sdk_takes_an_event() -> None:
    needs("openfeature")
    assert run_python("-c", FORK_IN_AN_EVENT).returncode == 0


def test_no_fork_happens_while_the_sdk_initializes_the_provider() -> None:
    needs("openfeature")
    assert run_python("-c", FORK_IN_THE_INITIALIZATION).returncode == 0
