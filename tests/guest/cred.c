/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: user and group ids, capabilities, securebits, no_new_privs, set-id programs. */
#include "case.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

static void say_ids(void)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    say("uid %u %u %u gid %u %u %u", r, e, s, rg, eg, sg);
}

struct caps {
    uint64_t effective, permitted, inheritable;
};

static struct caps get_caps(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &head, data))
        say("capget: %s", error_name(errno));
    return (struct caps){data[0].effective | (uint64_t)data[1].effective << 32,
        data[0].permitted | (uint64_t)data[1].permitted << 32, data[0].inheritable | (uint64_t)data[1].inheritable << 32};
}

static long set_caps(struct caps caps)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)caps.effective, (uint32_t)caps.permitted, (uint32_t)caps.inheritable},
        {(uint32_t)(caps.effective >> 32), (uint32_t)(caps.permitted >> 32), (uint32_t)(caps.inheritable >> 32)}};
    return syscall(SYS_capset, &head, data);
}

static uint64_t bounding(void)
{
    uint64_t set = 0;
    for (int cap = 0; cap <= 40; cap++)
        set |= (uint64_t)(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) << cap;
    return set;
}

static uint64_t ambient(void)
{
    uint64_t set = 0;
    for (int cap = 0; cap <= 40; cap++)
        set |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) << cap;
    return set;
}

static void say_caps(void)
{
    struct caps caps = get_caps();
    say("effective %llx permitted %llx inheritable %llx bounding %llx ambient %llx", (unsigned long long)caps.effective,
        (unsigned long long)caps.permitted, (unsigned long long)caps.inheritable, (unsigned long long)bounding(),
        (unsigned long long)ambient());
}

