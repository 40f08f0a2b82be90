"""Running a command that may fail, hang or flood, without waiting for it longer than allowed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time

from ddbcfg_client.commands.output import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_OUTPUT = 65536  # bytes of each run that are passed on
_LOOK_EVERY = 0.2  # seconds, if a process that the command left keeps its output open
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL


class Hook:
    """A command, and how long it may take."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._command = command
        self._timeout = timeout

    def run(self, document: bytes) -> str:
        """Run it with ``document`` on standard input; return why it failed, or "".

        What it prints goes to standard error.  If this is interrupted, the command is ended, too.
        """
        # A file and not a pipe: a command that does not read it neither blocks this nor fails.
        stdin = os.memfd_create("ddbcfg-change")
        try:
            os.write(stdin, document)
            os.lseek(stdin, 0, os.SEEK_SET)
            process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
                self._command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that its children can be ended with it
            )
        except OSError as error:
            return f"it cannot be run: {error.strerror}"
        finally:
            os.close(stdin)
        output = _Output(process)
        try:
            code = output.read_to_the_end(time.monotonic() + self._timeout)
        except BaseException:
            _end(process)
            raise
        finally:
            output.close()
        if code is None:
            _end(process)
            return f"it did not end within {self._timeout:g} s and was killed"
        if code < 0:
            return f"it was killed by {signal.Signals(-code).name}"
        return f"it exited with {code}" if code else ""


class _Output:
    """The output of a command: its beginning is passed on, the rest is read and dropped."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._process = process
        self._stdout = process.stdout
        self._kept = bytearray()
        self._dropped = 0

    def read_to_the_end(self, deadline: float) -> int | None:
        """Return the command's exit code when it ends; None at the deadline."""
        os.set_blocking(self._stdout.fileno(), False)
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        while True:
            ended = self._process.poll()
            if not self._read() and ended is None:
                # It closed its output and still runs.
                try:
                    return self._process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    return None
            left = deadline - time.monotonic()
            if ended is not None or left <= 0:
                return ended
            poll.poll(min(left, _LOOK_EVERY) * 1000)

    def _read(self) -> bool:
        """Read what there is, at most one buffer; return False at the end of the output."""
        chunk = self._stdout.read(_MOST_OUTPUT)
        if chunk:
            room = _MOST_OUTPUT - len(self._kept)
            self._kept += chunk[:room]
            self._dropped += max(0, len(chunk) - room)
        return chunk != b""

    def close(self) -> None:
        """Print what was kept."""
        self._stdout.close()
        for line in self._kept.decode(errors="backslashreplace").splitlines():
            complain(f"  {line}")
        if self._dropped:
            complain(f"  and {self._dropped} bytes more of output, which are dropped")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and its children, also if this is interrupted."""
    try:
        _signal(process, signal.SIGTERM)
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal(process, signal.SIGKILL)  # also a child that outlived it
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
