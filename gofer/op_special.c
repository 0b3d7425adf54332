/* SPDX-License-Identifier: Apache-2.0 */
/* The folders behind synthetic directories, and the sentry's own files through FUSE. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "gofer/server.h"
#include "postern/cleanup.h"

/* "N/NAME" is made, opened and removed again: the descriptor keeps the name NAME, and equal names never meet. */
int op_hidden_directory(struct exchange *exchange)
{
    struct server *server = exchange->server;
    char number[24];
    (void)snprintf(number, sizeof(number), "%" PRIu64, (uint64_t)atomic_fetch_add(&server->hidden_count, 1));
    if (server->hidden < 0)
        return -ENOSYS;
    if (mkdirat(server->hidden, number, 0700) < 0)
        return -errno;

    auto_close int shell = openat(server->hidden, number, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int status = shell < 0 || mkdirat(shell, exchange->first, 0755) < 0 ? -errno : 0;
    if (status == 0) {
        exchange->out_fd = openat(shell, exchange->first, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        status = exchange->out_fd < 0 ? -errno : 0;
        (void)unlinkat(shell, exchange->first, AT_REMOVEDIR);
    }
    (void)unlinkat(server->hidden, number, AT_REMOVEDIR);
    return status;
}

int op_fuse_open(struct exchange *exchange)
{
    const struct gofer_request *request = exchange->request;
    char number[24];
    (void)snprintf(number, sizeof(number), "%" PRIu64, request->node);
    if (exchange->server->fuse < 0)
        return -ENOSYS;
    /* Their size is 0, and the kernel's splice and sendfile believe it unless the file is opened for direct I/O. */
    const int direct = (request->flags & O_DIRECTORY) != 0 ? 0 : O_DIRECT;
    int flags = (int)request->flags | direct | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
    int fd = openat(exchange->server->fuse, number, flags);
    if (fd < 0)
        return -errno;
    exchange->out_fd = fd;
    return 0;
}
