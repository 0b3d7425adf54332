# SPDX-License-Identifier: Apache-2.0
"""Sequences about binds and other mounts: which flags they have, where their source is, what they may be mounted on."""
import os
import subprocess

SLEEP = ("/bin/sleep", "1000")
OWN_WORDS = "the words are our own"
USERS = {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65534}], "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65534}]}


def bind(source, destination="/v", options="bind", **more):
    return {"destination": destination, "type": "bind", "source": source, "options": options.split(","), **more}


def mounting(*mounts, users=False, **linux):
    def change(config):
        config["mounts"] += mounts
        config["linux"].update(linux)
        if users:
            config["linux"].update(USERS)
            config["linux"]["namespaces"].append({"type": "user"})
    return change


def run(d, label, script, *mounts, differs="", **linux):
    where = d.bundle("one", "/bin/sh", "-c", script, change=mounting(*mounts, **linux))
    d.note(label, None)
    d.step("run", "--bundle", where, "one", differs=differs)


def command(*words):
    subprocess.Popen(words).wait()  # the reaper may be faster, whose business it is


def folder(d, *names):
    path = os.path.join(d.box.folder, *names)
    os.makedirs(path, exist_ok=True)
    return path


def write(*path, text="x\n"):
    with open(os.path.join(*path), "w", encoding="utf-8") as file:
        file.write(text)


def flagged(d):
    """A folder on a mount of its own, and what gives that mount flags."""
    source = folder(d, "flagged")
    command("mount", "-t", "tmpfs", "-o", "rw,suid,dev,exec,diratime,strictatime", "test", source)
    d.box.mounted.append(source)

    def set_flags(flags):
        command("mount", "-o", "bind,remount,rw,suid,dev,exec,symfollow,diratime,strictatime", source)
        command("mount", "-o", f"bind,remount,{flags}", source)

    return source, set_flags


SEE = "grep ' /v ' /proc/mounts | cut -d' ' -f 4 | sed 's/,inode64//'"


def sequence_bind_flags(d):
    """Without flags those of the source are kept; with any, what is not asked for is cleared, but the times."""
    source, set_flags = flagged(d)
    for have in ("ro,noexec,nosymfollow,nodiratime", "nosuid,nodev,noexec,noatime", "rw,nodev,nosymfollow", "noatime", "nodiratime", "relatime"):
        set_flags(have)
        for options in ("bind", "rbind", "bind,rprivate", "bind,nosuid,nodev,rprivate", "bind,rw,nosuid", "bind,ro", "bind,exec,ro", "bind,noatime",
                        "bind,relatime", "bind,nodiratime", "bind,strictatime", "bind,nodiratime,strictatime", "bind,nodiratime,norelatime", "rbind,rro"):
            run(d, f"{options} of {have}", SEE, bind(source, options=options))
    d.left()


def own_bind_flags_since(d):
    """What runc has since 1.2: a flag that is only taken away counts as one, too; and in a user namespace the source's stay."""
    source, set_flags = flagged(d)

    def flags(options, users=False):
        where = d.bundle("one", "/bin/sh", "-c", SEE, change=mounting(bind(source, options=options), users=users))
        code, out, err = d.call(["run", "--bundle", where, "one"])
        return out.strip() if code == 0 else [code, "cannot be taken away in a user namespace" in err]

    for have, options, plain, mapped in (
            ("ro,noexec,nosymfollow,nodiratime", "bind", "ro,noexec,nodiratime,relatime,nosymfollow", "ro,noexec,nodiratime,relatime,nosymfollow"),
            ("ro,noexec,nosymfollow,nodiratime", "bind,dev", "rw,nodiratime,relatime", "ro,noexec,nodiratime,relatime"),
            ("ro", "bind,nosuid,nodev,rprivate", "rw,nosuid,nodev", "ro,nosuid,nodev"),
            ("ro", "bind,rw,nosuid", "rw,nosuid", [1, True]),
            ("nosuid,nodev,noexec,noatime", "bind,dev,suid,exec,atime", "rw,noatime", [1, True]),
            ("nodev,nosuid,noatime", "bind,ro,exec", "ro,noatime", "ro,nosuid,nodev,noatime"),
            ("rw,nodev,nosymfollow", "bind,rw", "rw", "rw,nodev"),
            ("noatime", "bind,norelatime", "rw,noatime", "rw,noatime"),
            ("relatime", "bind,noatime", "rw,noatime", [1, True]),
            ("noatime", "bind,noatime", "rw,noatime", "rw,noatime"),
            ("ro,nosuid", "bind,remount,nodev", "ro,nosuid,nodev", "ro,nosuid,nodev"),
            ("ro,nosuid", "bind,remount,suid", "ro", [1, True])):
        set_flags(have)
        d.check(f"{options} of {have}", flags(options), plain)
        d.check(f"{options} of {have} in a user namespace", flags(options, users=True), mapped)
    d.left_nothing()


