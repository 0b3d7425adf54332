# SPDX-License-Identifier: Apache-2.0
"""A terminal for a test to type at: a pty, the program started on it, and what it has printed."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class Terminal:
    def __init__(self, command, rows=24, columns=80):
        self.seen = ""
        self.mark = 0
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                for number in (signal.SIGINT, signal.SIGQUIT):  # a job in a shell's background has them ignored
                    signal.signal(number, signal.SIG_DFL)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execvp(command[0], command)
            finally:
                os._exit(127)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def pump(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, pattern, seconds=15):
        """Waits for a pattern in what has come since the last match; returns the match."""
        end = time.monotonic() + seconds
        while True:
            match = re.compile(pattern).search(self.seen, self.mark)
            if match:
                self.mark = match.end()
                return match
            if time.monotonic() > end or not self.pump(0.1):
                raise AssertionError(f"no {pattern!r} in {self.seen[self.mark:][-1500:]!r}, after {self.seen[:self.mark][-500:]!r}")

    def wait(self, seconds=15):
        """Waits for the end of the program; returns its exit code (128+n for a signal)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while select.select([self.fd], [], [], 0)[0] and self.pump(0):
                    pass  # its last words: they came before its end, and may come to us after it
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
                return self.code
        raise AssertionError("the program did not end; last seen: " + repr(self.seen[-800:]))

    def close(self):
        if self.code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
