# SPDX-License-Identifier: Apache-2.0
"""`postern do`: what it shows of the host, what stays of what is written, limits, users, the environment, exit codes."""
import json
import os
import subprocess
import tempfile
import time

import bundle
from sandbox import mount, runtime_command
from throwaway import Throwaway


def test(runtime):
    if runtime != "postern":
        raise Skip("only postern has `do`")  # noqa: F821
    with Throwaway() as box:
        for part in (named, gate, files, other_file_systems, folder, binds, links, hidden, environment, users, limits, codes, streams):
            part(box)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text="text\n"):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def output(result, code=0):
    assert result.code == code, result
    return result.out


def named(box):
    """While it runs it is a container like others."""
    name = f"do-named-{os.getpid()}"
    process = box.start(["--name", name, "--env", "GIVEN=this"], ["sleep", "60"])
    postern = [*runtime_command("postern"), "--root", box.state]
    try:
        end = time.monotonic() + 20
        while "running" not in subprocess.run([*postern, "state", name], capture_output=True, text=True, check=False).stdout:
            assert time.monotonic() < end
        got = subprocess.run([*postern, "exec", name, "sh", "-c", "echo $GIVEN; pwd; ls /run; grep -c . /etc/passwd"],
                             capture_output=True, text=True, check=False)
        with open("/etc/passwd", encoding="utf-8") as passwd:
            assert got.stdout == f"this\n{box.folder}\nlock\n{len(passwd.readlines())}\n", got
        subprocess.run([*postern, "kill", name, "TERM"], check=True)
        assert process.wait(20) == 143
    finally:
        process.kill()
        process.stdout.close()
        process.stderr.close()


