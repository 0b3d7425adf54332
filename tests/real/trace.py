# SPDX-License-Identifier: Apache-2.0
"""`run --trace`: a line a trapped call on the standard error, or in a file; what was asked, what was answered, by which route, how long."""
import os
import re

from sandbox import Sandbox

LINE = re.compile(r"^(\d+) (\S+) ([a-z_0-9]+)\((.*)\) = (-?\d+|-E[A-Z0-9]+|continue|waits) (host|sentry|gofer|continue|absent) (\d+)us$")
SCRIPT = """mkdir /tmp/made; echo word >/tmp/made/file; cat /tmp/missing; mv /tmp/made/file /tmp/made/other; kill -0 $$; ls /tmp/made
umask 027; chmod 640 /tmp/made/other; ln -s /etc /tmp/made/link; exec /bin/busybox true last"""
WANTED = [r'^\d+ mkdir mkdir\("/tmp/made", 0777\) = 0 gofer', r'openat\(AT_FDCWD, "/tmp/made/file", O_WRONLY\|O_CREAT\|O_TRUNC, 0666\) = \d+ gofer',
          r'\d+ cat openat\(AT_FDCWD, "/tmp/missing", O_RDONLY\) = -ENOENT gofer', r'rename\("/tmp/made/file", "/tmp/made/other"\) = 0 gofer',
          r'kill\(1, 0\) = continue sentry', r'umask\(027\) = 18 sentry', r'chmod\("/tmp/made/other", 0640\) = 0 gofer',
          r'symlink\("/etc", "/tmp/made/link"\) = 0 gofer', r'execve\("/bin/busybox", \["/bin/busybox", "true", "last"\], 0x[0-9a-f]+\) = 0 continue']


def check(text):
    lines = text.splitlines()
    strange = [line for line in lines if not LINE.match(line)]
    assert not strange, strange[:5]
    for wanted in WANTED:
        assert any(re.search(wanted, line) for line in lines), (wanted, lines[-40:])
    assert all(0 <= int(LINE.match(line).group(7)) < 60_000_000 for line in lines)


def test(runtime):
    if runtime != "postern":
        raise Skip("only postern traces")  # noqa: F821
    with Sandbox(runtime, "busybox") as box:
        got = box.run(["/bin/sh", "-c", SCRIPT], 30, run_options=["--trace"])
        assert got.code == 0 and got.out == "other\n", got
        said = [line for line in got.err.splitlines() if "can't open '/tmp/missing'" not in line]
        check("\n".join(said))
        where = os.path.join(box.folder, "trace.txt")
        got = box.run(["/bin/sh", "-c", "rm -rf /tmp/made; " + SCRIPT], 30, run_options=["--trace=" + where])
        assert got.code == 0 and "openat" not in got.err, got
        with open(where, encoding="utf-8") as trace:
            check(trace.read())
        got = box.run(["/bin/true"], 30, run_options=["--trace=/no/such/folder/trace"])
        assert got.code != 0 and "/no/such/folder/trace" in got.err, got
        # A name cannot break out of its line.
        got = box.run(["/bin/sh", "-c", "cat \"$(printf 'new\\nline\\033[31m\\377')\" 2>/dev/null"], 30, run_options=["--trace"])
        assert r"new\nline\x1b[31m\xff" in got.err or r"new\nline\33[31m\377" in got.err or r"new\nline\033[31m\377" in got.err, got.err
        assert all(LINE.match(line) for line in got.err.splitlines()), got.err
