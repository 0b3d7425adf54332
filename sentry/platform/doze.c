/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/doze.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"
#include "sentry/platform/boost.h"

CONFINE_ALLOW(io_setup, "a sign that a call has come");
CONFINE_ALLOW(io_submit, "a sign that a call has come");
CONFINE_ALLOW(io_getevents, "a sign that a call has come");
CONFINE_ALLOW(io_destroy, "a sign that a call has come");

enum { REQUESTS_MAX = 16 /* the machine has so many, and not for us alone */ };

struct doze {
    pthread_mutex_t mutex; /* a receiver that has been replaced may still be in here */
    int sign;
    bool impossible;
    aio_context_t context; /* 0: none */
    size_t count;          /* listeners there are requests for */
    int requested[REQUESTS_MAX];
};

struct doze *doze_new(int sign)
{
    struct doze *doze = calloc(1, sizeof(*doze));
    if (doze != NULL) {
        doze->sign = sign;
        (void)pthread_mutex_init(&doze->mutex, NULL);
    }
    return doze;
}

/* The mutex is held, here and in what follows. */
static void forget(struct doze *doze)
{
    if (doze->context != 0)
        (void)syscall(SYS_io_destroy, doze->context);
    doze->context = 0;
    doze->count = 0;
}

static void drop(struct doze *doze, int listener)
{
    for (size_t i = 0; i < doze->count; i++)
        if (doze->requested[i] == listener)
            doze->requested[i--] = doze->requested[--doze->count];
}

/* Requests that are done with can be made again. */
static void collect(struct doze *doze)
{
    struct io_event events[REQUESTS_MAX];
    struct timespec now = {0};
    long count = syscall(SYS_io_getevents, doze->context, 0, REQUESTS_MAX, events, &now);
    for (long i = 0; i < count; i++)
        drop(doze, (int)events[i].data);
}

static bool is_requested(const struct doze *doze, int listener)
{
    for (size_t i = 0; i < doze->count; i++)
        if (doze->requested[i] == listener)
            return true;
    return false;
}

static bool request(struct doze *doze, int listener)
{
    if (is_requested(doze, listener))
        return true;
    struct iocb request = {.aio_data = (uint32_t)listener,
                           .aio_lio_opcode = IOCB_CMD_POLL,
                           .aio_fildes = (uint32_t)listener,
                           .aio_buf = POLLIN,
                           .aio_flags = IOCB_FLAG_RESFD,
                           .aio_resfd = (uint32_t)doze->sign};
    struct iocb *requests[] = {&request};
    boost_enter(); /* it looks whether a call is there already */
    long done = syscall(SYS_io_submit, doze->context, 1, requests);
    boost_leave();
    if (done == 1)
        doze->requested[doze->count++] = listener;
    return done == 1;
}

static bool begin(struct doze *doze, const int *listeners, size_t count)
{
    if (doze->context == 0 && syscall(SYS_io_setup, REQUESTS_MAX, &doze->context) < 0)
        return false;
    collect(doze);
    for (size_t i = 0; i < count; i++)
        if (!request(doze, listeners[i]))
            return false;
    return true;
}

bool doze_begin(struct doze *doze, const int *listeners, size_t count)
{
    if (count > REQUESTS_MAX)
        return false;
    (void)pthread_mutex_lock(&doze->mutex);
    bool begun = !doze->impossible && begin(doze, listeners, count);
    if (!begun) {
        forget(doze);
        doze->impossible = true;
    }
    (void)pthread_mutex_unlock(&doze->mutex);
    return begun;
}

void doze_forget(struct doze *doze)
{
    (void)pthread_mutex_lock(&doze->mutex);
    forget(doze);
    (void)pthread_mutex_unlock(&doze->mutex);
}