def sequence_bind_places(d):
    """Sources in the container's root are what is there by now; destinations may be named as the host names them."""
    root, outside = d.box.root, folder(d, "outside", "x", "y")
    outside = folder(d, "outside")
    write(outside, "x", "file", text="outside\n")
    os.makedirs(f"{root}/inside/sub")
    os.makedirs(f"{root}/final")
    write(root, "inside", "file", text="inside\n")
    for name in "abc":
        write(folder(d, "order", name, "xyz"["abc".index(name)]), "file", text=name + "\n")
    order = folder(d, "order")
    os.symlink("b", f"{order}/link")
    run(d, "source in the root", "ls /v; cat /v/file", bind(f"{root}/inside", options="rbind"))
    run(d, "source is the root", "ls / >/tmp/a; ls /v >/tmp/b; cmp /tmp/a /tmp/b; ls /v/v /v/dev/pts", bind(root, options="rbind"))
    run(d, "source is the root alone", "ls / >/tmp/a; ls /v >/tmp/b; cmp /tmp/a /tmp/b; ls /v/v /v/dev", bind(root))
    run(d, "source is an earlier mount", "ls /v; cat /v/x/file", bind(outside, "/mnt", "rbind"), bind(f"{root}/mnt", options="rbind"))
    run(d, "source is a folder of an earlier one", "ls /v", bind(outside, "/mnt", "rbind"), bind(f"{root}/mnt/x", options="rbind"))
    run(d, "relative source", "cat /v/file", bind(os.path.relpath(f"{outside}/x", os.path.join(d.box.folder, "bundle-x")), options="rbind"))
    run(d, "destination by the host's name", "cat /v/x/file", bind(outside, f"{root}/v", "rbind"))
    run(d, "what contains the root", "ls -d /v/root/dev /v/root/null /v/root/root; ls /v/root/inside", bind(d.box.folder, options="rbind"))
    run(d, "what contains the root, alone", "ls /v/root", bind(d.box.folder))
    run(d, "each over the other", "cat /final/x/y/z/z/x/y/z/x/file", bind(f"{order}/a", "/mnt"), bind(f"{order}/link", "/mnt/x"),
        bind(f"{order}/c", "/mnt/x/y"), bind(f"{order}/a", "/mnt/x/y/z"), bind(f"{root}/mnt/x", f"{root}/mnt/x/y/z/x", "rbind,rprivate"),
        bind(f"{root}/mnt/x/y", f"{root}/mnt/x/y/z", "rbind,rprivate"), bind(f"{root}/mnt", f"{root}/final", "rbind,rprivate"))
    for label, mount in (("a file on a folder", bind(f"{outside}/x/file", "/tmp")), ("a folder on a file", bind(outside, "/etc/passwd"))):
        where = d.bundle("one", "/bin/true", change=mounting(mount))
        code, _, err = d.call(["run", "--bundle", where, "one"])
        d.note(label, [code, "not a directory" in err.lower()])
    run(d, "nothing", "true", bind("/no/such"), differs=OWN_WORDS)
    d.left()


