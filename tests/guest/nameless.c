/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode and extended attributes of what has no name: memory files, pipes, sockets. */
#include "case.h"

#include <grp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

enum { USER = 1000, OTHER = 1001 };

static void look(const char *text, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        say("%s: %s", text, error_name(errno));
    else
        say("%s: mode %o uid %u gid %u", text, st.st_mode, st.st_uid, st.st_gid);
}

static void change(const char *text, int fd)
{
    look(text, fd);
    TRY(fchmod(fd, 0640));
    look(text, fd);
    TRY(fchown(fd, 5, -1));
    TRY(fchown(fd, -1, 6));
    look(text, fd);
    TRY(fchmod(fd, 06755));
    look(text, fd);
    TRY(fchown(fd, USER, USER));
    look(text, fd);
    TRY(fchmod(fd, 06745));
    TRY(fchown(fd, USER, USER));
    look(text, fd);
    TRY(fchown(fd, 4000000000u, 1));
    IN_CHILD("its owner")
    {
        become(USER, USER);
        TRY(fchmod(fd, 0600));
        TRY(fchown(fd, 0, -1));
        TRY(fchown(fd, -1, OTHER));
        look(text, fd);
    }
    IN_CHILD("another")
    {
        become(OTHER, OTHER);
        TRY(fchmod(fd, 0666));
        TRY(fchown(fd, OTHER, OTHER));
        look(text, fd);
    }
    look(text, fd);
    int copy = dup(fd);
    look("a copy", copy);
    close(copy);
}

CASE(memory_file)
{
    int fd = memfd_create("m", 0);
    change("memory", fd);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct stat st;
    TRY(stat(path, &st));
    say("mode %o uid %u", st.st_mode, st.st_uid);
    TRY(chmod(path, 0604));
    TRY(chown(path, 7, 7));
    look("by its path", fd);
    TRY(fchmod(fd, 0640));
    IN_CHILD("root opens it again")
    {
        OPEN(path, O_RDWR, 0);
    }
    IN_CHILD("its group opens it again")
    {
        become(USER, 7);
        OPEN(path, O_RDWR, 0);
        OPEN(path, O_RDONLY, 0);
    }
    IN_CHILD("another opens it again")
    {
        become(USER, USER);
        OPEN(path, O_RDONLY, 0);
    }
}

CASE(pipes)
{
    int fd[2];
    (void)!pipe(fd);
    change("pipe", fd[0]);
    look("the other end", fd[1]);
    int second[2];
    (void)!pipe(second);
    look("another pipe", second[0]);
    TRY(fchmod(fd[0], 0600));
    TRY(fchown(fd[0], OTHER, OTHER));
    IN_CHILD("another opens it again")
    {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[1]);
        become(USER, USER);
        OPEN(path, O_WRONLY, 0);
    }
}

CASE(sockets)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    change("socket", pair[0]);
    look("the other end", pair[1]);
}

/* The mode a socket has when it is bound is that of its name, but for the umask. */
CASE(bound_sockets)
{
    static const mode_t modes[] = {0777, 0765, 0600, 0};
    umask(022);
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "socket%zu", i);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        TRY(fchmod(fd, modes[i]));
        TRY(bind(fd, (struct sockaddr *)&address, sizeof(address)));
        say_stat(address.sun_path);
        TRY(fchmod(fd, 0777));
        say_stat(address.sun_path);
    }
}

CASE(sealed_for_execution)
{
    int fd = memfd_create("m", 8 /* MFD_NOEXEC_SEAL */);
    if (fd < 0)
        return; /* an older kernel */
    look("sealed", fd);
    TRY(fchmod(fd, 0644));
    TRY(fchmod(fd, 0755));
    TRY(fchmod(fd, 0444));
    look("sealed", fd);
}

