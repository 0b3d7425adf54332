# SPDX-License-Identifier: Apache-2.0
"""Inside `postern do`: tries to reach what is the host's. What should not be is printed as "BAD ...". See throwaway.py."""
import ctypes
import errno
import json
import mmap
import os
import socket
import stat
import sys

plan = json.loads(sys.argv[1])
RENAME_WHITEOUT = 4
AT_FDCWD, SYS_OPEN_BY_HANDLE_AT, SYS_FCHMODAT2, SYS_SETNS, SYS_PIVOT_ROOT = -100, 304, 452, 308, 155
libc = ctypes.CDLL(None, use_errno=True)


def bad(*words):
    print("BAD", *words, flush=True)


def fails(what, attempt, *arguments):
    """Whether it fails as it should; says so if not."""
    try:
        attempt(*arguments)
    except OSError:
        return True
    bad(what)
    return False


# -- sockets and FIFOs

def connect(kind, address):
    with socket.socket(socket.AF_UNIX, kind) as made:
        made.connect(address)
        made.send(b"attack")


def send_to(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.sendto(b"attack", address)


def send_message(address):
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendmsg([b"attack"], [], 0, address)


def send_message_alone(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.sendmsg([b"attack"], [], 0, address)


def reach_socket(address):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        fails(f"connected to {address!r}", connect, kind, address)
    for way in (send_to, send_message, send_message_alone):
        fails(f"{way.__name__}: {address!r}", way, address)


def by_descriptor(path, use):
    fd = os.open(path, os.O_PATH)
    try:
        use(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def by_other_names(path, use):
    """Also under a name of our own: by its descriptor, linked, moved, by a symbolic link and from its folder."""
    use(path)
    folder, name = os.path.split(path)
    try:
        by_descriptor(path, use)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES):
            bad("O_PATH of", path, error)
    for make, other in ((os.symlink, "symlinked"), (os.link, "linked"), (os.rename, "moved")):
        try:
            make(path, os.path.join(folder, other))
        except OSError:
            continue
        use(os.path.join(folder, other))
        if make is os.rename:
            os.rename(os.path.join(folder, other), path)
    if os.path.isdir(folder):
        os.chdir(folder)
        use(name)
        os.chdir(plan["cwd"])


def write_fifo(path):
    for flags in (os.O_WRONLY | os.O_NONBLOCK, os.O_RDWR | os.O_NONBLOCK, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK):
        try:
            fd = os.open(path, flags)
            os.write(fd, b"attack")  # into the layer's own, if anywhere: the host watches its end
            os.close(fd)
        except OSError:
            pass


def own_names_work(folder):
    """What the command makes itself it may use."""
    try:
        path = os.path.join(folder, "own.sock")
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(path)
            server.listen()
            client.connect(path)
        os.unlink(path)
        os.mkfifo(os.path.join(folder, "own.fifo"))
        os.close(os.open(os.path.join(folder, "own.fifo"), os.O_RDWR))
        os.unlink(os.path.join(folder, "own.fifo"))
    except OSError as error:
        bad("a socket or FIFO of our own does not work in", folder, error)


# -- files

def spoil(path):
    """All ways to change a file; the host looks afterwards whether it has."""
    for attempt in (spoil_by_writing, spoil_by_mapping, spoil_attributes, spoil_names):
        try:
            attempt(path)
        except OSError:
            pass


def spoil_by_writing(path):
    for name in (path, "/proc/self/root" + path, "/proc/1/root" + path, "/proc/1/cwd" + path):
        try:
            with open(name, "ab") as file:
                file.write(b"spoilt")
            os.truncate(name, 3)
        except OSError:
            pass


def spoil_by_mapping(path):
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0:1] = b"X"
        memory.flush()


def spoil_attributes(path):
    os.chmod(path, 0o6777)
    os.utime(path, (1, 1))
    os.chown(path, 77, 77)
    os.setxattr(path, "user.spoilt", b"1")


def spoil_names(path):
    os.link(path, path + ".linked")
    os.rename(path, path + ".moved")
    os.symlink("/etc/passwd", path)


# -- what a folder of the host must not get

def leave_rights(folder):
    def make(name, mode=0o755):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), mode)
        return path

    def opened(mode):
        os.close(os.open(os.path.join(folder, f"opened{mode:o}"), os.O_CREAT | os.O_WRONLY, mode))

    def nameless():
        fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o4755)
        os.link(f"/proc/self/fd/{fd}", os.path.join(folder, "nameless"))

    def from_elsewhere():
        with open("/root/made", "w", encoding="ascii"):
            os.chmod("/root/made", 0o4755)
        os.rename("/root/made", os.path.join(folder, "moved in"))

    plain = make("plain")
    for bits in (0o4755, 0o2755, 0o6777):
        fails("a set-id bit by chmod", os.chmod, plain, bits)
        fails("a set-id bit by fchmod", make, "fchmod", bits)
        fails("a set-id bit by open", opened, bits)
        fails("a set-id bit by mknod", os.mknod, os.path.join(folder, "node"), bits | stat.S_IFREG)
        if libc.syscall(SYS_FCHMODAT2, AT_FDCWD, plain.encode(), bits, 0) == 0:
            bad("a set-id bit by fchmodat2")
    capability = b"\x01\0\0\2" + b"\xff\xff\xff\xff" + b"\0" * 12
    fails("a file capability", os.setxattr, plain, "security.capability", capability)
    for kind in (stat.S_IFBLK, stat.S_IFCHR):
        fails("a device node", os.mknod, os.path.join(folder, "device"), kind | 0o666, os.makedev(1, 1))
        fails("a whiteout", os.mknod, os.path.join(folder, "whiteout"), kind | 0o666, 0)
    for other in ("renamed", "/tmp/renamed"):
        if libc.renameat2(AT_FDCWD, plain.encode(), AT_FDCWD, os.path.join(folder, other).encode(), RENAME_WHITEOUT) == 0:
            bad("a whiteout by rename")
    for path in plan["programs"]:  # to write(2) them would take their rights
        fails(f"{path} has rights, and its content is ours", spoil_by_mapping, path)
    fails("a nameless set-id file", nameless)
    fails("a set-id file moved in", from_elsewhere)
    os.unlink(plain)