def own_root_by_another_name(d):
    """What is ours at the root's path while mounts are made is nobody's to see."""
    os.symlink(d.box.root, f"{d.box.folder}/alias")
    for source in ("alias", "alias/proc", "alias/root"):
        where = d.bundle("one", "/bin/ls", "/v", change=mounting(bind(f"{d.box.folder}/{source}")))
        code, out, _ = d.call(["run", "--bundle", where, "one"])
        d.check(source, [code, out], [1, ""])
    d.left_nothing()


def sequence_overlay(d):
    lower, upper, work = (folder(d, name) for name in ("lower", "upper", "work"))
    write(lower, "low")
    options = [f"lowerdir={lower}", f"upperdir={upper}", f"workdir={work}"]
    see = "ls /v; touch /v/new; rm /v/low; ls /v; grep ' /v ' /proc/mounts | cut -d' ' -f 1-3"
    run(d, "overlay", see, {"destination": "/v", "type": "overlay", "source": "overlay", "options": options})
    d.note("the upper folder", sorted(os.listdir(upper)))
    run(d, "read-only", "touch /v/x; ls /v", {"destination": "/v", "type": "overlay", "source": "overlay", "options": options + ["ro"]})
    run(d, "no such folder", "ls", {"destination": "/v", "type": "overlay", "source": "overlay", "options": ["lowerdir=/no/such"]}, differs=OWN_WORDS)
    where = d.bundle("one", "/bin/cat", "/proc/mounts", "/proc/self/mountinfo", change=mounting(
        {"destination": "/v", "type": "overlay", "source": "overlay", "options": options}))
    if d.box.runtime != "runc":
        d.check("no path of the host", d.box.folder in d.call(["run", "--bundle", where, "one"])[1], False)
    else:
        d.check("no path of the host", False, False)
    d.left()


def own_over_the_root(d):
    """What runc 1.1 cannot and crun can: a mount over the root is the root."""
    other = folder(d, "other")
    command("cp", "-a", f"{d.box.root}/bin", f"{d.box.root}/etc", other)
    command("mkdir", f"{other}/proc", f"{other}/dev", f"{other}/sys")

    def first(mount, readonly=False):
        def change(config):
            config["mounts"].insert(0, mount)
            config["root"]["readonly"] = readonly
        return change

    see = ["/bin/sh", "-c", "ls /; touch /new && echo written; ls /proc/self/fd | wc -l; grep -c ' / ' /proc/mounts"]
    for label, mount, readonly, wanted in (
            ("bind", bind(other, "/", "rbind"), False, [0, "bin\ndev\netc\nproc\nsys\nwritten\n4\n1\n"]),
            ("bind, read-only", bind(other, "/", "rbind"), True, [0, "bin\ndev\netc\nnew\nproc\nsys\n4\n1\n"]),
            ("bind by the host's name", bind(other, d.box.root, "rbind"), False, [0, "bin\ndev\netc\nnew\nproc\nsys\nwritten\n4\n1\n"])):
        where = d.bundle("one", *see, change=first(mount, readonly))
        d.check(label, list(d.call(["run", "--bundle", where, "one"])[:2]), wanted)
    where = d.bundle("one", "/bin/sh", "-c", "touch /new && ls -d /bin /new; grep ' / ' /proc/mounts | cut -d' ' -f 3",
                     change=first({"destination": "/", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}))
    d.check("tmpfs", list(d.call(["run", "--bundle", where, "one"])[:2]), [0, "/bin\n/new\ntmpfs\n"])
    d.check("nothing of it on the host", os.path.exists(f"{d.box.root}/new"), False)
    where = d.bundle("one", "/bin/true", change=mounting(bind(other, "/", "rbind")))
    d.check("it covers what was there", d.call(["run", "--bundle", where, "one"])[0], 0)
    d.left_nothing()


