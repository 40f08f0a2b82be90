"""The processes that the daemon started end with it, and no others."""

from __future__ import annotations

import signal
import subprocess

from ddbcfg_daemon.sources.credential_helpers import children, end_helpers


def test_only_what_was_started_since_is_ended() -> None:
    with subprocess.Popen(["sleep", "60"]) as before:
        others = children()
        assert before.pid in others
        with subprocess.Popen(["sleep", "60"]) as since:
            end_helpers(others)
            assert since.wait(20) == -signal.SIGTERM
        assert before.poll() is None
        before.kill()
