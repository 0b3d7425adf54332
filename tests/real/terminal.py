# SPDX-License-Identifier: Apache-2.0
"""A terminal of the container: bash -i with ^C, ^Z, fg, the window's size, a password prompt, exit."""
from sandbox import Sandbox
from terminal import Terminal


def test(runtime):
    with Sandbox(runtime, "debian") as box:
        _, command = box.prepare(["/bin/bash", "--norc", "--noprofile", "-i"], terminal=True, env=["PS1=ready> "])
        with Terminal(command, 33, 111) as tty:
            tty.expect(r"ready> ")
            tty.type("stty size; tty\r")
            tty.expect(r"33 111\r\n")
            tty.expect(r"/dev/(pts/\d+|console)\r\n")
            tty.expect(r"ready> ")
            tty.resize(50, 120)
            tty.type("sleep 0.3; stty size\r")
            tty.expect(r"50 120\r\n")
            tty.type("echo $((6 * 7)) >/dev/tty\r")
            tty.expect(r"[\r\n]42\r\n")
            tty.type("sleep 100\r")
            tty.expect(r"sleep 100\r\n")
            pause()
            tty.type("\x03")
            tty.expect(r"ready> ")
            tty.type("echo code $?\r")
            tty.expect(r"code 130\r\n")
            tty.type("sleep 100\r")
            tty.expect(r"sleep 100\r\n")
            pause()
            tty.type("\x1a")
            tty.expect(r"Stopped +sleep 100")
            tty.type("bg\r")
            tty.expect(r"sleep 100 &")
            tty.type("jobs\r")
            tty.expect(r"Running +sleep 100")
            tty.type("fg\r")
            tty.expect(r"sleep 100\r\n")
            pause()
            tty.type("\x03")
            tty.expect(r"ready> ")
            tty.type("cat\r")
            tty.expect(r"cat\r\n")
            pause()
            tty.type("typed\r")
            tty.expect(r"typed\r\ntyped\r\n")
            tty.type("\x04")
            tty.expect(r"ready> ")
            tty.type("read -rs -p 'secret: ' word; echo got ${#word}\r")
            tty.expect(r"[\r\n]secret: ")
            tty.type("hidden\r")
            shown = tty.expect(r"(?s)(.*?)got 6").group(1)
            assert "hidden" not in shown, shown
            tty.type("exit 23\r")
            assert tty.wait() == 23, tty.code


def pause():
    """Time for a program to take the terminal before a key is pressed."""
    import time
    time.sleep(0.4)