HELPER(ids)
{
    (void)argc, (void)argv;
    say_ids();
    say_caps();
    say("secure %lu nnp %d dumpable %d", getauxval(AT_SECURE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
        prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    return 0;
}

static void exec_ids(const char *text, const char *path)
{
    pid_t pid = fork_or_die();
    if (pid == 0) {
        execl(path, "prog", "helper", "ids", NULL);
        say("%s", error_name(errno));
        _exit(90);
    }
    say_wait(text, pid);
}

CASE(as_configured)
{
    say_ids();
    say_caps();
    say("groups %d", getgroups(0, NULL));
    say("securebits %#x keepcaps %d nnp %d", prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS),
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

CASE(root_setuid)
{
    IN_CHILD("setuid")
    {
        TRY(setuid(1000));
        say_ids();
        say_caps();
        TRY(setuid(0));
        TRY(seteuid(0));
        TRY(setuid(1000));
        TRY(setgid(5));
        TRY(setgroups(0, NULL));
    }
    IN_CHILD("seteuid and back")
    {
        TRY(seteuid(1000));
        say_ids();
        say_caps();
        TRY(setuid(2000));
        TRY(seteuid(0));
        say_ids();
        say_caps();
    }
    IN_CHILD("setreuid")
    {
        TRY(setreuid(1000, 2000));
        say_ids();
        TRY(setreuid(2000, 1000));
        say_ids();
        TRY(setreuid(3000, (uid_t)-1));
    }
    IN_CHILD("setresuid")
    {
        TRY(setresuid(1000, 2000, 3000));
        say_ids();
        TRY(setresuid(3000, 1000, 2000));
        say_ids();
        TRY(setresuid(4000, (uid_t)-1, (uid_t)-1));
        TRY(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
    }
}

CASE(user_matrix)
{
    /* Every set*uid of a process with three different ids. */
    static const uid_t wanted[] = {1, 2, 3, 4, 0};
    for (unsigned i = 0; i < 5; i++) {
        IN_CHILD("as 1 2 3")
        {
            (void)!setresuid(1, 2, 3);
            uid_t uid = wanted[i];
            say("wanted %u", uid);
            if (TRY(setuid(uid)) == 0)
                say_ids();
        }
        IN_CHILD("as 1 2 3")
        {
            (void)!setresuid(1, 2, 3);
            uid_t uid = wanted[i];
            if (TRY(setreuid(uid, (uid_t)-1)) == 0)
                say_ids();
        }
        IN_CHILD("as 1 2 3")
        {
            (void)!setresuid(1, 2, 3);
            uid_t uid = wanted[i];
            if (TRY(setreuid((uid_t)-1, uid)) == 0)
                say_ids();
        }
        IN_CHILD("as 1 2 3")
        {
            (void)!setresuid(1, 2, 3);
            uid_t uid = wanted[i];
            if (TRY(setresuid((uid_t)-1, (uid_t)-1, uid)) == 0)
                say_ids();
        }
    }
}

CASE(group_matrix)
{
    static const gid_t wanted[] = {1, 2, 3, 4, 0};
    IN_CHILD("root")
    {
        TRY(setgid(7));
        say_ids();
        TRY(setegid(8));
        TRY(setregid(9, 10));
        say_ids();
        TRY(setresgid(1, 2, 3));
        say_ids();
    }
    for (unsigned i = 0; i < 5; i++) {
        IN_CHILD("as 1 2 3")
        {
            (void)!setresgid(1, 2, 3);
            (void)!setresuid(1000, 1000, 1000);
            gid_t gid = wanted[i];
            say("wanted %u", gid);
            if (TRY(setgid(gid)) == 0)
                say_ids();
        }
        IN_CHILD("as 1 2 3")
        {
            (void)!setresgid(1, 2, 3);
            (void)!setresuid(1000, 1000, 1000);
            gid_t gid = wanted[i];
            if (TRY(setregid(gid, gid)) == 0)
                say_ids();
        }
        IN_CHILD("as 1 2 3")
        {
            (void)!setresgid(1, 2, 3);
            (void)!setresuid(1000, 1000, 1000);
            gid_t gid = wanted[i];
            if (TRY(setresgid(gid, (gid_t)-1, gid)) == 0)
                say_ids();
        }
    }
}

CASE(supplementary_groups)
{
    gid_t groups[4] = {30, 10, 20, 10}, got[16];
    TRY(setgroups(4, groups));
    int count = getgroups(16, got);
    say("count %d: %u %u %u %u", count, got[0], got[1], got[2], got[3]);
    TRY(getgroups(2, got));
    TRY(getgroups(0, NULL));
    TRY(getgroups(-1, got));
    IN_CHILD("inherited")
    {
        TRY(getgroups(0, NULL));
    }
    TRY(syscall(SYS_setgroups, 70000, groups));
    TRY(syscall(SYS_setgroups, 1, (void *)8));
    gid_t *many = calloc(65536, sizeof(gid_t));
    for (unsigned i = 0; i < 65536; i++)
        many[i] = i;
    TRY(syscall(SYS_setgroups, 1000, many));
    TRY(getgroups(65536, many));
    TRY(setgroups(0, NULL));
    TRY(getgroups(0, NULL));
}

CASE(capability_calls)
{
    struct __user_cap_header_struct head = {0x1234, 0};
    struct __user_cap_data_struct data[2];
    TRY(syscall(SYS_capget, &head, NULL));
    say("version %#x", head.version);
    head = (struct __user_cap_header_struct){0x1234, 0};
    TRY(syscall(SYS_capget, &head, data));
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 99999};
    TRY(syscall(SYS_capget, &head, data));
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, -1};
    TRY(syscall(SYS_capget, &head, data));
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, 0};
    TRY(syscall(SYS_capget, &head, data));
    say("first version %x", data[0].effective);
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, getppid()};
    TRY(syscall(SYS_capget, &head, data));
    TRY(syscall(SYS_capset, &head, data));
}