def sequence_mount_on_links(d):
    """/proc and /sys are mounted on ordinary folders; other mounts follow links within the root."""
    root = d.box.root
    os.mkdir(f"{root}/elsewhere")
    for name in ("proc", "sys"):
        os.rmdir(f"{root}/{name}")
        for make in (lambda path: os.symlink("/elsewhere", path), lambda path: write(path)):
            make(f"{root}/{name}")
            where = d.bundle("one", "/bin/true")
            code, _, err = d.call(["run", "--bundle", where, "one"])
            d.note(f"/{name} is none", [code, "must be mounted on ordinary directory" in err])
            os.unlink(f"{root}/{name}")
        os.mkdir(f"{root}/{name}")
    write(d.box.folder, "hosts", text="by a bind\n")
    os.symlink("/tmp/made/here", f"{root}/jump")
    command("rm", "-f", f"{root}/etc/hosts")
    os.symlink("/jump/and/hosts", f"{root}/etc/hosts")
    os.symlink("/elsewhere", f"{root}/linked")
    os.symlink("../../../../elsewhere/../dangling", f"{root}/loose")
    places = "cut -d' ' -f 2 /proc/mounts | grep -E 'made|elsewhere|dangling|/v'"
    run(d, "a file through links that lead nowhere yet", "cat /etc/hosts; " + places, bind(f"{d.box.folder}/hosts", "/etc/hosts"))
    for name in ("linked", "linked/below", "loose"):
        run(d, f"tmpfs at /{name}", places, {"destination": f"/{name}", "type": "tmpfs", "source": "tmpfs"})
    d.left()


def sequence_mountinfo(d):
    """Folder and propagation as runc shows them, where that is no path of the host."""
    source = folder(d, "source")
    see = "grep ' /v ' /proc/self/mountinfo | cut -d' ' -f 5-8 | cut -d- -f 1 | sed 's/:[0-9]*/:N/'"  # groups are the machine's to count
    for options in ("rbind", "rbind,rprivate", "rbind,rshared", "rbind,shared", "bind,slave", "rbind,rslave"):
        run(d, options, see, bind(source, options=options))
    run(d, "a folder of the root", "grep -E ' /(v|etc/group|bin) ' /proc/self/mountinfo | cut -d' ' -f 4-6 | sort", bind(f"{d.box.root}/etc"),
        readonlyPaths=["/etc/group", "/bin"])
    d.left()


def own_mountinfo_of_shared(d):
    """findmnt of runc 1.5's tests: a shared root, and one that follows the host's. Folders of the host have no path."""
    source = folder(d, "source", "secret-name")
    command("mount", "--make-shared", d.box.root)
    see = "grep ' / / ' /proc/self/mountinfo | cut -d' ' -f 7; cat /proc/self/mountinfo"
    for word, wanted in (("shared", "shared:1"), ("rshared", "shared:1"), ("private", "-"), ("rprivate", "-"), ("rslave", "master:1"), (None, "master:1")):
        where = d.bundle("one", "/bin/sh", "-c", see, change=mounting(bind(source), **({"rootfsPropagation": word} if word else {})))
        code, out, _ = d.call(["run", "--bundle", where, "one"])
        d.check(f"rootfsPropagation {word}", [code, out.split("\n")[0], "secret-name" in out, d.box.folder in out], [0, wanted, False, False])
    d.left_nothing()


