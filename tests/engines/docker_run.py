# SPDX-License-Identifier: Apache-2.0
"""docker run: what the program is, sees and prints, and what becomes of its exit code."""
import os
import tempfile
import time

from engines import contains, equal


def test_run(e):
    equal(e.run("busybox", "echo", "hello").out, "hello\n")
    equal(e.run("debian", "bash", "-c", "echo $((6 * 7))").out, "42\n")


def test_run_streams(e):
    result = e.run("-i", "busybox", "sh", "-c", "cat; echo bad >&2", input="in\n")
    equal((result.out, result.err), ("in\n", "bad\n"))
    big = "x" * 200000
    equal(len(e.run("-i", "busybox", "cat", input=big).out), len(big))


def test_exit_codes(e):
    for command, code in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 0)):
        for runtime in ("runc", "postern"):
            found = e.run("busybox", "sh", "-c", command, runtime=runtime, ok=None).code
            # The first process of a pid namespace is deaf to its own signals.
            if command.startswith("kill"):
                code = 0
            equal((runtime, command, found), (runtime, command, code))


def test_exit_code_not_found(e):
    for command, code in (("/no/such/program", 127), ("nosuchprogram", 127), ("/etc/passwd", 126), ("/tmp", 126)):
        native = e.run("busybox", command, runtime="runc", ok=None)
        found = e.run("busybox", command, ok=None)
        equal((command, found.code), (command, code))
        equal(found.code, native.code)


def test_no_program(e):
    """A file that may be executed and is no program: the container starts, and says so itself."""
    with tempfile.TemporaryDirectory(dir=e.folder) as folder:
        for name, text in (("text", "echo\n"), ("script", "#!/no/interpreter\n"), ("elf", "\x7fELF")):
            with open(os.path.join(folder, name), "w", encoding="ascii") as out:
                os.fchmod(out.fileno(), 0o755)
                out.write(text)
            found = [e.run("-v", folder + ":/v", "busybox", "/v/" + name, runtime=r, ok=1) for r in ("runc", "postern")]
            equal((found[1].out, found[1].err), (found[0].out, found[0].err))


def test_killed_child(e):
    e.run("busybox", "sh", "-c", "sleep 100 & kill -9 $!; wait $!", ok=137)


def test_terminal(e):
    with e.terminal("run", "--rm", "-it", "--network", "none", "busybox", "sh") as t:
        t.expect(r"/ # ")
        t.type("tty; stty size; echo $((40+2))\n")
        t.expect(r"/dev/(pts/0|console)")
        t.expect(r"\b24 80\b")
        t.expect(r"\b42\b")
        t.resize(33, 99)
        t.type("sleep 1; stty size\n")
        t.expect(r"\b33 99\b")
        t.type("echo go$((1+1)); sleep 100\n")
        t.expect("go2\r\n")
        time.sleep(0.3)  # until the sleep has begun
        t.type("\x03")
        t.expect(r"/ # ")
        t.type("echo after-$?\n")
        t.expect("after-130")
        t.type("exit 5\n")
        equal(t.wait(), 5)


def test_terminal_bash(e):
    with e.terminal("run", "--rm", "-it", "--network", "none", "debian", "bash", "--norc") as t:
        t.expect(r"[#$] ")
        t.type("echo go$((1+1)); sleep 1000\n")
        t.expect("go2\r\n")
        time.sleep(0.3)
        t.type("\x1a")
        t.expect("Stopped")
        # bash does not always say "Killed" of a job it has just called stopped, under runc either: see the process go instead.
        t.type("p=$(jobs -p %1); kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.1; done; echo go$((1+2))ne\n")
        t.expect("go3ne\r\n")
        t.type("exit 6\n")
        equal(t.wait(), 6)


def test_environment(e):
    equal(e.run("-e", "A=b c", "-e", "PATH=/bin", "busybox", "sh", "-c", "echo $A:$PATH").out, "b c:/bin\n")


def test_working_folder(e):
    equal(e.run("-w", "/var/tmp", "busybox", "pwd").out, "/var/tmp\n")
    equal(e.run("-w", "/new/folder", "busybox", "pwd").out, "/new/folder\n")


def test_hostname(e):
    equal(e.run("--hostname", "castle", "busybox", "sh", "-c", "hostname; cat /etc/hostname").out, "castle\ncastle\n")


