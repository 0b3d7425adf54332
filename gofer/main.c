/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-gofer: the container's files, served to one sentry. Started by the runtime with the descriptors of
 * postern/boot.h; ends with the sentry.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gofer/confine.h"
#include "gofer/foreign.h"
#include "gofer/server.h"
#include "postern/boot.h"
#include "postern/confine.h"
#include "postern/connect.h"
#include "postern/error.h"
#include "postern/in_flight.h"
#include "postern/thread.h"

CONFINE_ALLOW(pause, "the end, which the sentry's brings");

static struct server server = {
    .socket = GOFER_FD_SENTRY,
    .root = GOFER_FD_ROOT,
    .hidden = GOFER_FD_HIDDEN,
    .self = GOFER_FD_SELF,
    .mounts = GOFER_FD_MOUNTS,
    .fuse = GOFER_FD_FUSE,
    .queues = GOFER_FD_QUEUES,
};

static bool is_type(int fd, mode_t type)
{
    struct stat status;
    return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type;
}

static int check_descriptors(struct error *error)
{
    if (close_range(GOFER_FD_FIRST_FREE, ~0U, 0) < 0)
        return error_set(error, errno, "closing what is not mine");
    if (!is_type(server.socket, S_IFSOCK) || !is_type(server.root, S_IFDIR) || !is_type(server.hidden, S_IFDIR) ||
        !is_type(server.self, S_IFDIR) || !is_type(server.mounts, S_IFREG))
        return error_refuse(error, "started without its descriptors: only `postern` starts this program");
    /* fstat would wait for the sentry to serve it, and the sentry waits for us. */
    if (fcntl(server.fuse, F_GETFD) < 0)
        server.fuse = -1;
    if (!is_type(server.queues, S_IFDIR))
        server.queues = -1;
    return 0;
}

static void take_labels(char *text)
{
    char *rest;
    server.label_uid = (uid_t)strtoul(text, &rest, 10);
    server.label_gid = *rest == ',' ? (gid_t)strtoul(rest + 1, NULL, 10) : 0;
}

/* --mapped: in a user namespace. --labels=UID,GID: the first of them (postern/mark.h). --own-mounts=LIST: see gofer/foreign.h.
 * --ranks: it has been left CAP_SYS_NICE (op_rank.c). */
static int take_arguments(int argc, char **argv, bool *ret_mapped, struct error *error)
{
    static const char own_mounts[] = "--own-mounts=", labels[] = "--labels=";
    bool mapped = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mapped") == 0)
            mapped = true;
        else if (strcmp(argv[i], "--ranks") == 0)
            server.ranks = true;
        else if (strncmp(argv[i], labels, sizeof(labels) - 1) == 0)
            take_labels(argv[i] + sizeof(labels) - 1);
        else if (strncmp(argv[i], own_mounts, sizeof(own_mounts) - 1) != 0 || foreign_init(argv[i] + sizeof(own_mounts) - 1) < 0)
            return error_refuse(error, "started with an argument that is none of mine: %.80s", argv[i]);
    }
    *ret_mapped = mapped;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--allowed") == 0)
        return confine_print(stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

    struct error error = {0};
    bool mapped = false;
    int status = check_descriptors(&error);
    if (status == 0 && (status = threads_prepare()) < 0)
        (void)error_set(&error, status, "starting a thread");
    if (status == 0)
        status = take_arguments(argc, argv, &mapped, &error);
    if (status == 0 && (status = connect_prepare()) < 0)
        (void)error_set(&error, status, "signals");
    (void)in_flight_reserve();
    if (status == 0)
        status = gofer_confine(mapped, server.ranks, &error);
    if (status == 0 && (status = server_init(&server)) < 0)
        (void)error_set(&error, status, "self/fd of procfs");
    if (status < 0) {
        (void)dprintf(STDERR_FILENO, "postern-gofer: %s\n", error.text);
        return EXIT_FAILURE;
    }

    status = server_run(&server);
    if (status < 0) {
        (void)dprintf(STDERR_FILENO, "postern-gofer: the sentry's socket: %s\n", strerror(-status));
        _exit(EXIT_FAILURE);
    }
    /* The sentry has ended, and we are about to be killed, as all in its pid namespace are. Not sooner: the listener we keep
     * (GOFER_FD_KEPT) would close, and guests whose calls nobody answers would run on with ENOSYS in the meantime. */
    for (;;)
        (void)pause();
}
