"""Signals: heard at any time, never lost, and not inherited by what the daemon starts (G5)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest

from ddbcfg_daemon.signals import HANDLED, STOPPING, Signals, Stopped

HANG = 20.0


def blocked_and_ignored(status: str) -> tuple[int, int]:
    """The masks in the text of /proc/PID/status."""
    rows = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return int(rows["SigBlk"], 16), int(rows["SigIgn"], 16)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_ends_whatever_hangs_at_the_start(number: signal.Signals) -> None:
    main = threading.main_thread().ident
    assert main is not None
    with Signals():
        threading.Timer(0.01, signal.pthread_kill, (main, number)).start()
        with pytest.raises(Stopped) as stopped:
            threading.Event().wait(HANG)
    assert stopped.value.name == number.name


def test_what_tells_of_an_opener_of_a_leased_file_ends_nobody() -> None:
    with Signals() as signals:
        signals.collect()
        for number in (signal.SIGURG, signal.SIGIO):
            os.kill(os.getpid(), number)
        assert not signals.wait(0) & STOPPING


def test_a_signal_that_a_library_swallows_at_the_start_is_not_lost() -> None:
    with Signals() as signals:
        for _ in range(2):
            try:
                signal.raise_signal(signal.SIGTERM)
                raised = False
            except:  # noqa: E722 - as some packages have it around an import
                raised = True
            assert raised
        signals.collect()
        assert signals.wait(HANG) == {signal.SIGTERM}


def test_what_is_received_is_returned_once_and_none_is_lost() -> None:
    with Signals() as signals:
        signals.collect()
        assert signals.wait(0) == frozenset()
        for _ in range(200_000):  # more than the pipe holds
            signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        assert signals.wait(HANG) == {signal.SIGHUP, signal.SIGTERM}
        assert signals.wait(0) == frozenset()


def test_a_wait_ends_at_a_signal_and_at_a_wake_of_another_thread() -> None:
    with Signals() as signals:
        signals.collect()
        for act in (signals.wake, lambda: signal.raise_signal(signal.SIGHUP)):
            began = time.monotonic()
            threading.Timer(0.01, act).start()
            signals.wait(HANG)
            assert time.monotonic() - began < HANG / 2


def test_a_helper_starts_with_no_signal_blocked_or_ignored() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # as some parent may have it
    try:
        with Signals():
            done = subprocess.run(
                ["cat", "/proc/self/status"], capture_output=True, text=True, check=True
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    blocked, ignored = blocked_and_ignored(done.stdout)
    mask = sum(1 << (number - 1) for number in HANDLED)
    assert (blocked & mask, ignored & mask) == (0, 0)


def test_afterwards_all_is_as_it_was() -> None:
    before = [signal.getsignal(number) for number in HANDLED]
    with Signals() as signals:
        signals.collect()
    assert [signal.getsignal(number) for number in HANDLED] == before
    signals.wake()  # by a thread that still runs
