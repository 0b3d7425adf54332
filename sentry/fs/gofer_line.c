/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/gofer_line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/in_flight.h"
#include "postern/socket.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(socketpair, 0, UINT32_MAX, AF_UNIX, "one more line to the gofer");
CONFINE_ALLOW(sendmsg, "requests to the gofer");
CONFINE_ALLOW(recvmsg, "replies of the gofer");

enum { ERRNO_MAX = 4095, LINES_FREE_MAX = 2, SLICE_MS = 250, PERIODS_MOST = 10 };

struct gofer {
    struct sentry *sentry;
    unsigned int deadline_s;
    pthread_mutex_t mutex; /* of the lines that are free, and of `first`; not held by whoever uses one */
    pthread_cond_t freed;
    struct gofer_line *free;
    size_t free_count;
    bool no_lines;           /* the gofer makes none: all share the first */
    struct gofer_line first; /* the connection that is there from the start: asks for others */
    bool first_taken;
    atomic_ulong answered; /* requests */
};

struct gofer *gofer_new(struct sentry *sentry, int socket)
{
    struct gofer *gofer = calloc(1, sizeof(*gofer));
    if (gofer == NULL)
        return NULL;
    gofer->sentry = sentry;
    (void)pthread_mutex_init(&gofer->mutex, NULL);
    (void)pthread_cond_init(&gofer->freed, NULL);
    gofer->first = (struct gofer_line){.gofer = gofer, .socket = socket, .descriptors = -1};
    return gofer;
}

void gofer_set_deadline(struct gofer *gofer, unsigned int seconds)
{
    gofer->deadline_s = seconds;
}

int gofer_descriptor(const struct gofer *gofer)
{
    return gofer->first.socket;
}

/* -- a request ---------------------------------------------------------------------------------------------------- */

struct gofer_request *line_begin(struct gofer_line *line, enum gofer_op op)
{
    line->request.header =
        (struct gofer_request){.version = GOFER_PROTOCOL_VERSION, .op = (uint16_t)op, .sequence = ++line->sequence};
    line->used = 0;
    return &line->request.header;
}

void line_add_bytes(struct gofer_line *line, const void *bytes, size_t size)
{
    memcpy(line->request.payload + line->used, bytes, size);
    line->used += size;
}

/* Checked here so that a mistake of ours becomes an errno of one call, not an -EPROTO that ends the container. */
static int check_path(const char *path, bool root_too)
{
    size_t size = strnlen(path, GOFER_PATH_MAX), components;
    if (size == GOFER_PATH_MAX)
        return -ENAMETOOLONG;
    if (!gofer_path_ok(path, size + 1, &components))
        return -EINVAL;
    return components > 0 || root_too ? 0 : -EBUSY;
}

int line_add_first(struct gofer_line *line, const char *path, bool root_too)
{
    int status = check_path(path, root_too);
    if (status < 0)
        return status;
    size_t size = strlen(path) + 1;
    line->request.header.first_size = (uint16_t)size;
    line_add_bytes(line, path, size);
    return 0;
}

int line_add_second(struct gofer_line *line, const char *string, size_t size_max, int too_long)
{
    size_t size = strnlen(string, size_max) + 1;
    if (size > size_max)
        return too_long;
    line->request.header.second_size = (uint16_t)size;
    line_add_bytes(line, string, size);
    return 0;
}

void line_add_fd(struct gofer_line *line, int fd)
{
    line->fds[line->request.header.fd_count++] = fd;
}

int line_add_path(struct gofer_line *line, struct gofer_place place, bool root_too)
{
    line->request.header.expected[0] = place.expected;
    return line_add_first(line, place.path, root_too);
}

int line_add_second_path(struct gofer_line *line, struct gofer_place place)
{
    int status = check_path(place.path, false);
    line->request.header.expected[1] = place.expected;
    return status < 0 ? status : line_add_second(line, place.path, GOFER_PATH_MAX, -ENAMETOOLONG);
}

int line_add_place(struct gofer_line *line, struct gofer_place place)
{
    if (place.path != NULL)
        return line_add_path(line, place, true);
    if (place.fd < 0)
        return -EBADF;
    line_add_fd(line, place.fd);
    return 0;
}

int line_add_owner(struct gofer_line *line, const struct gofer_owner *owner)
{
    if (owner->uid == GOFER_ID_KEEP || owner->gid == GOFER_ID_KEEP)
        return -EINVAL;
    line->request.header.uid = owner->uid;
    line->request.header.gid = owner->gid;
    line->request.header.umask = owner->umask & 0777;
    return 0;
}

