"""A daemon that runs as some other user: one message says all that lets a reader in (G7, G9)."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator

import pytest

import ddbcfg_client
from ddbcfg_client.errors import SnapshotError
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading
from support.waiting import in_child

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")

READER = 65534


def theirs(names: Names, uid: int, gid: int) -> None:
    """Make page and segment what a daemon of that user would have made."""
    for name in (names.page, names.segment(1)):
        os.chown(path_of(name), uid, gid)
        path_of(name).chmod(0o640)


@pytest.fixture
def published(names: Names) -> Iterator[Names]:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "theirs"}}))
    yield names
    publisher.close()


def read(names: Names, *, groups: tuple[int, ...] = (), owner: str | None = None) -> str:
    """What a process of another user reads, or the error's text."""
    # Loaded by root: that user may not be let read where Python is.
    assert grp, pwd

    def act() -> str:
        os.setgroups(groups)
        os.setgid(READER)
        os.setuid(READER)
        try:
            config = ddbcfg_client.connect(names.namespace, names.store, owner=owner)
            return str(config["db"]["host"])
        except SnapshotError as error:
            return str(error)

    return in_child(act)


def test_both_steps_are_in_one_message_and_together_they_help(published: Names) -> None:
    user, group = pwd.getpwuid(1), grp.getgrgid(1)
    theirs(published, user.pw_uid, group.gr_gid)
    said = read(published)
    assert said == (
        f"no permission to read {published.page}: it belongs to {user.pw_name} (uid 1); if that is "
        f"your daemon's user, join the group {group.gr_name!r} (systemd: SupplementaryGroups="
        f"{group.gr_name}) and trust it (--owner {user.pw_name}, in Python "
        f"owner={user.pw_name!r}, or DDBCFG_OWNER={user.pw_name})"
    )
    assert read(published, groups=(group.gr_gid,), owner=user.pw_name) == "theirs"
    # Of two steps, only the one that is missing.
    without_owner = read(published, groups=(group.gr_gid,))
    assert "trust it (--owner" in without_owner
    assert "group" not in without_owner
    without_group = read(published, owner=user.pw_name)
    assert "join the group" in without_group
    assert "--owner" not in without_group


def test_a_store_that_was_only_looked_for_is_refused_with_both_steps(published: Names) -> None:
    theirs(published, 1, 1)

    def act() -> str:
        os.setgroups(())
        os.setgid(READER)
        os.setuid(READER)
        try:
            ddbcfg_client.connect(namespace=published.namespace)
        except SnapshotError as error:
            return str(error)
        return "read"

    said = in_child(act)
    assert "join the group" in said
    assert "--owner" in said


def test_a_user_without_a_name_is_a_number(published: Names) -> None:
    theirs(published, 65533, 65533)
    said = read(published)
    assert "it belongs to 65533; if that is your daemon's user, ask the daemon's operator" in said
    assert "owner='65533'" in said
