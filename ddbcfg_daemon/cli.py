"""``ddbcfg-daemon``: puts the parts together and runs them."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from errno import ENOTDIR
from functools import partial

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.dynamodb.client import check_settings, connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError, NotationError, TableError
from ddbcfg_client.format.names import Names
from ddbcfg_client.notation.files import load_file
from ddbcfg_client.printable import printable, without_passwords
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Gone, Trust
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.errors import EmptyStore, RealStore, SomeNotServed
from ddbcfg_daemon.exits import MENDABLE, common_failure, exit_code, reason_of
from ddbcfg_daemon.guards import Guard, SchemaGuard, ShrinkGuard
from ddbcfg_daemon.memory import settle
from ddbcfg_daemon.outputs.log_writer import LogWriter, set_up_logging
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_server import RequestServer
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.service import Service
from ddbcfg_daemon.settings import Settings, parse
from ddbcfg_daemon.signals import Signals, Stopped
from ddbcfg_daemon.sources.cancellation import make_cancellable
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.credential_helpers import children, end_helpers
from ddbcfg_daemon.sources.deadline import DeadlineSource
from ddbcfg_daemon.sources.dynamodb import DynamoDBSource
from ddbcfg_daemon.sources.local_dynamodb import REGION, LocalDynamoDB
from ddbcfg_daemon.systemd import Notifier

log = logging.getLogger("ddbcfg.daemon")

_COPY_PATIENCE = 10.0  # seconds that a poll with --once gives the disk


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; the exit code."""
    settings = parse(sys.argv[1:] if arguments is None else arguments)
    writer = set_up_logging(settings.log_level)
    try:
        return _main(settings, writer)
    finally:
        logging.getLogger().removeHandler(writer)
        writer.close()


def _main(settings: Settings, writer: LogWriter) -> int:
    others = children()
    try:
        signals = Signals()
        # One poll is not worth an orderly end.
        with nullcontext() if settings.once else signals:
            failure = _run(settings, signals)
    except Stopped as stopped:
        log.info("%s before anything was served", stopped)
        failure = None
    except MENDABLE as error:
        failure = error
    except KeyboardInterrupt:
        return 130
    finally:
        end_helpers(others)
    if isinstance(failure, MENDABLE):  # of any other the traceback is in the log
        writer.put(printable(without_passwords(f"ddbcfg-daemon: {reason_of(failure)}")))
    return exit_code(failure)


def _run(settings: Settings, signals: Signals) -> BaseException | None:
    with ExitStack() as stack:
        # First: what is wrong with the settings is said before anything is done.
        schema = Schema(settings.schema) if settings.schema else None
        stores = settings.stores
        key_names = KeyNames(settings.store_key, settings.option_key)
        if settings.local:
            contents = load_file(settings.local, key_names)
            stores = stores or tuple(contents)[:1]
            if not stores:
                raise NotationError(settings.local, "there is no store in it")
            local = stack.enter_context(LocalDynamoDB())
            local.load(settings.table, contents, key_names)
            connect = local.client
            fault = None
        else:
            connect = partial(
                connect_dynamodb, region=settings.region, endpoint_url=settings.endpoint_url
            )
            fault = _settings_fault(settings)

        def open_table() -> Table:
            return Table(connect(), settings.table, key_names)

        connection = Connection(open_table)
        make_cancellable()
        metrics = MetricsFile(settings.metrics_file) if settings.metrics_file else None
        service = Service(Notifier(), signals, metrics)
        # One poll is over before anybody could ask for another.
        server = None if settings.once else stack.enter_context(RequestServer())
        served = [
            _served(settings, store, connection, schema, server, on_event=service.wake)
            for store in stores
        ]
        for store in served:
            stack.callback(store.close)
        if settings.once:
            failures = [
                store.poll_once(_COPY_PATIENCE) or _emptiness(settings, store) for store in served
            ]
            return common_failure(failures) or _first_of_some(failures)
        if fault is not None and not _serve_without(served):
            return fault
        settle()
        if settings.local:
            _say_how_to_read(settings, stores, tuple(contents), local.endpoint_url)
        return service.run(served)