def gate(box):
    """The fast way in is there, unless it is not wanted."""
    for options, wanted in (([], None), (["--gate", "on"], None), (["--gate=off"], "off")):
        with box.start([*options, "--name", "gated"], ["sh", "-c", "cat /etc/hostname >/dev/null; echo up; read word"], stdin=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"up\n"
            annotations = json.loads(read(os.path.join(box.state, "gated", "config.json")))["annotations"]
            process.communicate(b"end\n")
            assert (process.returncode, annotations.get("dev.postern.gate")) == (0, wanted), (process.returncode, annotations)


def files(box):
    """The host's files are there, can be changed and removed as far as the command can tell, and are what they were."""
    kept = write(os.path.join(box.folder, "kept"))
    before = os.stat("/etc/passwd")
    got = output(box.shell("cat kept; echo more >> kept; cat kept; rm kept; echo x > new; mkdir -p /usr/new /root/.new;"
                           "echo x:x:77:77::/:/bin/sh >> /etc/passwd; tail -n 1 /etc/passwd; rm -r /opt; ls"))
    assert got == "text\ntext\nmore\nx:x:77:77::/:/bin/sh\nnew\n", got
    assert read(kept) == "text\n" and os.listdir(box.folder) == ["kept"]
    assert not os.path.exists("/usr/new") and not os.path.exists("/root/.new") and os.path.isdir("/opt")
    assert os.stat("/etc/passwd") == before
    assert output(box.shell("ls /tmp /var/tmp; ls /run")) == "/tmp:\n\n/var/tmp:\nlock\n"
    os.unlink(kept)
    # what belongs to the host's root folder alone, and to nobody else's mount table
    mine = read("/proc/self/mountinfo")
    assert output(box.do([], ["python3", "-c", "import os; print(os.stat('/').st_mode & 0o7777)"])) == \
        f"{os.stat('/').st_mode & 0o7777}\n"
    assert read("/proc/self/mountinfo") == mine


def other_file_systems(box):
    """What is mounted on the host is shown as well, below the layer; what is covered there is not."""
    place = os.path.join(box.top, "mounted")
    os.mkdir(place)
    write(os.path.join(place, "below"))
    mount("tmpfs", place, "tmpfs", 0, "size=1m")
    subprocess.run(["mount", "--make-private", place], check=True)
    try:
        name = write(os.path.join(place, "on it"))
        single = write(os.path.join(box.top, "single"), "over\n")
        subprocess.run(["mount", "--bind", name, single], check=True)
        try:
            got = output(box.shell(f"ls {place}; cat {single}; echo changed > '{name}'; echo x > {place}/x; cat '{name}';"
                                   f"echo x > {single} || echo refused"))
        finally:
            subprocess.run(["umount", single], check=True)
        assert got == "on it\ntext\nchanged\nrefused\n", got
        assert read(name) == "text\n" and os.listdir(place) == ["on it"]
        os.unlink(single)
    finally:
        subprocess.run(["umount", place], check=True)


def folder(box):
    """The current folder is always there, with --rw for real; also in a folder that is otherwise empty inside."""
    output(box.shell("echo kept > made; mkdir d; ln -s made link", "--rw"))
    assert sorted(os.listdir(box.folder)) == ["d", "link", "made"] and read(os.path.join(box.folder, "made")) == "kept\n"
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        write(os.path.join(place, "here"))
        assert output(box.shell("pwd; ls; echo x > new; ls /tmp | wc -l", cwd=place)) == f"{place}\nhere\n1\n"
        assert os.listdir(place) == ["here"]
        output(box.shell("rm here; echo x > new", "--rw", cwd=place))
        assert os.listdir(place) == ["new"]
        assert output(box.shell("pwd; ls", "--cwd", place)) == f"{place}\nnew\n"
    for forbidden in ("/", "/proc", "/dev"):
        got = box.shell("true", "--rw", cwd=forbidden)
        assert got.code == 125 and "--rw" in got.err, got
    for name in ("d", "link", "made"):
        subprocess.run(["rm", "-r", os.path.join(box.folder, name)], check=True)


def binds(box):
    given = os.path.join(box.top, "given")
    os.mkdir(given)
    write(os.path.join(given, "file"))
    got = output(box.shell("cat /data/file; echo x > /data/new; echo x > /fixed/new || echo refused; ls /fixed",
                           "--bind", f"{given}:/data", "--ro-bind", f"{given}:/fixed"))
    assert got == "text\nrefused\nfile\nnew\n" and sorted(os.listdir(given)) == ["file", "new"], got
    assert output(box.shell("cat ../given/file", "--ro-bind", "../given")) == "text\n"
    # a read-only bind is so with all below it
    os.mkdir(os.path.join(given, "deep"))
    mount("tmpfs", os.path.join(given, "deep"), "tmpfs")
    try:
        assert output(box.shell("touch /data/deep/x || echo refused", "--ro-bind", f"{given}:/data")) == "refused\n"
    finally:
        subprocess.run(["umount", os.path.join(given, "deep")], check=True)
    for bind in ("/no/such:/x", f"{given}:relative", f"{given}:/", f"{given}:/dev", f"{given}:/proc/x", f"{given}:/sys"):
        got = box.shell("true", "--bind", bind)
        assert got.code == 125 and "--bind" in got.err, (bind, got)
    subprocess.run(["rm", "-r", given], check=True)


def links(box):
    """Whoever owns a folder above may lay a link in the place of ours at any time; it is followed before, or not at all."""
    elsewhere, link = (os.path.join(box.top, name) for name in ("elsewhere", "link"))
    os.mkdir(elsewhere)
    os.symlink(elsewhere, link)
    assert output(box.shell("pwd; touch a", "--rw", "--cwd", link)) == elsewhere + "\n"
    assert output(box.shell("touch /data/b", "--bind", f"{link}:/data")) == "" and sorted(os.listdir(elsewhere)) == ["a", "b"]
    for kind in ("bind:{}:bind", "layer:{}"):  # as if it had come after the configuration was written
        bundle.write(os.path.join(box.top, "bundle"), "/", ["true"], mounts=["/mnt:" + kind.format(link)],
                     annotations={"dev.postern.layer": "8m"})
        words = ["--root", box.state, "run", "--bundle", os.path.join(box.top, "bundle"), "links"]
        got = subprocess.run(runtime_command("postern") + words, capture_output=True, text=True, timeout=60, check=False)
        assert got.returncode == 1 and link in got.stderr and "symbolic links" in got.stderr, got
    subprocess.run(["rm", "-r", elsewhere, link, os.path.join(box.top, "bundle")], check=True)


def hidden(box):
    secret = os.path.join(box.top, "secret")
    os.mkdir(secret)
    write(os.path.join(secret, "key"))
    single = write(os.path.join(box.top, "single"))
    got = output(box.shell(f"ls -A {secret}; cat {single}; echo x > {secret}/x && ls {secret}", "--hide", secret, "--hide", single))
    assert got == "x\n" and read(single) == "text\n", got
    # the current folder stays, and what is given comes back
    assert output(box.shell(f"pwd; ls {box.top}", "--hide", box.top)) == f"{box.folder}\nwork\n"
    assert output(box.shell("cat ../secret/key; ls ..", "--hide", box.top, "--ro-bind", secret)) == "text\nsecret\nwork\n"
    for path in ("/", "/proc/1", "/no/such"):
        got = box.shell("true", "--hide", path)
        assert got.code == 125 and "--hide" in got.err, (path, got)
    subprocess.run(["rm", "-r", secret, single], check=True)


def environment(box):
    env = {"PATH": os.environ["PATH"], "SECRET": "token", "LANG": "C.UTF-8", "ALSO": "passed"}
    got = output(box.do(["--env", "ALSO", "--env", "SET=a=b", "--env", "USER=me"], ["env"], env=env)).splitlines()
    assert {"ALSO=passed", "SET=a=b", "USER=me", "HOME=/root", "LANG=C.UTF-8"} <= set(got), got
    assert not any("SECRET" in line or line.startswith(("TERM=", "USER=root")) for line in got), got
    for wrong in ("NOT_THERE", "=x", ""):
        got = box.do(["--env", wrong], ["true"], env=env)
        assert got.code == 125 and "--env" in got.err, (wrong, got)
    assert output(box.do(["--hostname", "other"], ["hostname"])) == "other\n"
    assert output(box.do([], ["hostname"])) == os.uname().nodename + "\n"


def users(box):
    assert output(box.shell("id -u; id -g; id -G")) == "0\n0\n0\n"
    got = output(box.shell("id -u; id -G; cat /etc/shadow || echo refused; touch /x || echo refused; touch /tmp/x; umask",
                           "--user", "nobody"))
    assert got == "65534\n65534\nrefused\nrefused\n0022\n", got
    assert output(box.shell("id -u; id -g", "--user", "1234:daemon")) == "1234\n1\n"
    assert "no user" in box.do(["--user", "nosuchuser"], ["true"]).err
    assert "no group" in box.do(["--user", "root:nosuchgroup"], ["true"]).err
    # what set-id programs are for is not for it
    assert output(box.do([], ["grep", "NoNewPrivs", "/proc/self/status"])) == "NoNewPrivs:\t1\n"


def limits(box):
    got = box.do(["--time", "300ms"], ["sleep", "60"])
    assert got.code == 124 and got.seconds < 30 and "the time was up" in got.err, got
    got = box.do(["--time", "1h"], ["sh", "-c", "exit 5"])
    assert got.code == 5, got
    # a fork bomb is caught before it fills the machine
    got = box.shell("i=0; while sleep 60 & do i=$((i+1)); [ $i -gt 60 ] && exit 77; done; exit 0", "--pids", "30")
    assert got.code not in (0, 77) and "ork" in got.err, got
    got = box.shell("head -c 20000000 /dev/zero > /usr/big; echo $?; head -c 20000000 /dev/zero > /tmp/big; echo $?",
                    "--layer", "16m")
    assert got.out == "1\n1\n" and "No space left" in got.err, got
    # one room for all of it: the layer and the empty folders
    got = box.shell("head -c 9m /dev/zero > /usr/big; head -c 9m /dev/zero > /tmp/big", "--layer", "16m")
    assert got.code == 1, got
    got = box.do(["--memory", "48m"], ["python3", "-c", "x = bytearray(200 << 20); print('kept')"])
    assert got.code == 137 and "kept" not in got.out and "out of memory" in got.err, got
    got = box.do(["--memory", "48m"], ["sh", "-c", "python3 -c 'x = bytearray(200 << 20)'; exit 3"])
    assert got.code == 3 and "out of memory" in got.err, got
    got = box.do(["--memory", "48m"], ["sh", "-c", "kill -KILL $$"])
    assert got.code == 137 and got.err == "", got
    for kinds in ("/etc/hostname:/usr", "/usr:/etc/hostname"):
        got = box.do(["--bind", kinds], ["true"])
        assert got.code == 125 and "not a directory" in got.err.lower(), got
    got = box.shell("cd /sys/fs/cgroup; if test -e cpu; then cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; else cat cpu.max; fi", "--cpus", "0.5")
    assert got.out.split() == ["50000", "100000"], got
    for wrong in (["--memory", "0"], ["--memory", "much"], ["--time", "0"], ["--time", "soon"], ["--cpus", "0"], ["--cpus", "-1"],
                  ["--pids", "x"], ["--layer", "0"], ["--network", "bridge"], ["--gate", "maybe"]):
        got = box.do(wrong, ["true"])
        assert got.code == 125 and wrong[0] in got.err, (wrong, got)


def codes(box):
    for code in (0, 1, 77, 255):
        assert box.shell(f"exit {code}").code == code
    assert box.shell("kill -TERM $$").code == 143 and box.shell("kill -KILL $$").code == 137
    got = box.do([], ["no-such-program"])
    assert got.code == 127 and "not found" in got.err, got
    got = box.do([], ["/no/such/program"])
    assert got.code == 127, got
    got = box.do([], ["/etc/passwd"])
    assert got.code == 126 and "ermission denied" in got.err, got
    got = box.do(["--no-such-option"], ["true"])
    assert got.code == 125, got
    # the command is no init: signals do what they do everywhere, and orphans are somebody's
    for pause in (0, 0.02, 0.1, 0.5):
        process = box.start(["--verbose"], ["sleep", "60"])
        while b"started" not in process.stderr.readline():
            pass  # from here on its signals are for the command
        time.sleep(pause)
        process.terminate()
        assert process.wait(20) == 143, pause
    got = box.shell("(sh -c 'sleep 0.1; exit 3' &) ; sleep 0.5; ps -eo stat= | grep -c Z")
    assert got.out == "0\n", got
    got = box.shell("exit 0", "--verbose")
    assert got.code == 0 and "started in" in got.err and "network none" in got.err, got
    assert output(box.do([], [])) == ""  # the shell, whose input has ended


def streams(box):
    got = box.do([], ["cat"], given=bytes(range(256)) * 5000)
    assert got.code == 0 and len(got.out) >= 256 * 5000, got.code
    got = box.shell("echo out; echo err >&2")
    assert (got.out, got.err) == ("out\n", "err\n"), got
    trace = os.path.join(box.top, "trace")
    output(box.do([f"--trace={trace}"], ["cat", "/etc/hostname"]))
    assert "/etc/hostname" in read(trace)
    os.unlink(trace)
    assert os.listdir(box.state) == [] and os.listdir(box.folder) == []
