/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/routes.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/decode.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(write, "lines of the trace");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "names of commands, for the trace");

enum { TAIL_BYTES = 128, COMM_MAX = 64 };

struct trace {
    int fd;
};

struct trace *trace_new(int fd)
{
    struct trace *trace = calloc(1, sizeof(*trace));
    if (trace != NULL)
        trace->fd = fd;
    return trace;
}

void trace_free(struct trace *trace)
{
    free(trace);
}

/* A guest chooses its command's name: it is shown like any other string of a guest, but without quotes if it is tame. */
static void add_comm(struct text *text, const char *comm, size_t length)
{
    static const char tame[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+:/-";
    if (length > 0 && strspn(comm, tame) == length)
        text_add(text, "%s ", comm);
    else {
        text_quote(text, comm, length, false);
        text_add(text, " ");
    }
}

static void read_comm(const struct call *call, char comm[COMM_MAX])
{
    char path[32];
    (void)snprintf(path, sizeof(path), "%d/comm", call->task->tid);
    auto_close int fd = openat(call->sentry->proc_outer, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, comm, COMM_MAX - 1);
    if (length > 0 && comm[length - 1] == '\n')
        length--;
    comm[length > 0 ? length : 0] = '\0';
}

void trace_begin(struct call *call, struct trace_line *ret_line)
{
    char comm[COMM_MAX];
    read_comm(call, comm);
    struct text text = {.data = ret_line->bytes, .size = sizeof(ret_line->bytes) - TAIL_BYTES};
    text_add(&text, "%d ", call->task->vtid);
    add_comm(&text, comm, strlen(comm));
    text_add(&text, "%s(", call->route->name);
    decode_arguments(&text, call);
    text_add(&text, ")");
    ret_line->used = text.used;
}

static void add_error(struct text *text, int error)
{
    static const char *const restarts[] = {"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND"};
    const char *name = error >= ERESTARTSYS && error <= ERESTARTNOHAND ? restarts[error - ERESTARTSYS]
                                                                       : strerrorname_np(error);
    if (name != NULL)
        text_add(text, "-%s", name);
    else
        text_add(text, "-%d", error);
}

static void add_result(struct text *text, const struct call *call, int64_t result)
{
    if (result == CALL_CONTINUE)
        text_add(text, "continue");
    else if (result == CALL_PENDING)
        text_add(text, "waits");
    else if (result == CALL_ANSWERED && call->installed < 0)
        text_add(text, "answered");
    else if (result == CALL_ANSWERED)
        text_add(text, "%" PRId64, call->installed);
    else if (result < 0 && result >= -4095)
        add_error(text, (int)-result);
    else
        text_add(text, "%" PRId64, result);
}

void trace_call(struct trace *trace, struct trace_line *line, const struct call *call, int64_t result, uint64_t nanoseconds)
{
    /* A line too long loses arguments, never its end. */
    struct text text = {.data = line->bytes, .size = sizeof(line->bytes), .used = line->used};
    const struct route *route = call->route;
    uint64_t words[GUARD_WORDS] = {[GUARD_CALLER] = call->ip};
    memcpy(words, call->args, sizeof(call->args));
    enum route_kind kind = guard_holds(route->guard, words) ? route->kind : route->otherwise;
    text_add(&text, " = ");
    add_result(&text, call, result);
    text_add(&text, " %s %" PRIu64 "us\n", route_kind_name(kind), (nanoseconds + 500) / 1000);
    /* A reader that went away costs lines, nothing else; one that is slow holds up this caller. */
    bool paused = state_pause();
    ssize_t written = write(trace->fd, text.data, text.used);
    (void)written;
    state_resume(paused);
}