def _served(
    settings: Settings,
    store: str,
    connection: Connection,
    schema: Schema | None,
    server: RequestServer | None,
    on_event: Callable[[], None],
) -> ServedStore:
    names = Names(settings.namespace, store)
    source = DynamoDBSource(
        connection,
        store,
        consistent=settings.consistent_read,
        origin="local" if settings.local else "dynamodb",
    )
    deadline = DeadlineSource(source, settings.poll_timeout)
    requests = PollRequests()
    listen = server.listener(requests) if server else None
    guards, copy = _guards(settings, schema), _copy(settings, names)

    def make() -> Refresher:
        if settings.local:
            _spare_a_real_store(names)
        return Refresher(
            deadline,
            Publisher(names, settings.access, listen=listen),
            settings.interval,
            pid=os.getpid(),
            guards=guards,
            copy=copy,
            requests=requests,
            on_event=on_event,
        )

    def end(refresher: Refresher) -> None:
        # What an embedded DynamoDB held goes with it.
        if settings.local:
            refresher.publisher.remove()
        else:
            refresher.publisher.close()

    return ServedStore(names, make, interval=settings.interval, end=end, on_event=on_event)


def _emptiness(settings: Settings, store: ServedStore) -> EmptyStore | None:
    """Return what is wrong with a store of no options: most likely its name."""
    snapshot = store.refresher.publisher.snapshot if store.refresher else None
    if snapshot is None or len(snapshot) or settings.allow_empty:
        return None
    return EmptyStore(settings.table, store.names.store)


def _first_of_some(failures: Sequence[BaseException | None]) -> BaseException | None:
    """The first failure, not as one that is true of every store."""
    failure = next((failure for failure in failures if failure is not None), None)
    if failure is None or len(failures) == 1:
        return failure
    return SomeNotServed([reason_of(failure) for failure in failures if failure is not None])


def _settings_fault(settings: Settings) -> TableError | None:
    """Return what is wrong with region, profile or endpoint, logged; None if they will do."""
    try:
        check_settings(region=settings.region, endpoint_url=settings.endpoint_url)
    except TableError as error:
        log.error("%s", error)
        return error
    return None


def _serve_without(stores: Sequence[ServedStore]) -> bool:
    """Serve what there is without DynamoDB: what was published, or the copies on disk."""
    for store in stores:
        store.poll_once(0)
    return any(store.ready for store in stores)


def _spare_a_real_store(names: Names) -> None:
    """Raise RealStore for the memory of a real daemon: that of an embedded one goes at its end."""
    try:
        page = Page(names, Trust())
    except (Gone, ConfigError):
        return
    status = page.status()
    if status.polls and status.source != "local":
        raise RealStore(names.store, status.source)


def _guards(settings: Settings, schema: Schema | None) -> list[Guard]:
    # In this order: of a store that is half gone, the schema would name but one missing option.
    shrink = ShrinkGuard(settings.max_shrink, settings.guard_polls, settings.allow_empty)
    return [shrink, SchemaGuard(schema)] if schema else [shrink]


def _copy(settings: Settings, names: Names) -> CopyKeeper | None:
    if settings.state_dir is None or settings.local:
        return None  # an embedded DynamoDB is never away
    if not settings.state_dir.is_dir():
        raise NotADirectoryError(ENOTDIR, "--state-dir is no directory", str(settings.state_dir))
    return CopyKeeper(DiskCopy(settings.state_dir, names, settings.access))


def _say_how_to_read(
    settings: Settings, stores: Sequence[str], all_stores: Sequence[str], endpoint_url: str
) -> None:
    client = os.path.join(os.path.dirname(sys.argv[0]), "ddbcfg-client")
    if not os.path.exists(client):  # python -m ddbcfg_daemon
        client = f"{sys.executable} -m ddbcfg_client"
    elif os.path.isabs(client):
        client = os.path.relpath(client)
    which = ""
    ours = {Names(settings.namespace, store).page for store in stores}
    if len(ours | {names.page for names in published_stores(Trust())[0]}) > 1:
        which = " " + shlex.join(("--namespace", settings.namespace, "--store", stores[0]))
    others = [store for store in all_stores if store not in stores]
    about = f"embedded, region {REGION}, table {settings.table!r}, gone when this ends"
    lines = [
        f"DynamoDB:  {endpoint_url} ({about})",
        f"read it:   {client} get{which}",
        f"           {client} status{which}",
    ]
    if others:
        lines.append(f"not served: {', '.join(others)} (serve with --store)")
    with suppress(OSError):  # to serve does not take somebody who reads this
        print("\n".join(map(printable, lines)), flush=True)
