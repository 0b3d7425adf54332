/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/control.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "sentry/kernel/newcomers.h"
#include "sentry/kernel/process.h"
#include "sentry/net/vouch.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(sendmsg, "say to the runtime what happened");
CONFINE_ALLOW(recvmsg, "hear of listeners");
CONFINE_ALLOW(accept4, "commands that come later");
CONFINE_ALLOW(fstat, "how large a configuration is");
CONFINE_ALLOW(newfstatat, "how large a configuration is"); /* the C library's fstat */
CONFINE_ALLOW(pidfd_open, "a hold on the container's first process");

/* One connection of a later command. */
struct connection {
    struct sentry *sentry;
    int socket;
    bool announced; /* a newcomer, who is not here yet */
    struct connection *next;
};

/* Those there are: all are told of the end, by whichever thread sees it. So is the runtime that started us. */
static struct {
    pthread_mutex_t mutex; /* of these, and of sentry->control: its number must not be another object's by the time it is used */
    struct connection *first;
} connections = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The mutex is held. */
static int say(const struct sentry *sentry, const struct control_message *message)
{
    return sentry->control < 0 ? -EPIPE : socket_send(sentry->control, message, sizeof(*message), NULL, 0);
}

void control_say(const struct sentry *sentry, unsigned int kind, const char *text)
{
    struct control_message message = {.kind = kind};
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    (void)pthread_mutex_lock(&connections.mutex);
    int status = say(sentry, &message);
    (void)pthread_mutex_unlock(&connections.mutex);
    /* The runtime would wait for these for ever; a runtime that is gone does not. */
    if ((kind == CONTROL_READY || kind == CONTROL_STARTED) && status < 0 && status != -EPIPE && status != -ECONNRESET)
        _exit(1);
}

static int answer(int socket, unsigned int kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int answer(int socket, unsigned int kind, const char *format, ...)
{
    struct control_message message = {.kind = kind};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message.text, sizeof(message.text), format, arguments);
    va_end(arguments);
    return socket_send(socket, &message, sizeof(message), NULL, 0);
}

/* The first listener: with it comes the container's init. */
static void take_first_listener(struct sentry *sentry, pid_t pid, int listener)
{
    sentry->init = (int)syscall(SYS_pidfd_open, pid, 0);
    if (sentry->init < 0)
        sentry_die(sentry, "the container's first process has ended: %s", strerror(errno));
    int status = kernel_enter_process(sentry, sentry->boot, pid);
    if (status < 0)
        sentry_die(sentry, "process.cwd: %s: %s", sentry->boot->cwd, strerror(-status));
    if (platform_add_listener(sentry->platform, listener) < 0)
        sentry_die(sentry, "too many listeners");
    control_say(sentry, CONTROL_STARTED, "");
}

/* The runtime that started us. Until it says that it is going, its end is ours: nobody would be left to clean up. */
static void control_ready(void *data)
{
    struct sentry *sentry = data;
    struct control_message message;
    int fds[2];
    size_t count = 0;
    ssize_t got = socket_receive(sentry->control, &message, sizeof(message), fds, 2, &count);
    if (got == -EAGAIN)
        return;
    if (got <= 0 && !sentry->detached)
        _exit(1);
    if (got <= 0) {
        platform_unwatch(sentry->platform, sentry->control);
        (void)pthread_mutex_lock(&connections.mutex);
        (void)close(sentry->control);
        sentry->control = -1;
        (void)pthread_mutex_unlock(&connections.mutex);
        return;
    }
    if (got == sizeof(message) && message.kind == CONTROL_LISTENER && count == 1 && sentry->init < 0)
        take_first_listener(sentry, message.pid, fds[0]);
    else if (got == sizeof(message) && message.kind == CONTROL_DETACH && count == 0 && sentry->init >= 0)
        sentry->detached = true;
    else if (got == sizeof(message) && message.kind == CONTROL_PING && count == 0)
        control_say(sentry, CONTROL_PONG, "");
    else
        sentry_die(sentry, "malformed message from the runtime");
}

/* --- later commands --- */

static const struct boot_config *map_config(int fd, struct error *error)
{
    const struct boot_config *config = MAP_FAILED;
    struct stat status;
    if (fstat(fd, &status) == 0 && (size_t)status.st_size == sizeof(*config))
        config = mmap(NULL, sizeof(*config), PROT_READ, MAP_PRIVATE, fd, 0);
    if (config == MAP_FAILED) {
        (void)error_refuse(error, "the process's configuration cannot be read");
        return NULL;
    }
    if (boot_config_check(config, error) < 0) {
        (void)munmap((void *)(uintptr_t)config, sizeof(*config));
        return NULL;
    }
    return config;
}

static bool ids_exist(const struct boot_config *boot, const struct boot_config *process)
{
    bool exist = boot_id_exists(&boot->uids, process->uid) && boot_id_exists(&boot->gids, process->gid);
    for (uint32_t i = 0; i < process->group_count; i++)
        exist = exist && boot_id_exists(&boot->gids, process->groups[i]);
    return exist;
}

/* A process is about to enter the guest's pid namespace. The answer is the permission. */
static int announce(struct connection *connection)
{
    if (!connection->announced)
        newcomers_announce(connection->sentry->processes);
    connection->announced = true;
    return answer(connection->socket, CONTROL_PONG, "%s", "");
}