def own_idmap(d):
    """As runc has it since 1.2: with mappings of its own a bind needs neither a user namespace nor an option."""
    source = folder(d, "owned")
    write(source, "zero")
    write(source, "hundred")
    os.chown(f"{source}/hundred", 100, 211)
    see = ["/bin/sh", "-c", "stat -c %u:%g /v/zero /v/hundred"]

    def mapping(inside, outside, size):
        return [{"containerID": inside, "hostID": outside, "size": size}]

    both = {"uidMappings": mapping(0, 100000, 65534), "gidMappings": mapping(0, 100000, 65534)}
    own = {"uidMappings": mapping(100, 101000, 10), "gidMappings": mapping(211, 102000, 10)}
    for label, mount, users, wanted in (
            ("its own", bind(source, **both), False, "100000:100000\n100100:100211\n"),
            ("its own, in a user namespace", bind(source, **both), True, "0:0\n100:211\n"),
            ("parts", bind(source, **own), True, "65534:65534\n1000:2000\n"),
            ("the container's", bind(source, options="bind,idmap"), True, "0:0\n100:211\n"),
            ("the container's, all below", bind(source, options="rbind,ridmap"), True, "0:0\n100:211\n"),
            ("none", bind(source), True, "65534:65534\n65534:65534\n")):
        where = d.bundle("one", *see, change=mounting(mount, users=users))
        d.check(label, list(d.call(["run", "--bundle", where, "one"])[:2]), [0, wanted])
    where = d.bundle("one", "/bin/sh", "-c", "touch /v/new", change=mounting(bind(source, **both)))
    code, _, err = d.call(["run", "--bundle", where, "one"])
    d.check("an id that has no place", [code != 0, "Value too large" in err], [True, True])
    where = d.bundle("one", "/bin/true", change=mounting(bind(source, options="bind,idmap")))
    d.check("nobody's", d.call(["run", "--bundle", where, "one"])[0], 1)
    d.left_nothing()


