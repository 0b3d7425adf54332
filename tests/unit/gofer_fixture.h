/* SPDX-License-Identifier: Apache-2.0 */
/* A gofer without its confinement, serving a folder of its own from a child process. */
#ifndef TESTS_UNIT_GOFER_FIXTURE_H
#define TESTS_UNIT_GOFER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/server.h"
#include "postern/connect.h"
#include "postern/socket.h"

enum { FIXTURE_LABELS = 1900050000 };

struct gofer_fixture {
    char folder[64]; /* of the test; "root" in it is served */
    int root, hidden, socket;
    pid_t child;
};

/* The queues of an ipc namespace of our own, or -1. */
static inline int fixture_queues(void)
{
    int context = unshare(CLONE_NEWIPC) < 0 ? -1 : fsopen("mqueue", FSOPEN_CLOEXEC);
    if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    int queues = fsmount(context, FSMOUNT_CLOEXEC, 0);
    (void)close(context);
    return queues;
}

/* The hidden folder with what runtime/mounts/gofer_names.c puts into it. Only root can: without him the folder for names is not there. */
static inline int fixture_mount_names(const struct gofer_fixture *fixture)
{
    char hidden[128], names[160], self[512];
    (void)snprintf(hidden, sizeof(hidden), "%s/hidden", fixture->folder);
    (void)snprintf(names, sizeof(names), "%s/" GOFER_NAMES_FOLDER, hidden);
    (void)snprintf(self, sizeof(self), "%s/" GOFER_NAMES_SELF, names);
    if (unshare(CLONE_NEWNS) == 0 && mount("/", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        (mkdir(names, 0755) == 0 || errno == EEXIST) && (mkdir(self, 0755) == 0 || errno == EEXIST))
        (void)mount("/proc/self/fd", self, NULL, MS_BIND, NULL);
    return open(hidden, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Exit code of the child: what server_run said, negated. */
static inline void fixture_serve(const struct gofer_fixture *fixture, int socket)
{
    static struct server server;
    server = (struct server){.socket = socket, .root = fixture->root, .hidden = fixture_mount_names(fixture),
                             .fuse = -1, .queues = fixture_queues(), .label_uid = FIXTURE_LABELS,
                             .label_gid = FIXTURE_LABELS,
                             .self = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC),
                             .mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)};
    (void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0); /* as the runtime does */
    (void)signal(SIGIO, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    int status = connect_prepare();
    if (status == 0)
        status = server_init(&server);
    if (status == 0)
        status = server_run(&server);
    _exit(-status & 0xff);
}

static inline void fixture_start(struct gofer_fixture *fixture)
{
    int ends[2];
    assert_int_equal(socket_pair(ends), 0);
    fixture->child = fork();
    assert_true(fixture->child >= 0);
    if (fixture->child == 0) {
        (void)close(ends[0]);
        fixture_serve(fixture, ends[1]);
    }
    (void)close(ends[1]);
    fixture->socket = ends[0];
}

static inline void fixture_make(struct gofer_fixture *fixture)
{
    (void)umask(0);
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/postern-gofer-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    int folder = open(fixture->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(folder, "root", 0755), 0);
    assert_int_equal(mkdirat(folder, "hidden", 0755), 0);
    fixture->root = openat(folder, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    fixture->hidden = openat(folder, "hidden", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(fixture->root >= 0 && fixture->hidden >= 0);
    (void)close(folder);
    fixture_start(fixture);
}

/* Hangs up; returns how the child ended. */
static inline int fixture_stop(struct gofer_fixture *fixture)
{
    int status = -1;
    (void)close(fixture->socket);
    assert_int_equal(waitpid(fixture->child, &status, 0), fixture->child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void fixture_remove(struct gofer_fixture *fixture)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
    assert_int_equal(system(command), 0);
    (void)close(fixture->root);
    (void)close(fixture->hidden);
}

/* A file in the served folder, from outside. */
static inline void fixture_write(const struct gofer_fixture *fixture, const char *path, const char *text, mode_t mode)
{
    int fd = openat(fixture->root, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

#endif