def test_host_namespaces(e):
    """The host's name is shown, its ipc is shared, its processes are not to be had: that is said to the user."""
    for runtime in ("runc", "postern"):
        equal(e.run("--uts", "host", "busybox", "hostname", runtime=runtime).out, e.inside("hostname").out)
    queue = e.inside("ipcmk", "-Q").out.split()[-1]
    try:
        contains(e.run("--ipc", "host", "debian", "ipcs", "-q").out, "0x")
        assert "0x" not in e.run("debian", "ipcs", "-q").out
    finally:
        e.inside("ipcrm", "-q", queue)
    contains(e.run("--pid", "host", "busybox", "true", ok=125).err, 'linux.namespaces: none of type "pid"')
    with e.started() as c:
        contains(e.run("--pid", "container:" + c.id, "busybox", "true", ok=125).err, "joining a pid namespace is not supported")


def test_user(e):
    equal(e.run("--user", "1234:5678", "busybox", "id").out.split(" groups")[0], "uid=1234 gid=5678")
    contains(e.run("--user", "nobody", "busybox", "id").out, "uid=65534(nobody)")
    contains(e.run("--user", "1000", "--group-add", "77", "busybox", "id", "-G").out, "77")


def test_capabilities(e):
    script = "grep CapEff /proc/self/status; chown 5 /tmp && echo chown"
    for options in ((), ("--cap-drop", "ALL"), ("--cap-drop", "CHOWN"), ("--cap-add", "SYS_TIME")):
        native = e.run(*options, "busybox", "sh", "-c", script, runtime="runc", ok=None)
        found = e.run(*options, "busybox", "sh", "-c", script, ok=None)
        equal((options, found.code, found.out), (options, native.code, native.out))


def test_no_new_privileges(e):
    contains(e.run("--security-opt", "no-new-privileges", "busybox", "grep", "NoNewPrivs", "/proc/self/status").out, "1")


def test_read_only(e):
    result = e.run("--read-only", "--tmpfs", "/tmp", "busybox", "sh", "-c", "touch /tmp/a && echo tmp; touch /a", ok=1)
    equal(result.out, "tmp\n")
    contains(result.err, "Read-only file system")


def test_tmpfs(e):
    script = "mount | grep ' /scratch ' ; df -k /scratch | tail -1; touch /scratch/a; ls -ld /scratch"
    result = e.run("--tmpfs", "/scratch:size=4m,mode=1777", "busybox", "sh", "-c", script)
    contains(result.out, "tmpfs on /scratch type tmpfs")
    contains(result.out, "4096")
    contains(result.out, "drwxrwxrwt")
    e.run("--tmpfs", "/scratch:size=1m", "busybox", "dd", "if=/dev/zero", "of=/scratch/a", "bs=1M", "count=2", ok=1)


def test_volumes(e):
    with tempfile.TemporaryDirectory(dir=e.folder) as folder:
        with open(folder + "/in", "w", encoding="ascii") as out:
            out.write("from outside\n")
        equal(e.run("-v", folder + ":/data", "busybox", "sh", "-c", "cat /data/in; echo inside >/data/out").out,
              "from outside\n")
        with open(folder + "/out", encoding="ascii") as found:
            equal(found.read(), "inside\n")
        e.run("-v", folder + ":/data:ro", "busybox", "touch", "/data/no", ok=1)
        equal(e.run("-v", folder + "/in:/etc/in:ro", "busybox", "cat", "/etc/in").out, "from outside\n")
        equal(os.path.exists(folder + "/no"), False)


def test_named_volume(e):
    try:
        e.run("-v", "kept:/data", "busybox", "sh", "-c", "echo kept >/data/a")
        equal(e.run("-v", "kept:/data", "debian", "cat", "/data/a").out, "kept\n")
    finally:
        e.docker("volume", "rm", "kept", ok=None)


def test_init(e):
    if e.run("--init", "busybox", "true", runtime="runc", ok=None).code != 0:
        from engines import Skip
        raise Skip("docker-init (tini) is not installed")
    contains(e.run("--init", "busybox", "ps").out, "docker-init")
    e.run("--init", "busybox", "sh", "-c", "exit 9", ok=9)


def test_shm_and_ulimit(e):
    contains(e.run("--shm-size", "8m", "busybox", "df", "-k", "/dev/shm").out, "8192")
    equal(e.run("--ulimit", "nofile=123:456", "busybox", "sh", "-c", "ulimit -n; ulimit -Hn").out, "123\n456\n")


def test_sysctl(e):
    equal(e.run("--sysctl", "net.ipv4.ip_forward=1", "busybox", "cat", "/proc/sys/net/ipv4/ip_forward").out, "1\n")
    equal(e.run("--sysctl", "kernel.msgmax=65536", "busybox", "cat", "/proc/sys/kernel/msgmax").out, "65536\n")


def test_devices(e):
    script = "for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; head -c 8 /dev/zero | wc -c"
    equal(e.run("busybox", "sh", "-c", script).out, "8\n")


