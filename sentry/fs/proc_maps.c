/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps and its like: what a program's memory would be without the gate (sentry/gate). The window and trampolines are left out,
 * pages of twins are shown as the file's own pages that they lie over.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/fs/procfs.h"
#include "sentry/gate/twin.h"
#include "sentry/gate/window.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"

enum { NAME_COLUMN = 73, PERMISSIONS = 4 };

/* One line of maps, or the head of a block of smaps. */
struct mapping {
    uint64_t start, end, offset, inode;
    char permissions[PERMISSIONS + 1];
    unsigned int major, minor;
    const char *name; /* in the text; "" */
};

static bool parse(const char *line, struct mapping *ret_mapping)
{
    struct mapping mapping;
    int at = -1;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &mapping.start, &mapping.end,
               mapping.permissions, &mapping.offset, &mapping.major, &mapping.minor, &mapping.inode, &at) != 7 || at < 0)
        return false;
    mapping.name = line + at + strspn(line + at, " ");
    *ret_mapping = mapping;
    return true;
}

static void put(struct text *text, const struct mapping *mapping)
{
    char line[160];
    int length = snprintf(line, sizeof(line), "%08" PRIx64 "-%08" PRIx64 " %s %08" PRIx64 " %02x:%02x %" PRIu64 " ", mapping->start,
                          mapping->end, mapping->permissions, mapping->offset, mapping->major, mapping->minor, mapping->inode);
    text_string(text, line);
    if (mapping->name[0] != '\0')
        text_printf(text, "%*s%s", length < NAME_COLUMN ? NAME_COLUMN - length : 0, "", mapping->name);
    text_string(text, "\n");
}

static enum twin_page kind_of(const struct twins *twins, const struct mapping *mapping)
{
    return mapping->major == 0 && mapping->inode == window_inode(twins_window(twins)) ? twins_page(twins, mapping->offset)
                                                                                     : TWIN_NONE;
}

/* As the file's own pages: they follow those before them. */
static void disguise(struct mapping *mapping, const struct mapping *before)
{
    memcpy(mapping->permissions, "r-xp", PERMISSIONS + 1);
    if (before->end != mapping->start || before->name[0] != '/')
        return;
    mapping->offset = before->offset + (before->end - before->start);
    mapping->inode = before->inode;
    mapping->major = before->major;
    mapping->minor = before->minor;
    mapping->name = before->name;
}

static bool continues(const struct mapping *before, const struct mapping *mapping)
{
    return before->end == mapping->start && before->inode == mapping->inode && before->inode != 0 &&
           before->offset + (before->end - before->start) == mapping->offset && before->major == mapping->major &&
           before->minor == mapping->minor && strcmp(before->permissions, "r-xp") == 0 && strcmp(mapping->permissions, "r-xp") == 0;
}

void proc_maps_substitute(char *host, const struct twins *twins, struct text *text)
{
    struct mapping held = {.name = ""}, mapping;
    bool holds = false;
    for (char *line; (line = text_line(&host)) != NULL;) {
        if (!parse(line, &mapping))
            continue;
        enum twin_page kind = kind_of(twins, &mapping);
        if (kind == TWIN_HIDDEN)
            continue;
        if (kind == TWIN_CODE)
            disguise(&mapping, &held);
        if (holds && continues(&held, &mapping)) {
            held.end = mapping.end;
            continue;
        }
        if (holds)
            put(text, &held);
        held = mapping;
        holds = true;
    }
    if (holds)
        put(text, &held);
}

void proc_smaps_substitute(char *host, const struct twins *twins, struct text *text)
{
    struct mapping before = {.name = ""}, mapping;
    bool hidden = false;
    for (char *line; (line = text_line(&host)) != NULL;) {
        if (!parse(line, &mapping)) {
            if (!hidden)
                text_printf(text, "%s\n", line);
            continue;
        }
        enum twin_page kind = kind_of(twins, &mapping);
        hidden = kind == TWIN_HIDDEN;
        if (hidden)
            continue;
        if (kind == TWIN_CODE)
            disguise(&mapping, &before);
        put(text, &mapping);
        before = mapping;
    }
}

/* It names files alone: of ours, whatever they are, nothing is said. */
static void numa_maps_substitute(char *host, const struct twins *twins, struct text *text)
{
    (void)twins;
    for (char *line; (line = text_line(&host)) != NULL;)
        if (strstr(line, " file=/memfd:postern\\040") == NULL)
            text_printf(text, "%s\n", line);
}

/* The descriptor holds the memory as it is now, whoever executes what meanwhile; reading may have to wait for the process. */
static int substituted(const struct synth_source *source, void (*substitute)(char *, const struct twins *, struct text *),
                       struct text *text)
{
    auto_text struct text host = {0};
    auto_close int fd = proc_subject_open(source, source->entry->path, O_RDONLY);
    if (fd < 0)
        return fd;
    bool paused = state_pause();
    text_read_fd(&host, fd, TEXT_MAX);
    state_resume(paused);
    if (host.error != 0 || host.data == NULL)
        return host.error;
    substitute(host.data, source->sentry->twins, text);
    return text->error;
}

int proc_maps_text(const struct synth_source *source, struct text *text)
{
    return substituted(source, proc_maps_substitute, text);
}

int proc_smaps_text(const struct synth_source *source, struct text *text)
{
    return substituted(source, proc_smaps_substitute, text);
}

int proc_numa_maps_text(const struct synth_source *source, struct text *text)
{
    return substituted(source, numa_maps_substitute, text);
}
