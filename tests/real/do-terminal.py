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
        for part in (interrupt, shell, suspended, editor, without_terminal, redirected, background):
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


class Shell:
    """A shell at a terminal, with jobs."""

    def __init__(self, box):
        self.tty = Terminal(["bash", "--norc", "--noprofile", "-i"])
        self.line = subprocess.list2cmdline(box.command([], []))

    def __enter__(self):
        self.tty.__enter__()
        self.type("cd /usr; PS1='rea''dy> '")
        self.tty.expect("ready> ")
        return self

    def __exit__(self, *what):
        self.tty.__exit__(*what)

    def type(self, words):
        self.tty.type(words + "\r")

    def stopped(self):
        self.tty.expect(r"Stopped(?s:.*)ready> ")
        self.type("stty -a | grep -o ' .icanon'; echo mark")
        self.tty.expect(r"mark\r\n(?s:.*)ready> ")
        assert " -icanon" not in self.tty.seen, self.tty.seen


COUNTS = "trap 'echo on again' CONT; echo begun; i=0; while test $i -lt 600; do i=$((i+1)); sleep 0.1; done"


def suspended(box):
    """^Z stops a command as it stops any: its shell has the terminal, and fg, bg and kill do what they do."""
    with Shell(box) as shell:
        tty = shell.tty
        shell.type(f"{shell.line} sh -c \"{COUNTS.replace('$', chr(92) + '$')}\"")
        tty.expect("begun\r\n")
        for _ in range(2):
            tty.type("\x1a")
            shell.stopped()
            shell.type("fg")
            tty.expect("on again\r+\n")
        tty.type("\x1a")
        shell.stopped()
        shell.type("bg")
        tty.expect("on again\r+\n")
        shell.type("stty -a | grep -o ' .icanon'; echo mark; jobs")
        tty.expect(r"mark\r\n(?s:.*)Running")
        assert " -icanon" not in tty.seen, tty.seen
        shell.type("fg")
        time.sleep(0.5)
        tty.type("\x03")
        tty.expect("ready> ")
        shell.type("echo $?; jobs; echo end")
        tty.expect(r"130\r\nend\r\n")
        shell.type(f"{shell.line} sleep 300")
        time.sleep(1)
        tty.type("\x1a")
        shell.stopped()
        shell.type("kill %1; fg; echo code $?")
        tty.expect("code 143")
        # what is said to ours, by anybody, is said to the command
        shell.type(f"{shell.line} sh -c \"{COUNTS.replace('$', chr(92) + '$')}\" & sleep 1; kill -TSTP $!; wait $!; kill -CONT $!")
        tty.expect(r"Stopped(?s:.*)on again\r+\n")
        shell.type("kill %1; wait; exit 5")
        assert tty.wait() == 5, tty.code


EDITOR = """import os, signal, termios, tty
modes = termios.tcgetattr(0)
tty.setraw(0)
print('edit ', end='', flush=True)
while (key := os.read(0, 1)) != b'q':
    if key == b'\\x1a':
        print('bye', end='', flush=True)
        termios.tcsetattr(0, termios.TCSADRAIN, modes)
        os.kill(0, signal.SIGTSTP)
        tty.setraw(0)
        print('back', end='', flush=True)
termios.tcsetattr(0, termios.TCSADRAIN, modes)
"""


def editor(box):
    """One that takes the key itself, puts the terminal in order and only then stops."""
    where = os.path.join(box.folder, "editor.py")
    with open(where, "w", encoding="ascii") as file:
        file.write(EDITOR)
    with Shell(box) as shell:
        shell.type(f"{shell.line} python3 {where}")
        shell.tty.expect("edit ")
        shell.tty.type("\x1a")
        shell.tty.expect("bye")
        shell.stopped()
        shell.type("fg")
        shell.tty.expect("back")
        shell.tty.type("q")
        shell.tty.expect("ready> ")
        shell.type("echo $?; exit")
        shell.tty.expect(r"0\r\n")
        shell.tty.wait()


def without_terminal(box):
    """The key does it too where the command has no terminal; and where nobody could let it go on, nothing stops."""
    with Shell(box) as shell:
        shell.type(f"{shell.line} sleep 300 </dev/null 2>&1 | cat")
        time.sleep(1.5)
        shell.tty.type("\x1a")
        shell.stopped()
        shell.type("fg")
        time.sleep(0.5)
        shell.tty.type("\x03")
        shell.tty.expect("ready> ")
        shell.type("echo ${PIPESTATUS[0]}; exit")
        shell.tty.expect(r"130\r\n")
        shell.tty.wait()
    with Terminal(box.command([], ["sh", "-c", "echo ready; sleep 3; echo end"])) as tty:
        tty.expect("ready\r\n")
        tty.type("\x1a")
        tty.expect("end\r\n")
        assert tty.wait() == 0, tty.code


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