/* -- a reply ------------------------------------------------------------------------------------------------------ */

static const char *reply_fault(const struct gofer_line *line, size_t received, size_t fd_count,
                               const struct expected *expected)
{
    const struct gofer_reply *reply = &line->reply.header;
    const struct gofer_request *request = &line->request.header;
    if (received < sizeof(*reply) || reply->data_size != received - sizeof(*reply) || reply->fd_count > 1)
        return "a reply of the wrong size";
    if (reply->version != GOFER_PROTOCOL_VERSION || reply->op != request->op || reply->sequence != request->sequence)
        return "a reply to something else";
    if (reply->error > 0 || reply->error < -ERRNO_MAX || reply->detail > 0 || reply->detail < -ERRNO_MAX)
        return "a reply with an impossible error";
    if (reply->error == -EPROTO)
        return "a request it did not understand";
    if (reply->error < 0)
        return reply->data_size == 0 && fd_count == 0 && reply->value == 0 ? NULL : "an error with a result";
    if (reply->data_size < expected->data_min || reply->data_size > expected->data_max ||
        fd_count != (expected->fd ? 1u : 0u))
        return "a reply with the wrong parts";
    return NULL;
}

void line_fault(const struct gofer_line *line, const char *what)
{
    sentry_die(line->gofer->sentry, "gofer sent %s (operation %u)", what, (unsigned int)line->request.header.op);
}

static ssize_t receive_reply(struct gofer_line *line, const struct expected *expected, int *ret_fd)
{
    size_t fd_count = 0;
    ssize_t received =
        socket_receive(line->socket, &line->reply, sizeof(line->reply), ret_fd, line->descriptors < 0 ? 1u : 0u, &fd_count);
    if (received <= 0 || line->descriptors < 0)
        return received <= 0 || line->reply.header.fd_count == fd_count ? received : -EPROTO;
    char nothing;
    if (expected->fd && line->reply.header.error == 0 &&
        socket_receive(line->descriptors, &nothing, sizeof(nothing), ret_fd, 1, &fd_count) <= 0)
        return -EPROTO;
    return received;
}

/*
 * One period is the deadline of a gofer that answers nobody. As long as it answers others it is one file that takes its time, perhaps because
 * somebody keeps it busy, and ten periods are granted; so they are to a sync, as all that is dirty on a slow disk takes its time.
 * Time is counted in slices: what we spend frozen is not the gofer's. 0, -ETIMEDOUT or another -errno.
 */
static int await_reply(const struct gofer_line *line, unsigned int *ret_waited_s)
{
    struct gofer *gofer = line->gofer;
    if (gofer->deadline_s == 0)
        return wait_readable(line->socket, -1);
    for (unsigned int period = 1; period <= PERIODS_MOST; period++) {
        const unsigned long answered = gofer->answered;
        for (int64_t left = (int64_t)gofer->deadline_s * 1000; left > 0; left -= SLICE_MS) {
            int status = wait_readable(line->socket, left < SLICE_MS ? (int)left : SLICE_MS);
            if (status != -ETIMEDOUT)
                return status;
        }
        *ret_waited_s = period * gofer->deadline_s;
        if (line->request.header.op != GOFER_OP_SYNC && gofer->answered == answered)
            break;
    }
    return -ETIMEDOUT;
}

/* Sends the request that has been built and takes the reply. Returns 0, or the negative errno the gofer gave; *ret_fd
 * is owned by the caller. */
static int exchange_now(struct gofer_line *line, const struct expected *expected, int *ret_fd)
{
    struct gofer *gofer = line->gofer;
    struct gofer_request *request = &line->request.header;
    request->data_size = (uint32_t)(line->used - request->first_size - request->second_size);
    int status = in_flight_send(line->socket, &line->request, sizeof(*request) + line->used, line->fds, request->fd_count);
    if (status == -EBADF || status == -ETOOMANYREFS)
        return status; /* the descriptor's fault, nothing was sent */
    if (status < 0)
        sentry_die(gofer->sentry, "gofer cannot be reached: %s", strerror(-status));
    unsigned int waited_s = 0;
    if (await_reply(line, &waited_s) == -ETIMEDOUT)
        sentry_die(gofer->sentry, "the gofer did not answer operation %u within %u s: a file system that does not respond?",
                   (unsigned int)request->op, waited_s);

    auto_close int fd = -1;
    ssize_t received = receive_reply(line, expected, &fd);
    if (received == 0)
        sentry_die(gofer->sentry, "gofer is gone");
    if (received < 0)
        sentry_die(gofer->sentry, "gofer gave no reply: %s", strerror((int)-received));
    gofer->answered++;
    const char *fault = reply_fault(line, (size_t)received, fd >= 0 ? 1 : 0, expected);
    if (fault != NULL)
        line_fault(line, fault);
    if (line->reply.header.error == 0 && ret_fd != NULL)
        *ret_fd = take_fd(&fd);
    return line->reply.header.error;
}