def test_host_devices(e):
    """One that is asked for is refused, in words; a privileged container has nodes of them all, which cannot be opened."""
    contains(e.run("--device", "/dev/kmsg", "busybox", "true", ok=125).err, "linux.devices[0]: /dev/kmsg is not supported")
    equal(e.run("--device", "/dev/null:/dev/nothing", "busybox", "sh", "-c", "echo x >/dev/nothing && echo ok").out, "ok\n")
    equal(e.run("--privileged", "busybox", "sh", "-c", "[ -c /dev/kmsg ] && head -c 1 /dev/kmsg || echo refused").out, "refused\n")


def test_masked_paths(e):
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
        equal(e.run("busybox", "sh", "-c", f"head -c 1 {path} 2>/dev/null | wc -c").out, "0\n")
    e.run("busybox", "sh", "-c", "echo 1 >/proc/sys/kernel/panic", ok=1)


def test_build(e):
    with tempfile.TemporaryDirectory(dir=e.folder) as folder:
        with open(folder + "/Dockerfile", "w", encoding="ascii") as out:
            out.write("FROM debian\nWORKDIR /src\nCOPY hello.c .\nRUN cc -O1 -o /usr/bin/hello hello.c && rm hello.c\n"
                      "RUN useradd -m someone && mkdir -p /a/b && echo text >/a/b/c && chown -R someone /a\n"
                      "ENV WORD=built\nUSER someone\nRUN whoami >/home/someone/who\nCMD [\"hello\"]\n")
        with open(folder + "/hello.c", "w", encoding="ascii") as out:
            out.write("#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return puts(getenv(\"WORD\")) < 0; }\n")
        # Without a network of its own: RUN steps do not need one.
        e.docker("build", "--network", "none", "-t", "built", folder, seconds=240)
    equal(e.run("built").out, "built\n")
    equal(e.run("built", "sh", "-c", "cat ~/who; stat -c %U /a/b/c").out, "someone\nsomeone\n")


def test_build_stages(e):
    """Packages made and installed by dpkg and apt; only the result goes into the last stage, with another owner."""
    make = ("mkdir -p p/DEBIAN p/usr/bin p/etc && printf 'Package: made\\nVersion: 1\\nArchitecture: all\\nMaintainer: n <n@example.org>\\n"
            "Description: made\\n' >p/DEBIAN/control && printf '#!/bin/sh\\nadduser --system --group made >/dev/null && "
            "install -d -o made /var/lib/made\\n' >p/DEBIAN/postinst && printf '#!/bin/sh\\necho made\\n' >p/usr/bin/made && "
            "chmod 755 p/DEBIAN/postinst p/usr/bin/made && dpkg-deb --build p made.deb")
    with tempfile.TemporaryDirectory(dir=e.folder) as folder:
        with open(folder + "/Dockerfile", "w", encoding="ascii") as out:
            out.write("ARG BASE=debian\nFROM $BASE AS packages\nARG WORD\nENV DEBIAN_FRONTEND=noninteractive\nWORKDIR /work\n"
                      f"RUN {make}\nRUN rm -f /etc/apt/sources.list.d/* && apt-get update && apt-get install -y ./made.deb && dpkg -V made\n"
                      "RUN [\"/usr/bin/made\"]\nRUN echo $WORD >word && stat -c %U /var/lib/made >>word\nRUN false || true\n"
                      "FROM busybox\nCOPY --from=packages --chown=1000:1001 /work/word /data/\nCOPY --chown=nobody:nogroup in* /data/\nWORKDIR /data\n"
                      "VOLUME /kept\nEXPOSE 80\nHEALTHCHECK --interval=300ms CMD test -f word\nUSER 1000\n"
                      "ENTRYPOINT [\"sh\", \"-c\", \"cat word; stat -c %u:%g word in; id -u; $0 $@\"]\nCMD [\"pwd\"]\n")
        with open(folder + "/in", "w", encoding="ascii") as out:
            out.write("in\n")
        e.docker("build", "--network", "none", "--build-arg", "WORD=given", "-t", "stages", folder, seconds=240)
        with open(folder + "/Dockerfile", "w", encoding="ascii") as out:
            out.write("FROM busybox\nRUN exit 3\n")
        contains(e.docker("build", "--network", "none", folder, ok=3).err, "returned a non-zero code: 3")
    equal(e.run("stages").out, "given\nmade\n1000:1001\n65534:65534\n1000\n/data\n")


def test_security_profile(e):
    """Docker's default seccomp profile, and one of the user's."""
    e.run("busybox", "unshare", "-n", "true", ok=1)
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=e.folder) as profile:
        profile.write('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], '
                      '"action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}')
        profile.flush()
        result = e.run("--security-opt", "seccomp=" + profile.name, "busybox", "mkdir", "/tmp/a", ok=1)
        contains(result.err, "Function not implemented")
