/* SPDX-License-Identifier: Apache-2.0 */
/* Known ways out of containers: folders, mounts, namespaces, sockets and names shared with the host. */
#include "attack.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { SHM_KEY = 0x504f5354 }; /* the runner has made a segment of this key on the host */

static const char *secret;

static void look_around(const char *how)
{
    if (file_holds_secret(AT_FDCWD, secret))
        complain("%s: the host's file is there", how);
    char path[512];
    snprintf(path, sizeof(path), "../../../../../../../..%s", secret);
    if (file_holds_secret(AT_FDCWD, path))
        complain("%s: the host's file is there, by ..", how);
}

/* chroot below, keep a folder above, climb. */
static void chroot_out(void)
{
    mkdir("/tmp/cage", 0755);
    int outside = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot("/tmp/cage") == 0) {
        if (fchdir(outside) == 0) {
            for (int i = 0; i < 64; i++)
                if (chdir("..") != 0)
                    break;
            (void)!chroot(".");
        }
    }
    look_around("chroot");
    struct stat status;
    EXPECT(stat("/attack", &status) == 0); /* the container's own root, and no further */
}

static void symbolic_links(void)
{
    char target[512];
    snprintf(target, sizeof(target), "../../../../../../../..%s", secret);
    (void)!symlink(target, "/tmp/link-up");
    (void)!symlink(secret, "/tmp/link-absolute");
    (void)!symlink("/proc/1/root", "/tmp/link-root");
    (void)!symlink("/proc/self/fd/0/../../../..", "/tmp/link-fd");
    snprintf(target, sizeof(target), "/tmp/link-root/../..%s", secret);
    const char *const paths[] = {"/tmp/link-up", "/tmp/link-absolute", target};
    for (size_t i = 0; i < 3; i++)
        if (file_holds_secret(AT_FDCWD, paths[i]))
            complain("%s reads the host's file", paths[i]);
}

/* What is opened of a namespace leads into none, and to no other. */
static void namespace_descriptors(void)
{
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"};
    enum { REQUESTS = 0x20 };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/1/ns/%s", names[i]);
        const int fd = open(path, O_RDONLY);
        EXPECT(fd >= 0 || errno == EACCES); /* of one's betters */
        EXPECT(setns(fd, 0) == -1);
        for (unsigned long request = 0; request < REQUESTS; request++) {
            struct stat own = {0}, other = {0};
            const int answer = ioctl(fd, 0xb700 | request, &(uint64_t[32]){0});
            if (request != 3 && answer > 0 && fstat(answer, &other) == 0) { /* 3 tells the type */
                EXPECT(stat("/proc/self/ns/user", &own) == 0 && own.st_ino == other.st_ino && own.st_dev == other.st_dev);
                EXPECT(setns(answer, 0) == -1);
                (void)close(answer);
            }
        }
        EXPECT(syscall(SYS_open_tree, fd, "", 0x1001 /* OPEN_TREE_CLONE, AT_EMPTY_PATH */) == -1);
        EXPECT(mount(path, "/tmp", NULL, MS_BIND, NULL) == -1);
        EXPECT(openat(fd, "..", O_RDONLY) == -1);
        (void)close(fd);
    }
}

static void namespaces(void)
{
    static const int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
                                CLONE_NEWCGROUP, 0x80 /* CLONE_NEWTIME */};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EXPECT(unshare(kinds[i]) == -1);
        long pid = syscall(SYS_clone, kinds[i] | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0 && kinds[i] != 0x80)
            _exit(0);
        if (pid == 0)
            _exit(0); /* 0x80 is part of the exit signal in clone: an ordinary fork */
        if (pid > 0) {
            waitpid((pid_t)pid, NULL, __WALL);
            if (kinds[i] != 0x80)
                complain("clone made a namespace (%#x)", (unsigned int)kinds[i]);
        }
    }
    EXPECT(syscall(SYS_clone3, &(uint64_t[11]){CLONE_NEWUSER}, 88) == -1 && errno == ENOSYS);
    namespace_descriptors();
    EXPECT(mount("none", "/tmp", "tmpfs", 0, NULL) == -1);
    EXPECT(mount("/", "/tmp", NULL, MS_BIND, NULL) == -1);
    EXPECT(umount2("/proc", MNT_DETACH) == -1);
    EXPECT(syscall(SYS_pivot_root, "/tmp", "/tmp") == -1);
    EXPECT(syscall(SYS_open_tree, AT_FDCWD, "/", 1) == -1);
    EXPECT(syscall(SYS_fsopen, "proc", 0) == -1);
}

static void devices(void)
{
    static const struct {
        const char *name;
        mode_t type;
        unsigned int major, minor;
    } nodes[] = {{"/tmp/mem", S_IFCHR, 1, 1}, {"/tmp/kmsg", S_IFCHR, 1, 11}, {"/tmp/disk", S_IFBLK, 8, 0},
                 {"/tmp/vda", S_IFBLK, 254, 0}, {"/tmp/fuse", S_IFCHR, 10, 229}, {"/tmp/kvm", S_IFCHR, 10, 232}};
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        if (mknod(nodes[i].name, nodes[i].type | 0666, (dev_t)(nodes[i].major << 8 | nodes[i].minor)) != 0)
            continue;
        int fd = open(nodes[i].name, O_RDWR | O_NONBLOCK);
        if (fd >= 0)
            complain("opened device %u:%u", nodes[i].major, nodes[i].minor);
    }
}