MASKED = ["/proc/keys", "/proc/scsi", "/sys/firmware", "/proc/interrupts", "/proc/driver", "/proc/no-such-thing"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc/no-such-folder"]


def sequence_masks_in_mountinfo(d):
    """What is masked or read-only in /proc and /sys is a mount, and looks like one."""
    def change(config):
        config["linux"].update(maskedPaths=MASKED, readonlyPaths=READONLY)
    show = "; ".join(["awk '$2 ~ /^.proc.|firmware/ && $2 !~ /trigger/' /proc/mounts",
                      "awk '$5 ~ /^.proc.|firmware/ && $5 !~ /trigger/ { sub(\"^[0-9]* [0-9]* [0-9]*:[0-9]* \", \"\"); print }' /proc/self/mountinfo",
                      "ls /proc/driver; cat /proc/interrupts; touch /proc/driver/x; stat -f -c %T /proc/driver /proc/interrupts /proc/bus"])
    d.step("run", "--bundle", d.bundle("one", "/bin/sh", "-c", show, change=change), "one")
    d.left()


def sequence_super_options(d):
    """Flags of mount(2) that are a file system's."""
    for option in ("sync", "dirsync", "lazytime", "mand", "async", "noatime", "nodiratime", "strictatime", "sync,dirsync"):
        mount = {"destination": "/x", "type": "tmpfs", "source": "tmpfs", "options": ["mode=750", *option.split(",")]}
        show = ["/bin/sh", "-c", "grep ' /x ' /proc/mounts; awk '$5 == \"/x\" { sub(\".* /x \", \"\"); print }' /proc/self/mountinfo"]
        d.step("run", "--bundle", d.bundle("one", *show, change=lambda config, mount=mount: config["mounts"].append(mount)), "one")
    d.left()


HIDDEN = """
grep ' /proc ' /proc/mounts; ls /proc | grep -cx 1; ls -d /proc/1; ls /proc/1 >/dev/null && echo listed; cat /proc/1/comm; cat /proc/1/status | head -n 1
stat -c '%a %u' /proc/1; cd /proc/1 && echo gone there; ls /proc/1/task; readlink /proc/1/exe; cat /proc/self/comm; ls /proc/self/task | wc -l; test -e /proc/1/ && echo there
kill -0 1 2>&1 | tail -n 1; ls /proc | grep -cx $$; cat </proc/self/stat >/dev/null && stat -c %F /proc/$$; cat /proc/sys/kernel/ostype
"""


def sequence_hidepid(d):
    """Who may know of other people's processes."""
    for options in ([], ["hidepid=0"], ["hidepid=off"], ["hidepid=1"], ["hidepid=noaccess"], ["hidepid=2"], ["hidepid=invisible", "gid=1000"], ["hidepid=1", "gid=7"],
                    ["hidepid=ptraceable"], ["hidepid=4", "gid=1000"], ["gid=5"], ["ro", "hidepid=2"]):
        def change(config, options=options):
            for mount in config["mounts"]:
                if mount["type"] == "proc":
                    mount["options"] = options
        d.note(",".join(options), None)
        d.running("one", "/bin/sleep", "1000", change=change)
        for who in (["-u", "1000:1000"], ["-u", "1000:1001"], ["-u", "1000:1001", "-g", "1000"], ["-u", "0"], ["-u", "1000", "--cap", "CAP_SYS_PTRACE"]):
            d.step("exec", *who, "one", "/bin/sh", "-c", HIDDEN)
        d.step("delete", "--force", "one")
    for options in (["hidepid=3"], ["hidepid="], ["hidepid=nobody"], ["gid=x"], ["nonsense"], ["hidepid=1,2"]):
        def wrong(config, options=options):
            for mount in config["mounts"]:
                if mount["type"] == "proc":
                    mount["options"] = options
        d.step("run", "--bundle", d.bundle("one", "/bin/true", change=wrong), "one", differs="the words are our own")
    d.left()


def own_links_as_links(d):
    """crun's options for binds of links: one made anew, one that is mounted itself, one that something is mounted over."""
    top = d.box.folder
    os.symlink("point-to-nowhere", top + "/broken")
    with open(top + "/file", "w", encoding="ascii") as file:
        file.write("inside\n")
    os.symlink(top + "/file", top + "/good")
    os.mkdir(top + "/opt")
    os.symlink("nowhere", top + "/opt/target")

    def run(script, *mounts):
        def change(config):
            config["mounts"] += [{"destination": where, "type": "bind", "source": top + source, "options": options} for where, source, *options in mounts]
        code, out, err = d.call(["run", "--bundle", d.bundle("one", "/bin/sh", "-c", script, change=change), "one"])
        return [code, d.plain(out), err]

    opt = ("/opt", "/opt", "bind")
    for options in (["rbind", "copy-symlink"], ["bind", "ro", "copy-symlink"]):
        d.check(f"copied: {options}", run("readlink /a/sym/link; grep -c link /proc/mounts", ("/a/sym/link", "/broken", *options))[1], "point-to-nowhere\n0")
    d.check("it was there", run("readlink /opt/broken; true", opt, ("/opt/broken", "/broken", "bind", "copy-symlink"))[:2], [0, "point-to-nowhere"])
    d.check("and is no other", os.readlink(top + "/opt/broken"), "point-to-nowhere")
    code, _, err = run("true", opt, ("/opt/target", "/broken", "bind", "copy-symlink"))
    d.check("another was there", [code, "File exists" in err], [1, True])
    d.check("no link", run("cat /mnt", ("/mnt", "/file", "bind", "copy-symlink"))[:2], [0, "inside"])
    d.check("mounted itself", run("readlink /opt/target; grep -c /opt/target /proc/mounts", opt, ("/opt/target", "/good", "bind", "dest-nofollow", "src-nofollow"))[:2],
            [0, "/FOLDER/file\n1"])
    d.check("mounted over", run("cat /opt/target; echo more >>/opt/target", opt, ("/opt/target", "/good", "bind", "dest-nofollow"))[:2], [0, "inside"])
    with open(top + "/file", encoding="ascii") as file:
        d.check("it is that file", [file.read(), os.readlink(top + "/opt/target"), sorted(os.listdir(top + "/opt"))], ["inside\nmore\n", "nowhere", ["broken", "target"]])
    d.check("a new name", run("cat /srv/new/name", ("/srv/new/name", "/good", "bind", "dest-nofollow"))[:2], [0, "inside\nmore"])
    code, _, err = run("true", ("/proc/self", "/good", "bind", "dest-nofollow", "src-nofollow"))
    d.check("over a link of ours", [code, "where nothing can be mounted" in err], [1, True])
    d.left_nothing()
