/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lifecycle/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/log.h"

#define VARIABLE "NOTIFY_SOCKET"
#define INSIDE   "/run/notify"
#define SOCKET   "notify.sock"

enum { TELL_SECONDS = 2, BARRIER_MS = 30000, MESSAGE_MAX = 4096, AT_ONCE = 64 };

bool notify_wanted(void)
{
    const char *path = getenv(VARIABLE);
    return path != NULL && path[0] != '\0';
}

/* -- the container's socket ---------------------------------------------------------------------------------------- */

static int add_mount(struct oci_config *config, const char *source)
{
    static char *words[] = {"bind", "nosuid", "noexec", "nodev", "ro", NULL};
    struct oci_mounts *mounts = &config->mounts;
    struct oci_mount *items = arena_array(config->arena, mounts->count + 1, sizeof(*items));
    char *copy = arena_copy(config->arena, source, strlen(source));
    static char destination[] = INSIDE, type[] = "bind", none[] = "";
    if (items == NULL || copy == NULL)
        return -ENOMEM;
    if (mounts->count > 0)
        memcpy(items, mounts->items, mounts->count * sizeof(*items));
    items[mounts->count] = (struct oci_mount){
        .destination = destination,
        .type = type,
        .source = copy,
        .options = {.items = words, .count = sizeof(words) / sizeof(words[0]) - 1},
        .parsed = {.flags = MS_BIND | MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, .data = none},
    };
    mounts->items = items;
    mounts->count++;
    return 0;
}

static int add_variable(struct oci_config *config)
{
    static char entry[] = VARIABLE "=" INSIDE "/" SOCKET;
    struct oci_strings *env = &config->process.env;
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], VARIABLE "=", sizeof(VARIABLE)) == 0) {
            env->items[i] = entry;
            return 0;
        }
    }
    char *const added = entry;
    return oci_env_add(config, &added, 1);
}

int notify_add(struct oci_config *config, int folder, struct error *error)
{
    char link[32], path[PATH_MAX];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, path, sizeof(path) - sizeof("/" NOTIFY_FOLDER));
    int status = length < 0 ? -errno : 0;
    if (status == 0) {
        (void)strcpy(path + length, "/" NOTIFY_FOLDER);
        status = mkdirat(folder, NOTIFY_FOLDER, 0755) < 0 && errno != EEXIST ? -errno : 0;
    }
    if (status == 0) /* whatever our umask: the container's users go through it */
        status = fchmodat(folder, NOTIFY_FOLDER, 0755, 0) < 0 ? -errno : 0;
    if (status == 0)
        status = add_mount(config, path);
    if (status == 0)
        status = add_variable(config);
    return status < 0 ? error_set(error, status, "cannot prepare the container's notify socket") : 0;
}

/* By way of /proc/self/fd: the folder's own path may be longer than a socket address. Readable by the container's users at once. */
static int bind_in(int place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SOCKET, place);
    (void)unlinkat(place, SOCKET, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || fchmodat(place, SOCKET, 0777, 0) < 0)
        return -errno;
    return take_fd(&fd);
}

int notify_open(int folder, struct notify *ret_notify, struct error *error)
{
    auto_close int place = notify_wanted() ? openat(folder, NOTIFY_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (place < 0)
        return 0;
    int fd = bind_in(place);
    if (fd < 0)
        return error_set(error, fd, "cannot make the container's notify socket");
    ret_notify->socket = fd;
    return 0;
}

void notify_close(struct notify *notify)
{
    cleanup_close(&notify->socket);
    notify->socket = -1;
}

static bool has_line(const char *text, const char *wanted)
{
    const size_t length = strlen(wanted);
    for (const char *line = text; line != NULL; line = strchr(line, '\n'), line += line != NULL)
        if (strncmp(line, wanted, length) == 0 && (line[length] == '\n' || line[length] == '\0'))
            return true;
    return false;
}

bool notify_hear(struct notify *notify)
{
    char message[MESSAGE_MAX + 1];
    const bool before = notify->ready;
    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t size = recv(notify->socket, message, MESSAGE_MAX, MSG_DONTWAIT); /* drops descriptors that come along */
        if (size < 0)
            break;
        message[size] = '\0';
        notify->ready = notify->ready || has_line(message, "READY=1");
    }
    return notify->ready && !before;
}

/* -- the caller's -------------------------------------------------------------------------------------------------- */

static int connect_caller(void)
{
    const char *path = getenv(VARIABLE);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = path != NULL ? strlen(path) : 0;
    if (length == 0 || (path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
        return -EINVAL;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') /* abstract: as long as its name is, without an end */
        address.sun_path[0] = '\0';
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
    auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* A caller who does not read is not waited for: `run` has a container to look after. */
    const struct timeval patience = {.tv_sec = TELL_SECONDS};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (const struct sockaddr *)&address, size) < 0)
        return -errno;
    return take_fd(&fd);
}

static int say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The reader closes the pipe's end that comes with the message, after it has read all that came before. */
static int await_reader(int fd)
{
    static const char text[] = "BARRIER=1";
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int status = socket_send(fd, text, sizeof(text) - 1, &ends[1], 1);
    (void)close(ends[1]);
    struct pollfd entry = {.fd = ends[0]};
    if (status >= 0)
        (void)poll(&entry, 1, BARRIER_MS);
    (void)close(ends[0]);
    return status < 0 ? status : 0;
}

void notify_tell(pid_t service, bool waits)
{
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "MAINPID=%d\n", (int)service);
    auto_close int fd = connect_caller();
    int status = fd < 0 ? fd : say(fd, "READY=1\n");
    if (status == 0)
        status = say(fd, pid);
    if (status == 0 && waits)
        status = await_reader(fd);
    if (status < 0)
        log_message(LOG_LEVEL_WARNING, VARIABLE ": cannot tell that the container is ready: %s", strerror(-status));
}

void notify_wait(struct notify *notify, int init, pid_t service)
{
    while (!notify->ready) {
        struct pollfd entries[] = {{.fd = notify->socket, .events = POLLIN}, {.fd = init, .events = POLLIN}};
        if (poll(entries, 2, -1) < 0 && errno != EINTR)
            return;
        if (notify_hear(notify))
            notify_tell(service, true);
        else if (entries[1].revents != 0)
            return;
    }
}
