/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/status of the outer procfs (proc_pid_status(5)). The name in it is the guest's to choose, but the
 * kernel writes newline and backslash escaped, so that a name cannot forge a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "sentry/kernel/status.h"
#include "sentry/sentry.h"

enum { STATUS_SIZE = 8192 };

static void unescape_comm(char *to, size_t size, const char *from)
{
    size_t length = 0;
    while (*from != '\0' && length + 1 < size) {
        char c = *from++;
        if (c == '\\' && *from != '\0') {
            c = *from == 'n' ? '\n' : *from;
            from++;
        }
        to[length++] = c;
    }
    to[length] = '\0';
}

/* The last number of a line like "\t7\t1", and how many there are. */
static pid_t last_number(const char *value, unsigned int *ret_count)
{
    long number = 0;
    unsigned int count = 0;
    for (;;) {
        char *end;
        long next = strtol(value, &end, 10);
        if (end == value)
            break;
        if (next < 0 || next > INT_MAX)
            return 0;
        number = next;
        count++;
        value = end;
    }
    *ret_count = count;
    return (pid_t)number;
}

enum field {
    FIELD_NAME = 1,
    FIELD_STATE = 2,
    FIELD_TGID = 4,
    FIELD_NSPID = 8,
    FIELD_SIGNALS = 16,
    FIELDS_NEEDED = 31,
};

static void parse_name(struct host_status *status, const char *value)
{
    unescape_comm(status->comm, sizeof(status->comm), value);
}

static void parse_state(struct host_status *status, const char *value)
{
    status->state = value[0];
}

static void parse_tgid(struct host_status *status, const char *value)
{
    unsigned int count;
    status->tgid = last_number(value, &count);
}

static void parse_ppid(struct host_status *status, const char *value)
{
    unsigned int count;
    status->ppid = last_number(value, &count);
}

static void parse_tracer(struct host_status *status, const char *value)
{
    unsigned int count;
    status->tracer = last_number(value, &count);
}

static void parse_nspid(struct host_status *status, const char *value)
{
    status->vpid = last_number(value, &status->pid_levels);
}

static void parse_nstgid(struct host_status *status, const char *value)
{
    unsigned int count;
    status->vtgid = last_number(value, &count);
}

static void parse_nspgid(struct host_status *status, const char *value)
{
    unsigned int count;
    status->vpgid = last_number(value, &count);
}

static void parse_nssid(struct host_status *status, const char *value)
{
    unsigned int count;
    status->vsid = last_number(value, &count);
}

static void parse_threads(struct host_status *status, const char *value)
{
    status->threads = (unsigned int)strtoul(value, NULL, 10);
}

#define HEX_PARSER(field)                                                        \
    static void parse_##field(struct host_status *status, const char *value)     \
    {                                                                            \
        status->field = strtoull(value, NULL, 16);                               \
    }
HEX_PARSER(signals_pending)
HEX_PARSER(shared_pending)
HEX_PARSER(blocked)
HEX_PARSER(ignored)
HEX_PARSER(caught)

static const struct {
    const char *name;
    void (*parse)(struct host_status *status, const char *value);
    unsigned int field;
} lines[] = {
    {"Name", parse_name, FIELD_NAME},
    {"State", parse_state, FIELD_STATE},
    {"Tgid", parse_tgid, FIELD_TGID},
    {"PPid", parse_ppid, 0},
    {"TracerPid", parse_tracer, 0},
    {"NStgid", parse_nstgid, 0},
    {"NSpid", parse_nspid, FIELD_NSPID},
    {"NSpgid", parse_nspgid, 0},
    {"NSsid", parse_nssid, 0},
    {"Threads", parse_threads, 0},
    {"SigPnd", parse_signals_pending, 0},
    {"ShdPnd", parse_shared_pending, 0},
    {"SigBlk", parse_blocked, 0},
    {"SigIgn", parse_ignored, 0},
    {"SigCgt", parse_caught, FIELD_SIGNALS},
};

int host_status_parse(char *text, struct host_status *ret_status)
{
    struct host_status status = {0};
    unsigned int found = 0;
    char *next = text, *line;
    size_t expected = 0; /* the lines come in the order of the table */
    while ((line = strsep(&next, "\n")) != NULL && found != FIELDS_NEEDED) {
        char *value = strchr(line, ':');
        if (value == NULL)
            continue;
        *value++ = '\0';
        value += *value == '\t';
        for (size_t i = expected; i < sizeof(lines) / sizeof(lines[0]); i++) {
            if (strcmp(line, lines[i].name) != 0)
                continue;
            lines[i].parse(&status, value);
            found |= lines[i].field;
            expected = i + 1;
            break;
        }
    }
    if (found != FIELDS_NEEDED || status.tgid <= 0 || status.vpid <= 0)
        return -EPROTO;
    *ret_status = status;
    return 0;
}

static int read_status(const struct sentry *sentry, pid_t tid, char text[STATUS_SIZE])
{
    char path[32];
    (void)snprintf(path, sizeof(path), "%d/status", tid);
    auto_close int fd = openat(sentry->proc_outer, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    ssize_t length = read(fd, text, STATUS_SIZE - 1);
    if (length < 0)
        return -errno;
    text[length] = '\0';
    return 0;
}

int host_status_read(const struct sentry *sentry, pid_t tid, struct host_status *ret_status)
{
    char text[STATUS_SIZE];
    int result = read_status(sentry, tid, text);
    return result < 0 ? result : host_status_parse(text, ret_status);
}

unsigned int status_filters(const char *text)
{
    static const char label[] = "\nSeccomp_filters:\t";
    const char *line = strstr(text, label);
    return line != NULL ? (unsigned int)strtoul(line + sizeof(label) - 1, NULL, 10) : 0;
}

int thread_filters(const struct sentry *sentry, pid_t tid, unsigned int *ret_count)
{
    char text[STATUS_SIZE];
    int result = read_status(sentry, tid, text);
    if (result == 0)
        *ret_count = status_filters(text);
    return result;
}

int thread_personality(const struct sentry *sentry, pid_t tid, unsigned int *ret_personality)
{
    char path[32], text[16];
    (void)snprintf(path, sizeof(path), "%d/personality", tid);
    auto_close int fd = openat(sentry->proc_outer, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return length < 0 ? -errno : -ESRCH;
    text[length] = '\0';
    *ret_personality = (unsigned int)strtoul(text, NULL, 16);
    return 0;
}

static uint64_t signal_bit(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

static bool is_deliverable(const struct host_status *status, uint64_t pending)
{
    uint64_t harmless = signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH) | signal_bit(SIGCONT);
    return (pending & ~status->blocked & ~status->ignored & ~(harmless & ~status->caught)) != 0;
}

bool status_signal_deliverable(const struct host_status *status)
{
    return is_deliverable(status, status->signals_pending | status->shared_pending);
}

bool status_signal_for_any(const struct host_status *status)
{
    return status->threads > 1 && !is_deliverable(status, status->signals_pending) && is_deliverable(status, status->shared_pending);
}