# -- the rest

def look_around():
    names = [name for name in os.listdir("/proc") if name.isdigit()]
    if len(names) > 4:
        bad("processes:", names)
    for name in names:
        for file in ("environ", "cmdline", "mountinfo", "maps"):
            with open(f"/proc/{name}/{file}", "rb") as content:
                if plan["secret"].encode() in content.read() and file != "cmdline":
                    bad("the secret is in", file)
    if plan["secret"] in os.environ.values():
        bad("the secret is in the environment")
    for path in plan["hidden"]:
        if os.path.exists(path):
            bad("hidden, and there:", path)
    for number in (SYS_SETNS, SYS_PIVOT_ROOT, SYS_OPEN_BY_HANDLE_AT):
        if libc.syscall(number, 0, 0, 0) != -1:
            bad("call", number)
    if libc.unshare(0x10000000) == 0 or libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0:
        bad("unshare or mount")
    for name in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/net/tun"):
        if os.path.exists(name):
            bad("there is", name)
    fails("a device node", os.mknod, "/root/device", stat.S_IFBLK | 0o666, os.makedev(*plan["disk"]))


def reach_network():
    def tcp():
        with socket.create_connection(("127.0.0.1", plan["port"]), 3):
            pass

    if plan["network"] == "none":
        fails("the host's loopback", tcp)
    else:
        tcp()


def main():
    for path in plan["sockets"]:
        by_other_names(path, reach_socket)
    for name in plan["abstract"]:
        reach_socket("\0" + name)
    for path in plan["fifos"]:
        by_other_names(path, write_fifo)
    for path in plan["files"]:
        spoil(path)
    for folder in plan["own"]:
        own_names_work(folder)
    if plan["given"]:
        leave_rights(plan["given"])
    look_around()
    reach_network()
    print("held")


main()
