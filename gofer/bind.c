/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind(2) of a guest's socket to a path. The kernel keeps the words it is given and shows them to the peers, so they must be the guest's
 * own. But looked up among the container's files they might lead elsewhere than they led the sentry, who judged: a folder can be
 * renamed meanwhile. So for the length of the call our root is another one, in which they lead to the folder that was judged
 * and nowhere else. If they have no folder in them ("name", "./name", "/name"), it is that folder itself. Otherwise it is
 * a private one: for "/run/app/name" an empty folder "run", and in it a link "app" to the descriptor of the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/object.h"
#include "gofer/owner.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW(fchdir, "bind takes no descriptor of a folder");
CONFINE_ALLOW(chroot, "the names of sockets are looked up in a root of their own");
CONFINE_ALLOW(bind, "a guest's socket gets its name");

_Static_assert(sizeof(GOFER_NAMES_SELF) - 1 > GOFER_SOCKET_NAME_MAX && sizeof(GOFER_NAMES_SELF) - 1 <= GOFER_NAME_MAX,
               "no name of a socket has such a component");

/* The folders above the name, as the guest spelled them, "." left out. */
struct spelling {
    size_t count;
    char words[GOFER_SOCKET_NAME_MAX + 1]; /* cut at each '/' */
    const char *folders[GOFER_SOCKET_NAME_MAX / 2 + 1];
};

static void take_apart(const char *words, struct spelling *spelling)
{
    spelling->count = 0;
    (void)snprintf(spelling->words, sizeof(spelling->words), "%s", words);
    char *rest = spelling->words;
    for (char *word; (word = strsep(&rest, "/")) != NULL;)
        if (rest != NULL && word[0] != '\0' && strcmp(word, ".") != 0)
            spelling->folders[spelling->count++] = word;
}

/* Removes what make_way made above the folder `at`, as far as there is something. */
static void remove_way(int at, const struct spelling *spelling, size_t from)
{
    const char *name = spelling->folders[from];
    if (from + 1 == spelling->count) {
        (void)unlinkat(at, name, 0);
        return;
    }
    auto_close int next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next >= 0)
        remove_way(next, spelling, from + 1);
    (void)unlinkat(at, name, AT_REMOVEDIR);
}

static int make_way(int at, const struct spelling *spelling, size_t from, int folder)
{
    const char *name = spelling->folders[from];
    if (from + 1 == spelling->count) {
        char target[sizeof("/" GOFER_NAMES_SELF "/") + sizeof(struct fd_name)];
        (void)snprintf(target, sizeof(target), "/" GOFER_NAMES_SELF "/%s", fd_name(folder).text);
        return symlinkat(target, at, name) < 0 ? -errno : 0;
    }
    if (mkdirat(at, name, 0755) < 0)
        return -errno;
    auto_close int next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return next < 0 ? -errno : make_way(next, spelling, from + 1, folder);
}

/* A name of 108 bytes fills the address without a NUL: Linux allows that. */
static socklen_t fill(struct sockaddr_un *address, const char *words)
{
    size_t length = strlen(words);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, words, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (length < sizeof(address->sun_path)));
}

/* Somewhere else than where we belong every path would mean something else. */
static void go_back(const struct server *server)
{
    if (fchdir(server->root) == 0 && chroot(".") == 0 && fchdir(server->self) == 0)
        return;
    (void)dprintf(STDERR_FILENO, "postern-gofer: cannot return to the container's root\n");
    _exit(EXIT_FAILURE);
}

/* The kernel takes the mode from the socket itself: what the request leaves out, the umask takes away. */
static int bind_as_owner(const struct exchange *exchange)
{
    struct sockaddr_un address;
    socklen_t size = fill(&address, exchange->second);
    struct gofer_request owner = *exchange->request;
    owner.umask |= ~owner.mode & 0777;
    int status = owner_begin(&owner);
    if (status < 0)
        return status;
    status = bind(exchange->fd, (const struct sockaddr *)&address, size) < 0 ? -errno : 0;
    owner_end();
    return status;
}

static int bind_below(const struct exchange *exchange, int root)
{
    if (fchdir(root) < 0)
        return -errno;
    int status = chroot(".") < 0 ? -errno : bind_as_owner(exchange);
    go_back(exchange->server);
    return status;
}

/* One at a time: all lines have but one folder for names. (Root and working directory are each line's own.) */
static int bind_by_way(const struct exchange *exchange, int names, const struct spelling *spelling, int folder)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&mutex);
    int status = make_way(names, spelling, 0, folder);
    if (status == 0)
        status = bind_below(exchange, names);
    remove_way(names, spelling, 0);
    (void)pthread_mutex_unlock(&mutex);
    return status;
}

static int bind_by_words(const struct exchange *exchange, int folder)
{
    struct spelling spelling;
    take_apart(exchange->second, &spelling);
    if (spelling.count == 0)
        return bind_below(exchange, folder);
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    auto_close int names = openat(exchange->server->hidden, GOFER_NAMES_FOLDER, flags);
    return names < 0 ? -errno : bind_by_way(exchange, names, &spelling, folder);
}

int op_bind(struct exchange *exchange)
{
    auto_place struct place parent = PLACE_NONE;
    const char *name;
    int status = place_parent(exchange, 0, &parent, &name);
    if (status == 0 && !gofer_socket_name_ok(exchange->second, exchange->request->second_size, name))
        status = -EPROTO;
    if (status == 0)
        status = bind_by_words(exchange, parent.fd);
    if (status == 0)
        foreign_note_made(parent.fd, name);
    return status;
}