CASE(dropping_capabilities)
{
    IN_CHILD("one")
    {
        struct caps caps = get_caps();
        caps.effective &= ~(1ULL << CAP_CHOWN);
        TRY(set_caps(caps));
        say_caps();
        put_file("file", "", 0644);
        TRY(chown("file", 5, 5));
        caps.effective |= 1ULL << CAP_CHOWN;
        TRY(set_caps(caps));
        TRY(chown("file", 5, 5));
        caps.permitted &= ~(1ULL << CAP_CHOWN);
        TRY(set_caps(caps));
        caps.effective = caps.permitted;
        TRY(set_caps(caps));
        caps.permitted |= 1ULL << CAP_CHOWN;
        TRY(set_caps(caps));
        caps = get_caps();
        caps.permitted |= 1ULL << CAP_SYS_ADMIN;
        TRY(set_caps(caps));
        caps = get_caps();
        caps.inheritable = 1ULL << CAP_KILL;
        TRY(set_caps(caps));
        caps.inheritable |= 1ULL << CAP_SYS_ADMIN;
        TRY(set_caps(caps));
        say_caps();
    }
    IN_CHILD("all")
    {
        TRY(set_caps((struct caps){0, 0, 0}));
        say_caps();
        TRY(setuid(1000));
        TRY(chroot("/"));
        put_file("secret", "", 0000);
        OPEN("secret", O_RDONLY, 0);
        TRY(mknod("node", S_IFCHR | 0600, 0x103));
        copy_self("prog");
        exec_ids("root gets them back", "./prog");
    }
}

