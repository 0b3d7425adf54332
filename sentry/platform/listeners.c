/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/listeners.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct listener {
    atomic_int fd; /* -1: free */
    atomic_bool ended;
    atomic_uint calls;
};

struct listeners {
    pthread_mutex_t mutex; /* of which places are taken */
    atomic_size_t used;    /* no more than these have ever been */
    struct listener all[LISTENERS_MAX];
};

struct listeners *listeners_new(void)
{
    struct listeners *listeners = calloc(1, sizeof(*listeners));
    if (listeners == NULL)
        return NULL;
    (void)pthread_mutex_init(&listeners->mutex, NULL);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        listeners->all[i].fd = -1;
    return listeners;
}

static struct listener *find(struct listeners *listeners, int fd)
{
    for (size_t i = 0; i < listeners->used; i++)
        if (listeners->all[i].fd == fd)
            return &listeners->all[i];
    return NULL;
}

int listeners_add(struct listeners *listeners, int fd)
{
    (void)pthread_mutex_lock(&listeners->mutex);
    size_t place = 0;
    while (place < LISTENERS_MAX && listeners->all[place].fd >= 0)
        place++;
    if (place < LISTENERS_MAX) {
        listeners->all[place].ended = false;
        listeners->all[place].fd = fd;
        if (place >= listeners->used)
            listeners->used = place + 1;
    }
    (void)pthread_mutex_unlock(&listeners->mutex);
    return place < LISTENERS_MAX ? 0 : -ENOSPC;
}

size_t listeners_poll_set(struct listeners *listeners, struct pollfd *fds)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&listeners->mutex);
    for (size_t i = 0; i < listeners->used; i++)
        if (listeners->all[i].fd >= 0 && !listeners->all[i].ended)
            fds[count++] = (struct pollfd){.fd = listeners->all[i].fd, .events = POLLIN};
    (void)pthread_mutex_unlock(&listeners->mutex);
    return count;
}

/* The mutex is held. */
static void close_unused(struct listener *listener)
{
    if (!listener->ended || listener->calls > 0 || listener->fd < 0)
        return;
    int fd = atomic_exchange(&listener->fd, -1);
    (void)close(fd);
}

bool listeners_end(struct listeners *listeners, int fd)
{
    bool left = false;
    (void)pthread_mutex_lock(&listeners->mutex);
    struct listener *listener = find(listeners, fd);
    if (listener != NULL) {
        listener->ended = true;
        close_unused(listener);
    }
    for (size_t i = 0; i < listeners->used; i++)
        left = left || (listeners->all[i].fd >= 0 && !listeners->all[i].ended);
    (void)pthread_mutex_unlock(&listeners->mutex);
    return left;
}

void listeners_hold(struct listeners *listeners, int fd)
{
    struct listener *listener = find(listeners, fd);
    if (listener != NULL)
        listener->calls++;
}

void listeners_let_go(struct listeners *listeners, int fd)
{
    struct listener *listener = find(listeners, fd);
    if (listener == NULL || --listener->calls > 0 || !listener->ended)
        return;
    (void)pthread_mutex_lock(&listeners->mutex);
    close_unused(listener);
    (void)pthread_mutex_unlock(&listeners->mutex);
}
