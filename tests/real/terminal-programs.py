# SPDX-License-Identifier: Apache-2.0
"""Programs that make terminals of their own inside the container's: script, python's pty, less, tmux, top."""
import time

from sandbox import Sandbox
from terminal import Terminal


def test(runtime):
    with Sandbox(runtime, "debian") as box:
        _, command = box.prepare(["/bin/bash", "--norc", "--noprofile", "-i"], terminal=True, env=["PS1=ready> "])
        with Terminal(command) as tty:
            tty.expect(r"ready> ")
            tty.type("script -q /tmp/typescript\r")
            time.sleep(0.5)
            tty.type("tty; echo in''side; exit\r")
            tty.expect(r"/dev/pts/\d+\r")
            tty.expect(r"inside\r\n")
            tty.expect(r"ready> $")
            tty.type("grep -c inside /tmp/typescript | sed s/^/count:/\r")
            tty.expect(r"[\r\n]count:[1-9]")
            tty.expect(r"ready> $")
            tty.type("seq 1000 | less\r")
            tty.expect(r"\b20\r")
            time.sleep(0.3)
            tty.type("G")
            tty.expect(r"1000")
            tty.type("q")
            tty.expect(r"ready> $")
            tty.type("top\r")
            tty.expect(r"load average")
            time.sleep(0.3)
            tty.type("q")
            tty.expect(r"ready> $")
            tty.type("python3 -c 'import pty; pty.spawn([\"sh\", \"-c\", \"tty; stty -a | head -n 1\"])'\r")
            tty.expect(r"/dev/pts/\d+\r")
            tty.expect(r"speed \d+ baud")
            tty.expect(r"ready> $")
            tty.type("tmux -f /dev/null new-session -s one 'bash --norc'\r")
            time.sleep(1.5)
            tty.type("echo in-$((40 + 2))-tmux; tty >/tmp/tmux-tty\r")
            tty.expect(r"in-42-tmux")
            tty.type("tmux split-window 'echo split >/tmp/split; sleep 1'\r")
            time.sleep(0.5)
            tty.type("\x02d")
            tty.expect(r"detached")
            tty.type("\rtmux list-sessions\r")
            tty.expect(r"one: \d+ windows?")
            tty.type("tmux kill-server; cat /tmp/split /tmp/tmux-tty\r")
            tty.expect(r"split\r\n/dev/pts/\d+")
            tty.type("\rexit\r")
            tty.wait()