CASE(execution)
{
    int fd = memfd_create("m", 0), program = open(self_path, O_RDONLY);
    char bytes[65536];
    for (ssize_t got; (got = read(program, bytes, sizeof(bytes))) > 0;)
        (void)!write(fd, bytes, (size_t)got);
    char *const arguments[] = {"true", "helper", "nothing", NULL}, *const environment[] = {NULL};
    for (int round = 0; round < 2; round++) {
        TRY(fchmod(fd, round == 0 ? 0700 : 0600));
        IN_CHILD("executes it")
        {
            TRY(fexecve(fd, arguments, environment));
        }
        IN_CHILD("executes it by its path")
        {
            char path[64];
            snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
            TRY(execve(path, arguments, environment));
        }
        IN_CHILD("who may not")
        {
            become(USER, USER);
            TRY(fexecve(fd, arguments, environment));
        }
    }
    TRY(fchmod(fd, 04755));
    IN_CHILD("its bits give nothing")
    {
        become(USER, USER);
        char *const ids[] = {"ids", "helper", "ids", NULL};
        TRY(fexecve(fd, ids, environment));
    }
}

HELPER(nothing)
{
    (void)argc, (void)argv;
    return 0;
}

HELPER(ids)
{
    (void)argc, (void)argv;
    say("uid %u %u", getuid(), geteuid());
    return 0;
}

CASE(extended_attributes)
{
    char value[64] = "", list[256];
    int fd = memfd_create("m", 0);
    TRY(fgetxattr(fd, "user.a", value, sizeof(value)));
    TRY(fsetxattr(fd, "user.a", "value", 5, XATTR_REPLACE));
    TRY(fsetxattr(fd, "user.a", "value", 5, 0));
    TRY(fsetxattr(fd, "user.a", "value", 5, XATTR_CREATE));
    TRY(fgetxattr(fd, "user.a", value, sizeof(value)));
    say("[%s]", value);
    TRY(fgetxattr(fd, "user.a", value, 2));
    TRY(fgetxattr(fd, "user.a", NULL, 0));
    TRY(fsetxattr(fd, "user.a", "other value", 11, XATTR_REPLACE));
    memset(value, 0, sizeof(value));
    TRY(fgetxattr(fd, "user.a", value, sizeof(value)));
    say("[%s]", value);
    TRY(fsetxattr(fd, "user.b", "", 0, 0));
    TRY(fgetxattr(fd, "user.b", value, sizeof(value)));
    TRY(flistxattr(fd, list, sizeof(list)));
    TRY(flistxattr(fd, list, 3));
    TRY(fsetxattr(fd, "user.", "", 0, 0));
    TRY(fsetxattr(fd, "trusted.a", "", 0, 0));
    TRY(fsetxattr(fd, "bogus.a", "", 0, 0));
    TRY(fremovexattr(fd, "user.a"));
    TRY(fremovexattr(fd, "user.a"));
    TRY(flistxattr(fd, list, sizeof(list)));
    IN_CHILD("another")
    {
        become(USER, USER);
        TRY(fgetxattr(fd, "user.b", value, sizeof(value)));
    }
    TRY(fchmod(fd, 0600));
    IN_CHILD("who may not read")
    {
        become(USER, USER);
        TRY(fgetxattr(fd, "user.b", value, sizeof(value)));
        TRY(fsetxattr(fd, "user.c", "", 0, 0));
        TRY(fremovexattr(fd, "user.b"));
    }
    int ends[2];
    (void)!pipe(ends);
    TRY(fsetxattr(ends[0], "user.a", "", 0, 0));
    TRY(fgetxattr(ends[0], "user.a", value, sizeof(value)));
    TRY(flistxattr(ends[0], list, sizeof(list)));
    int second = memfd_create("m", 0);
    TRY(flistxattr(second, list, sizeof(list)));
}

/* Many of them, and none is taken for another. */
CASE(many)
{
    int wrong = 0;
    for (int i = 0; i < 1000; i++) {
        struct stat st;
        int fd[2];
        (void)!pipe(fd);
        if (fstat(fd[0], &st) != 0 || (st.st_mode & 07777) != 0600 || fchmod(fd[0], 0640) != 0 || fstat(fd[1], &st) != 0 ||
            (st.st_mode & 07777) != 0640)
            wrong++;
        close(fd[0]), close(fd[1]);
    }
    say("wrong %d", wrong);
}
