/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values behind /proc/sys. A value is, first of these: what the guest's root has written, what the host says of a namespace that
 * is the guest's too, what config.json set (boot->sysctls), the table's default. Any thread.
 */
#ifndef SENTRY_FS_PROC_SYSCTL_H
#define SENTRY_FS_PROC_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>

struct synth_source;
struct text;

enum { SYSCTL_VALUE_MAX = 128, SYSCTL_WRITTEN_MAX = 64 };

struct sysctl {
    const char *value;    /* the default, without newline */
    unsigned int numbers; /* writing: so many whole numbers; 0: one word */
    long long low, high;  /* bounds of each */
    bool of_namespace;    /* of the ipc namespace, which we are in */
};

/* Generator and writer of entries whose argument is a struct sysctl. */
int sysctl_text(const struct synth_source *source, struct text *text);
int sysctl_store(const struct synth_source *source, const char *data, size_t size);

/* "net.ipv4.ip_forward" (or with slashes) names the entry "sys/net/ipv4/ip_forward". */
bool sysctl_named(const char *name, const char *path);

/* Checks and tidies a written value: numbers separated by tabs. 0 or -EINVAL. */
int sysctl_normalise(const struct sysctl *sysctl, const char *data, size_t size, char value[SYSCTL_VALUE_MAX]);

#endif
