# SPDX-License-Identifier: Apache-2.0
"""`postern do` at a terminal: ^C reaches the command, what is redirected stays so, a shell has job control."""
import os
import subprocess
import time

from terminal import Terminal
from throwaway import Throwaway


def test(runtime):
    if runtime != "postern":
        raise Skip("only postern has `do`")  # noqa: F821
    with Throwaway() as box:
        for part in (interrupt, shell, redirected, background):
            part(box)


def interrupt(box):
    with Terminal(box.command([], ["sh", "-c", "echo ready; exec sleep 60"])) as tty:
        tty.expect("ready\r\n")
        time.sleep(0.3)
        tty.type("\x03")
        assert tty.wait() == 130, tty.code
    with Terminal(box.command([], ["sleep", "60"])) as tty:  # as the very first, whatever it meets
        time.sleep(2)
        tty.type("\x03")
        assert tty.wait() == 130, tty.code


def shell(box):
    with Terminal(box.command(["--env", "PS1=ready> "], ["bash", "--norc", "--noprofile", "-i"]), 33, 111) as tty:
        tty.expect("ready> ")
        tty.type("stty size; tty; echo $TERM\r")
        tty.expect(r"33 111\r\n/dev/(pts/\d+|console)\r\n")
        tty.expect("ready> ")
        tty.resize(50, 120)
        tty.type("sleep 0.3; stty size\r")
        tty.expect(r"50 120\r\n")
        tty.type("sleep 100\r")
        tty.expect(r"sleep 100\r\n")
        time.sleep(0.4)
        tty.type("\x1a")
        tty.expect(r"Stopped +sleep 100")
        tty.type("kill %1; exit 23\r")
        tty.expect("exit")
        tty.type("\rexit 23\r")
        assert tty.wait() == 23, tty.code


def redirected(box):
    """A stream that is no terminal is the command's own: binary data stays what it is."""
    out = os.path.join(box.top, "out")
    script = "printf 'a\\nb\\n'; echo seen >&2; test -t 0; echo $? >&2; test -t 1; echo $? >&2; test -t 2; echo $? >&2"
    line = subprocess.list2cmdline(box.command([], []))
    with Terminal(["sh", "-c", f"cd {box.folder}; exec {line} sh -c \"$1\" > {out}", "sh", script]) as tty:
        tty.expect("seen\r\n0\r\n1\r\n0\r\n")
        assert tty.wait() == 0, tty.code
    with open(out, "rb") as file:
        assert file.read() == b"a\nb\n"
    with Terminal(["sh", "-c", f"echo typed | {line} sh -c 'cat; test -t 0 || test -t 1 && echo right'"]) as tty:
        tty.expect("typed\r+\nright\r+\n")
        assert tty.wait() == 0, tty.code
    os.unlink(out)


def background(box):
    """A job in the background does not take the terminal away from its shell."""
    line = subprocess.list2cmdline(box.command([], []))
    with Terminal(["bash", "--norc", "--noprofile", "-i"]) as tty:
        tty.type(f"PS1='ready> '; {line} sh -c 'cat; sleep 1; echo done' &\r")
        tty.expect("ready> ")
        time.sleep(0.5)
        tty.type("stty -a | grep -o ' .icanon'; echo mark\r")
        tty.expect(r"mark\r\n(?s:.*)done\r+\n")
        assert " -icanon" not in tty.seen, tty.seen
        tty.type("exit\r")
        tty.wait()