/* It is in the table by now, or will not come. */
static void withdraw(struct connection *connection)
{
    if (connection->announced)
        newcomers_withdraw(connection->sentry->processes);
    connection->announced = false;
}

/* A process that joined the container from outside: its listener and its credentials. What came of it goes to the socket: 0, or
 * -errno if it could not be sent. */
static int enter(struct connection *connection, pid_t pid, int *listener, int config_fd)
{
    struct sentry *sentry = connection->sentry;
    const int socket = connection->socket;
    struct error error = {0};
    const struct boot_config *config = map_config(config_fd, &error);
    if (config == NULL)
        return answer(socket, CONTROL_FATAL, "%.400s", error.text);

    int status, sent;
    vouch_met(sentry->net, config->uid, config->gid);
    if (!ids_exist(sentry->boot, config)) {
        sent = answer(socket, CONTROL_FATAL, "process.user: not all of its ids are ids of the container's user namespace");
    } else if ((status = kernel_enter_process(sentry, config, pid)) < 0) {
        sent = answer(socket, CONTROL_FATAL, "cwd: %.200s: %s", config->cwd, strerror(-status));
    } else if (platform_add_listener(sentry->platform, *listener) < 0) {
        sent = answer(socket, CONTROL_FATAL, "too many listeners");
    } else {
        *listener = -1;
        withdraw(connection);
        sent = answer(socket, CONTROL_STARTED, "%s", "");
    }
    (void)munmap((void *)(uintptr_t)config, sizeof(*config));
    return sent;
}

static void connections_add(struct connection *connection)
{
    (void)pthread_mutex_lock(&connections.mutex);
    connection->next = connections.first;
    connections.first = connection;
    (void)pthread_mutex_unlock(&connections.mutex);
}

static void connections_remove(const struct connection *connection)
{
    (void)pthread_mutex_lock(&connections.mutex);
    for (struct connection **link = &connections.first; *link != NULL; link = &(*link)->next)
        if (*link == connection) {
            *link = connection->next;
            break;
        }
    (void)pthread_mutex_unlock(&connections.mutex);
}

void control_say_ended(const struct sentry *sentry)
{
    control_say(sentry, CONTROL_ENDED, "");
    (void)pthread_mutex_lock(&connections.mutex);
    for (const struct connection *connection = connections.first; connection != NULL; connection = connection->next)
        (void)answer(connection->socket, CONTROL_ENDED, "%s", "");
    (void)pthread_mutex_unlock(&connections.mutex);
}

static void close_connection(struct connection *connection)
{
    withdraw(connection);
    connections_remove(connection);
    platform_unwatch(connection->sentry->platform, connection->socket);
    (void)close(connection->socket);
    free(connection);
}

static void connection_ready(void *data);

/* To enter a process takes requests to the gofer, and whoever is receiver meanwhile must not come back here. */
static int listen_to(struct connection *connection)
{
    return platform_watch(connection->sentry->platform, connection->socket, connection_ready, connection);
}

static void connection_ready(void *data)
{
    struct connection *connection = data;
    platform_unwatch(connection->sentry->platform, connection->socket);
    struct control_message message;
    int fds[2];
    size_t count = 0;
    ssize_t got = socket_receive(connection->socket, &message, sizeof(message), fds, 2, &count);
    int sent = -EPIPE;
    if (got == sizeof(message) && message.kind == CONTROL_ENTER && count == 2)
        sent = enter(connection, message.pid, &fds[0], fds[1]);
    else if (got == sizeof(message) && message.kind == CONTROL_NEWCOMER && count == 0)
        sent = announce(connection);
    else if (got == sizeof(message) && message.kind == CONTROL_PING && count == 0)
        sent = answer(connection->socket, CONTROL_PONG, "%s", "");
    else if (got > 0)
        sent = answer(connection->socket, CONTROL_FATAL, "malformed request; are postern and postern-sentry of one build?");
    for (size_t i = 0; i < 2; i++)
        cleanup_close(&fds[i]);
    if (sent < 0 || listen_to(connection) < 0) /* they have gone, or would wait for an answer for ever */
        close_connection(connection);
}

static void listen_ready(void *data)
{
    struct sentry *sentry = data;
    auto_close int socket = accept4(SENTRY_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    auto_free struct connection *connection = socket < 0 ? NULL : calloc(1, sizeof(*connection));
    if (connection == NULL)
        return;
    *connection = (struct connection){.sentry = sentry, .socket = socket};
    if (listen_to(connection) < 0)
        return;
    (void)take_fd(&socket);
    connections_add(take_ptr(connection));
}

int control_start(struct sentry *sentry, struct error *error)
{
    /* A runtime that does not read must not hold us up. */
    if (fcntl(sentry->control, F_SETFL, O_NONBLOCK) < 0)
        return error_set(error, errno, "cannot start");
    int status = platform_watch(sentry->platform, sentry->control, control_ready, sentry);
    if (status == 0 && sentry->has_listen && fcntl(SENTRY_FD_LISTEN, F_SETFL, O_NONBLOCK) >= 0)
        status = platform_watch(sentry->platform, SENTRY_FD_LISTEN, listen_ready, sentry);
    return status < 0 ? error_set(error, status, "cannot start the event loop") : 0;
}