int line_exchange(struct gofer_line *line, const struct expected *expected, int *ret_fd)
{
    bool paused = state_pause();
    int status = exchange_now(line, expected, ret_fd);
    state_resume(paused);
    return status;
}

int line_exchange_plain(struct gofer_line *line)
{
    static const struct expected nothing = {0};
    return line_exchange(line, &nothing, NULL);
}

/* -- lines -------------------------------------------------------------------------------------------------------- */

static void line_free(struct gofer_line *line)
{
    cleanup_close(&line->socket);
    cleanup_close(&line->descriptors);
    free(line);
}

/* Asks for one more line, by the first connection. NULL if there can be none. */
static struct gofer_line *line_new(struct gofer *gofer)
{
    auto_close int theirs = -1, their_descriptors = -1;
    int requests[2], descriptors[2];
    struct gofer_line *line = calloc(1, sizeof(*line));
    if (line == NULL || socket_pair(requests) < 0) {
        free(line);
        return NULL;
    }
    *line = (struct gofer_line){.gofer = gofer, .socket = requests[0], .descriptors = -1};
    theirs = requests[1];
    int status = socket_pair(descriptors);
    if (status == 0) {
        line->descriptors = descriptors[0];
        their_descriptors = descriptors[1];
        /* What belongs to a reply has been sent before it: there is nothing to wait for. */
        (void)fcntl(line->descriptors, F_SETFL, O_NONBLOCK);
        (void)line_begin(&gofer->first, GOFER_OP_LINE);
        line_add_fd(&gofer->first, theirs);
        line_add_fd(&gofer->first, their_descriptors);
        status = line_exchange_plain(&gofer->first);
    }
    if (status == 0)
        return line;
    gofer->no_lines = status == -ENOSYS;
    line_free(line);
    return NULL;
}

/* The mutex is held. */
static bool may_have_line(const struct gofer *gofer)
{
    return gofer->free != NULL || !gofer->first_taken;
}

static struct gofer_line *take_free(struct gofer *gofer)
{
    struct gofer_line *line = gofer->free;
    if (line != NULL) {
        gofer->free = line->next;
        gofer->free_count--;
    }
    return line;
}

/* The first connection is taken only for as long as it takes to ask for another, unless there is no other. */
static struct gofer_line *take_first(struct gofer *gofer)
{
    gofer->first_taken = true;
    if (gofer->no_lines)
        return &gofer->first;
    (void)pthread_mutex_unlock(&gofer->mutex);
    struct gofer_line *line = line_new(gofer);
    (void)pthread_mutex_lock(&gofer->mutex);
    if (line == NULL)
        return &gofer->first;
    gofer->first_taken = false;
    (void)pthread_cond_signal(&gofer->freed);
    return line;
}

/* Never NULL: waits for one if there are too many already. */
struct gofer_line *line_take(struct gofer *gofer)
{
    bool paused = state_pause();
    (void)pthread_mutex_lock(&gofer->mutex);
    while (!may_have_line(gofer)) {
        receiver_step_aside();
        (void)pthread_cond_wait(&gofer->freed, &gofer->mutex);
    }
    struct gofer_line *line = take_free(gofer);
    if (line == NULL)
        line = take_first(gofer);
    (void)pthread_mutex_unlock(&gofer->mutex);
    state_resume(paused);
    return line;
}

void line_give_back(struct gofer_line *line)
{
    struct gofer *gofer = line->gofer;
    struct gofer_line *surplus = NULL;
    (void)pthread_mutex_lock(&gofer->mutex);
    if (line == &gofer->first) {
        gofer->first_taken = false;
    } else if (gofer->free_count < LINES_FREE_MAX) {
        line->next = gofer->free;
        gofer->free = line;
        gofer->free_count++;
    } else {
        surplus = line;
    }
    (void)pthread_cond_signal(&gofer->freed);
    (void)pthread_mutex_unlock(&gofer->mutex);
    if (surplus != NULL)
        line_free(surplus); /* its thread ends with it */
}

void gofer_free(struct gofer *gofer)
{
    struct gofer_line *line;
    while ((line = take_free(gofer)) != NULL)
        line_free(line);
    (void)pthread_cond_destroy(&gofer->freed);
    (void)pthread_mutex_destroy(&gofer->mutex);
    free(gofer);
}
