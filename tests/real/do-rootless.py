# SPDX-License-Identifier: Apache-2.0
"""`postern do` by an ordinary user, with and without subordinate ids: he is himself, and the machine's files are what they are for
him; what is mounted on the machine keeps no folder from being seen."""
import os
import signal
import time

from ordinary import GID, NAME, UID, OrdinaryUser
from sandbox import alive, descendants, mount, umount
from throwaway import Throwaway


def test(runtime):
    if runtime != "postern":
        raise Skip("only postern has `do`")  # noqa: F821
    for subordinate in (False, True):
        with OrdinaryUser(subordinate) as user, Throwaway(user) as box:
            for part in (identity, files, pieces, home, refusals, network, killed):
                part(box, user)


def output(result, code=0):
    assert result.code == code, result
    return result.out


def identity(box, _):
    assert output(box.shell("id -u; id -g; id -G; id -un")) == f"{UID}\n{GID}\n{GID}\n{NAME}\n"
    assert output(box.shell("stat -c %U:%G . /usr/bin; grep NoNewPrivs /proc/self/status")) == \
        f"{NAME}:{NAME}\nnobody:nogroup\nNoNewPrivs:\t1\n"
    assert output(box.shell("kill -TERM $$"), 143) == ""
    assert box.do(["--time", "300ms"], ["sleep", "60"]).code == 124
    got = box.shell("i=0; while sleep 60 & do i=$((i+1)); [ $i -gt 60 ] && exit 77; done; exit 0", "--pids", "30")
    assert got.code not in (0, 77) and "ork" in got.err, got


def files(box, user):
    """Below the layer, for real, and not at all."""
    kept = os.path.join(box.folder, "kept")
    with open(kept, "w", encoding="ascii") as out:
        out.write("text\n")
    os.chown(kept, UID, GID)
    got = output(box.shell("cat kept; echo more >> kept; cat kept; mkdir -p d/e; mv d f; rm -r f kept; echo x > new; ls -A"))
    assert got == "text\ntext\nmore\nnew\n" and os.listdir(box.folder) == ["kept"], got
    output(box.shell("echo more >> kept; echo x > new", "--rw"))
    assert sorted(os.listdir(box.folder)) == ["kept", "new"] and os.stat(os.path.join(box.folder, "new")).st_uid == UID
    os.unlink(os.path.join(box.folder, "new"))
    os.unlink(kept)
    # the machine's rights are as they are, whoever is called the owner of what is in pieces
    got = output(box.shell("for f in /etc/shadow /root/x /etc/new /usr/new /new; do cat $f || echo no; touch $f || echo no; done;"
                           "chmod 777 /root && ls /root || echo no; rm -rf /usr/bin/env || echo no; ls /usr/bin/env"))
    assert got == "no\n" * 12 + "/usr/bin/env\n", got
    assert output(box.shell("ls -A /tmp; ls /run; touch /tmp/x /run/x && rm /tmp/x /run/x")) == "lock\n"
    assert output(box.shell("ls /usr/share; touch /usr/share/x", "--hide", "/usr/share"), 1) == ""
    given = os.path.join(user.home, "given")
    os.mkdir(given)
    os.chown(given, UID, GID)
    assert output(box.shell("touch /data/new; ls /data", "--bind", f"{given}:/data")) == "new\n"
    assert os.listdir(given) == ["new"]
    got = box.shell("touch /data/x || echo refused", "--ro-bind", f"{given}:/data")
    assert got.out == "refused\n", got
    got = box.shell("head -c 20000000 /dev/zero > /tmp/big; echo $?", "--layer", "16m")
    assert got.out == "1\n" and "No space left" in got.err, got


def pieces(box, _):
    """Folders with mounts below them, deep down and on files, which the kernel shows no ordinary user through one overlay."""
    top = os.path.join(box.top, "tree")
    for folder in ("beside", "a/b/mounted", "a/c"):
        os.makedirs(os.path.join(top, folder))
    for name in ("beside/file", "a/file", "a/b/file", "a/single", "a/b/mounted/covered"):
        with open(os.path.join(top, name), "w", encoding="ascii") as out:
            out.write(name + "\n")
    os.symlink("a/file", os.path.join(top, "link"))
    with open(os.path.join(top, "large"), "wb") as out:
        out.truncate(300000)
    mount("tmpfs", os.path.join(top, "a/b/mounted"), "tmpfs", 0, "mode=755")
    mount(os.path.join(top, "beside/file"), os.path.join(top, "a/single"), "none", 4096)
    with open(os.path.join(top, "a/b/mounted/on it"), "w", encoding="ascii") as out:
        out.write("seen\n")
    try:
        got = output(box.shell(f"cd {top}; cat beside/file a/file a/b/file a/single link 'a/b/mounted/on it'; stat -c %s large;"
                               "find . | sort | tr '\\n' ' '; echo x > a/b/mounted/new || echo refused; cat a/b/mounted/covered || echo gone"))
        assert got == ("beside/file\na/file\na/b/file\nbeside/file\na/file\nseen\n300000\n"
                       ". ./a ./a/b ./a/b/file ./a/b/mounted ./a/b/mounted/on it ./a/c ./a/file ./a/single ./beside ./beside/file "
                       "./large ./link refused\ngone\n"), got
    finally:
        umount(os.path.join(top, "a/single"))
        umount(os.path.join(top, "a/b/mounted"))


def home(box, user):
    """What is the caller's can be changed, wherever it is: his home, and where he stands."""
    got = output(box.shell("echo x > ~/new; mkdir -p ~/a/b; mv ~/a ~/c; ls ~ | tr '\\n' ' '; pwd; touch here", cwd=user.home))
    assert got == f"c given new {user.home}\n" and os.listdir(user.home) == ["given"], got
    other = os.path.join(box.top, "others", "of the user")
    os.makedirs(other)
    os.chown(other, UID, GID)
    assert output(box.shell("touch x && ls", cwd=other)) == "x\n" and os.listdir(other) == []


def refusals(box, _):
    got = box.do(["--user", "root"], ["true"])
    assert got.code == 125 and "only be yourself" in got.err, got
    got = box.do(["--memory", "100m"], ["true"])
    assert got.code == 125 and "cgroup" in got.err, got
    got = box.shell("chmod 4755 /bin/true || echo no; cp /bin/true t; chmod u+s t || echo no", "--rw")
    assert got.out == "no\nno\n", got


def network(box, _):
    assert output(box.shell("grep -c : /proc/net/dev")) == "1\n"
    got = output(box.shell("grep -c : /proc/net/dev", "--network", "host"))
    with open("/proc/net/dev", encoding="ascii") as table:
        assert int(got) == sum(":" in line for line in table), got


def killed(box, _):
    for wait in (0.1, 1.5):
        process = box.start([], ["sleep", "300"])
        time.sleep(wait)
        family = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        end = time.monotonic() + 15
        while time.monotonic() < end and (os.listdir(box.state) or any(alive(pid) for pid in family)):
            time.sleep(0.05)
        assert not os.listdir(box.state) and not any(alive(pid) for pid in family)
        process.stdout.close()
        process.stderr.close()