CASE(bounding_set)
{
    copy_self("prog");
    IN_CHILD("dropped")
    {
        TRY(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
        say_caps();
        exec_ids("after exec", "./prog");
        TRY(prctl(PR_CAPBSET_READ, 99, 0, 0, 0));
        TRY(prctl(PR_CAPBSET_DROP, 99, 0, 0, 0));
        TRY(setuid(1000));
        TRY(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
    }
}

CASE(ambient_set)
{
    copy_self("prog");
    IN_CHILD("raised")
    {
        TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
        struct caps caps = get_caps();
        caps.inheritable = 1ULL << CAP_KILL | 1ULL << CAP_CHOWN;
        TRY(set_caps(caps));
        TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
        TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
        say_caps();
        TRY(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        TRY(setresuid(1000, 1000, 1000));
        say_caps();
        exec_ids("kept by a user", "./prog");
        TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
        say_caps();
        TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
        TRY(prctl(PR_CAP_AMBIENT, 77, 0, 0, 0));
        exec_ids("lost", "./prog");
    }
}

CASE(keeping_capabilities)
{
    copy_self("prog");
    IN_CHILD("keepcaps")
    {
        TRY(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
        TRY(setresuid(1000, 1000, 1000));
        say_caps();
        struct caps caps = get_caps();
        caps.effective = caps.permitted;
        TRY(set_caps(caps));
        put_file("/tmp/case.keeping_capabilities/file", "", 0644);
        TRY(chown("file", 77, 77));
        say_stat("file");
        exec_ids("gone after exec", "./prog");
        say("keepcaps %d", prctl(PR_GET_KEEPCAPS));
    }
}

CASE(secure_bits)
{
    copy_self("prog");
    IN_CHILD("noroot")
    {
        TRY(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
        say("bits %#x", prctl(PR_GET_SECUREBITS));
        exec_ids("root without root's capabilities", "./prog");
    }
    IN_CHILD("no fixup")
    {
        TRY(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED));
        TRY(setresuid(1000, 1000, 1000));
        say_caps();
        TRY(prctl(PR_SET_SECUREBITS, 0));
        TRY(prctl(PR_SET_SECUREBITS, 0x10000));
    }
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
    }
}

CASE(set_uid_program)
{
    copy_self("prog");
    (void)!chown("prog", 0, 0);
    chmod("prog", 04755);
    copy_self("users");
    (void)!chown("users", 2000, 2001);
    chmod("users", 06755);
    copy_self("group-only");
    (void)!chown("group-only", 2000, 2001);
    chmod("group-only", 02755);
    copy_self("locking");
    (void)!chown("locking", 2000, 2001);
    chmod("locking", 02745);
    IN_CHILD("user")
    {
        become(1000, 1001);
        exec_ids("to root", "./prog");
        exec_ids("to a user and a group", "./users");
        exec_ids("to a group", "./group-only");
    }
    exec_ids("root runs a user's", "./users");
    exec_ids("set-gid without group execution", "./locking");
}

CASE(set_uid_and_no_new_privs)
{
    copy_self("prog");
    chmod("prog", 04755);
    IN_CHILD("user")
    {
        become(1000, 1001);
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
        TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
        exec_ids("stays a user", "./prog");
        IN_CHILD("inherited")
        {
            TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        }
    }
}

CASE(set_uid_script)
{
    copy_self("prog");
    put_file("script", "#!/bin/sh\nid -u\n", 0755);
    chmod("script", 04755);
    IN_CHILD("user")
    {
        become(1000, 1001);
        execl("./script", "script", NULL);
        say("%s", error_name(errno));
    }
}

CASE(set_uid_on_nosuid)
{
    copy_self("/dev/shm/prog");
    chmod("/dev/shm/prog", 04755);
    IN_CHILD("user, noexec")
    {
        become(1000, 1001);
        exec_ids("refused", "/dev/shm/prog");
    }
    unlink("/dev/shm/prog");
}

/* The layout of a version 2 security.capability attribute. */
struct file_caps {
    uint32_t magic, permitted, inheritable, permitted_high, inheritable_high;
};

CASE(file_capabilities)
{
    copy_self("prog");
    struct file_caps caps = {0x02000000 | 1, 1U << CAP_KILL | 1U << CAP_CHOWN, 0, 0, 0};
    TRY(setxattr("prog", "security.capability", &caps, sizeof(caps), 0));
    IN_CHILD("user")
    {
        become(1000, 1001);
        exec_ids("with file capabilities", "./prog");
        TRY(setxattr("prog", "security.capability", &caps, sizeof(caps), 0));
    }
    struct file_caps too_many = {0x02000000 | 1, 1U << CAP_KILL | 1U << CAP_SYS_ADMIN, 0, 0, 0};
    setxattr("prog", "security.capability", &too_many, sizeof(too_many), 0);
    IN_CHILD("user")
    {
        become(1000, 1001);
        exec_ids("more than the bounding set", "./prog");
    }
    int fd = open("prog", O_WRONLY | O_APPEND);
    (void)!write(fd, "x", 1);
    close(fd);
    struct file_caps got;
    TRY(getxattr("prog", "security.capability", &got, sizeof(got)));
}

/* What a file may grant changes while everybody still remembers what it was. */
CASE(file_capabilities_come_and_go)
{
    copy_self("prog");
    struct file_caps caps = {0x02000000 | 1, 1U << CAP_KILL, 0, 0, 0};
    for (int round = 0; round < 6; round++) {
        int fd;
        switch (round) {
        case 1:
        case 4:
            setxattr("prog", "security.capability", &caps, sizeof(caps), 0);
            break;
        case 2:
            removexattr("prog", "security.capability");
            break;
        case 3:
            rename("prog", "other");
            copy_self("prog");
            break;
        case 5: /* writing takes them away */
            fd = open("prog", O_WRONLY | O_APPEND);
            (void)!write(fd, "x", 1);
            close(fd);
            break;
        }
        IN_CHILD("user")
        {
            become(1000, 1001);
            exec_ids("prog", "./prog");
        }
    }
}


CASE(ids_after_vfork_and_threads)
{
    IN_CHILD("a child's change is its own")
    {
        (void)!setresuid(1000, 1000, 1000);
    }
    say_ids();
    pid_t pid = vfork();
    if (pid == 0) {
        (void)!syscall(SYS_setresuid, 1000, 1000, 1000);
        _exit((int)syscall(SYS_getuid) == 1000 ? 0 : 1);
    }
    say_wait("vfork", pid);
    say_ids();
}

CASE(dumpable_after_setuid)
{
    IN_CHILD("seteuid")
    {
        say("%d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
        (void)!setresuid(1000, 1000, 1000);
        say("%d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        say("%d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    }
}

CASE(administration_refused)
{
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(mount("none", "/tmp", "tmpfs", 0, NULL));
        TRY(sethostname("x", 1));
        TRY(syscall(SYS_setns, 999, 0));
        TRY(syscall(SYS_pivot_root, ".", "."));
        TRY(syscall(SYS_reboot, 0, 0, 0, NULL));
        TRY(syscall(SYS_settimeofday, &(long[2]){0, 0}, NULL));
        TRY(syscall(SYS_swapon, "/x", 0));
        TRY(syscall(SYS_acct, NULL));
    }
    TRY(sethostname("x", 1));
    TRY(mount("none", "/tmp", "tmpfs", 0, NULL));
    TRY(syscall(SYS_umount2, "/proc", 0));
}
