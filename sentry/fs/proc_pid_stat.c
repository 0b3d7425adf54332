/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/stat: the host's text, without the addresses where the reader may not look into the process; io and personality: not at all then. The host
 * cannot judge that: all processes of the container are one id to it. Judged at each reading, as by the kernel: who opened it may have
 * become somebody else, and so may the process.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

/* proc_pid_stat(5): numbers of fields, and what stands there for others. */
enum { FIELD_STATE = 3, FIELD_START_TIME = 22, NS_PER_TICK = 10000000 };
static const struct {
    unsigned int first, last;
    const char *shown;
} private_fields[] = {
    {26, 27, "1"}, /* startcode, endcode */
    {28, 30, "0"}, /* startstack, kstkesp, kstkeip */
    {35, 35, "0"}, /* wchan */
    {45, 52, "0"}, /* start_data to env_end; exit_code */
};

static const char *shown_to_others(unsigned int field, const char *value)
{
    for (size_t i = 0; i < sizeof(private_fields) / sizeof(private_fields[0]); i++)
        if (field >= private_fields[i].first && field <= private_fields[i].last)
            return strcmp(value, "0") == 0 ? value : private_fields[i].shown; /* a kernel thread or a zombie has none */
    return value;
}

/* The kernel counts from the boot that its reader knows of, which is us and not in the guest's time namespace. */
static void put_start_time(const char *value, int64_t boottime_offset_ns, struct text *text)
{
    const int64_t ticks = strtoll(value, NULL, 10) + boottime_offset_ns / NS_PER_TICK;
    text_printf(text, "%" PRId64, ticks > 0 ? ticks : 0);
}

void proc_pid_stat_substitute(char *host, const struct stat_view *view, struct text *text)
{
    char *rest = strrchr(host, ')'); /* the name may have anything in it */
    if (rest == NULL)
        return;
    rest++;
    text_append(text, host, (size_t)(rest - host));
    unsigned int field = FIELD_STATE;
    for (char *save, *value = strtok_r(rest, " \n", &save); value != NULL; value = strtok_r(NULL, " \n", &save), field++) {
        text_string(text, " ");
        if (field == FIELD_START_TIME)
            put_start_time(value, view->boottime_offset_ns, text);
        else if (field == FIELD_STATE && view->reads_itself)
            text_string(text, "R");
        else
            text_string(text, view->shows_addresses ? value : shown_to_others(field, value));
    }
    text_string(text, "\n");
}

static enum process_look look(const struct synth_source *source)
{
    const pid_t subject = source->subject.vtid != 0 ? source->subject.vtid : source->subject.vpid;
    return process_may_look(source->sentry->processes, source->reader, subject);
}

int proc_pid_stat_text(const struct synth_source *source, struct text *text)
{
    auto_text struct text host = {0};
    int result = proc_subject_read(source, "stat", &host);
    if (result < 0)
        return result == -ENOENT ? -ESRCH : result;
    const enum process_look granted = look(source);
    const struct stat_view view = {
        .shows_addresses = granted != PROCESS_LOOK_REFUSED,
        .reads_itself = granted == PROCESS_LOOK_ITSELF,
        .boottime_offset_ns = source->sentry->boot->boottime_offset_ns,
    };
    proc_pid_stat_substitute(host.data, &view, text);
    return 0;
}

/* All of a file, or an error: what was fetched before it was judged is not given away. */
static int text_for_who_may_look(const struct synth_source *source, const char *name, int refusal, struct text *text)
{
    auto_text struct text host = {0};
    int result = proc_subject_read(source, name, &host);
    if (result < 0)
        return result == -ENOENT ? -ESRCH : result;
    if (look(source) == PROCESS_LOOK_REFUSED)
        return refusal;
    text_append(text, host.data, host.length);
    return 0;
}

int proc_io_text(const struct synth_source *source, struct text *text)
{
    return text_for_who_may_look(source, "io", -EACCES, text);
}

int proc_personality_text(const struct synth_source *source, struct text *text)
{
    return text_for_who_may_look(source, "personality", -EPERM, text);
}

bool proc_may_look(const struct synth_source *source)
{
    return look(source) != PROCESS_LOOK_REFUSED;
}