/* Objects with names the host kernel keeps: the runner has made one of each. */
static void host_names(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "%s", getenv("ATTACK_TOKEN"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(connect(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == -1);

    struct sockaddr_un file = {.sun_family = AF_UNIX};
    if (strlen(secret) + sizeof(".sock") <= sizeof(file.sun_path)) {
        snprintf(file.sun_path, sizeof(file.sun_path), "%s.sock", secret);
        EXPECT(connect(fd, (struct sockaddr *)&file, sizeof(file)) == -1);
        int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
        snprintf(file.sun_path, sizeof(file.sun_path), "%s.dgram", secret);
        struct iovec part = {"x", 1};
        struct msghdr message = {.msg_name = &file, .msg_namelen = sizeof(file), .msg_iov = &part, .msg_iovlen = 1};
        EXPECT(sendmsg(datagram, &message, 0) == -1);
        EXPECT(sendto(datagram, "x", 1, 0, (struct sockaddr *)&file, sizeof(file)) == -1);
        struct mmsghdr many = {.msg_hdr = message};
        EXPECT(sendmmsg(datagram, &many, 1, 0) == -1);
    }
    EXPECT(shmget(SHM_KEY, 0, 0) == -1);
    char queue[64];
    snprintf(queue, sizeof(queue), "%s", getenv("ATTACK_TOKEN"));
    EXPECT(syscall(SYS_mq_open, queue, O_RDONLY, 0, NULL) == -1);
}

static void powers(void)
{
    EXPECT(ptrace(PTRACE_TRACEME, 0, 0, 0) == -1);
    EXPECT(ptrace(PTRACE_ATTACH, 1, 0, 0) == -1);
    EXPECT(syscall(SYS_bpf, 0, NULL, 0) == -1);
    EXPECT(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) == -1);
    EXPECT(syscall(SYS_userfaultfd, 0) == -1);
    EXPECT(syscall(SYS_io_uring_setup, 8, NULL) == -1);
    EXPECT(syscall(SYS_keyctl, 0, 0, 0, 0, 0) == -1);
    EXPECT(syscall(SYS_init_module, NULL, 0, "") == -1);
    EXPECT(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL) == -1);
    EXPECT(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0) == -1);
    EXPECT(syscall(SYS_iopl, 3) == -1);
    EXPECT(socket(AF_PACKET, SOCK_RAW, 0) == -1);
    EXPECT(socket(AF_ALG, SOCK_SEQPACKET, 0) == -1);
    EXPECT(socket(AF_VSOCK, SOCK_STREAM, 0) == -1);
    char byte = 'x';
    EXPECT(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, &byte) == -1);
    /* The stub's own call, from a program. */
    for (long i = 0; i < 4; i++)
        EXPECT(syscall(184, i == 0 ? 0 : i == 1 ? -1 : (long)&byte, i, 4096) < 1);
}

/* A guest cannot get between itself and the sentry. */
static void a_listener_of_its_own(void)
{
    struct {
        unsigned short length;
        void *filter;
    } program = {1, &(uint64_t){0x7fff000000000006}};
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    EXPECT(syscall(SYS_seccomp, 1, 8 /* NEW_LISTENER */, &program) == -1);
    EXPECT(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
    check_alive("becoming undumpable");
    struct stat status;
    EXPECT(stat("/", &status) == 0); /* our arguments are still read */
}

/* Who sends, as a receiver that asks is told it: natively all are one id. The upper half of an int argument means nothing to the kernel. */
static void vouching(long option)
{
    int pair[2], on = 1;
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct ucred said, sender = {0};
    struct iovec part = {&said, sizeof(said)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    EXPECT(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    EXPECT(syscall(SYS_setsockopt, pair[0], SOL_SOCKET, option, &on, sizeof(on)) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (syscall(SYS_setresgid, 1000, 1000, 1000) == 0) /* not where there is but one id */
            (void)syscall(SYS_setresuid, 1000, 1000, 1000);
        said = (struct ucred){.pid = getpid(), .uid = getuid(), .gid = getgid()};
        _exit(write(pair[1], &said, sizeof(said)) < 0);
    }
    EXPECT(recvmsg(pair[0], &message, 0) == sizeof(said));
    if (CMSG_FIRSTHDR(&message) != NULL)
        memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(sender));
    EXPECT(sender.pid == pid && memcmp(&sender, &said, sizeof(said)) == 0);
    EXPECT(wait_within(pid, 20) == 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    secret = getenv("ATTACK_SECRET");
    mkdir("/tmp", 01777);
    look_around("at start");
    symbolic_links();
    namespaces();
    devices();
    host_names();
    powers();
    vouching(SO_PASSCRED);
    vouching(0x100000000L | SO_PASSCRED);
    pid_t pid = fork();
    if (pid == 0) {
        chroot_out();
        _exit(complaints != 0);
    }
    EXPECT(wait_within(pid, 20) == 0);
    pid = fork();
    if (pid == 0) {
        a_listener_of_its_own();
        _exit(complaints != 0);
    }
    EXPECT(wait_within(pid, 20) == 0);
    look_around("in the end");
    check_alive("attempts to escape");
    return finish();
}
