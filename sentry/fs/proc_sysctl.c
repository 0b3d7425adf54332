/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/proc_sysctl.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "sentry/fs/synthfs.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "limits of the ipc namespace");

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const struct synth_entry *entry;
    char value[SYSCTL_VALUE_MAX];
} written[SYSCTL_WRITTEN_MAX];
static size_t written_count;

bool sysctl_named(const char *name, const char *path)
{
    static const char prefix[] = "sys/";
    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return false;
    path += sizeof(prefix) - 1;
    for (; *name != '\0' && *path != '\0'; name++, path++) {
        bool separators = (*name == '.' || *name == '/') && (*path == '.' || *path == '/');
        if (*name != *path && !separators)
            return false;
    }
    return *name == '\0' && *path == '\0';
}

static const char *configured(const struct sentry *sentry, const char *path)
{
    const struct boot_config *boot = sentry->boot;
    for (size_t i = 0; boot != NULL && i < boot->sysctl_count; i++) {
        if (sysctl_named(boot->sysctls[i].name, path))
            return boot->sysctls[i].value;
    }
    return NULL;
}

/* The mutex is held. */
static char *written_value(const struct synth_entry *entry)
{
    for (size_t i = 0; i < written_count; i++) {
        if (written[i].entry == entry)
            return written[i].value;
    }
    return NULL;
}

static bool append_written(const struct synth_entry *entry, struct text *text)
{
    (void)pthread_mutex_lock(&mutex);
    const char *changed = written_value(entry);
    if (changed != NULL)
        text_printf(text, "%s\n", changed);
    (void)pthread_mutex_unlock(&mutex);
    return changed != NULL;
}

/* The entry is named as it is in the host's procfs. */
static bool append_host(const struct synth_source *source, struct text *text)
{
    auto_text struct text host = {0};
    if (text_read_file(&host, source->sentry->proc_outer, source->entry->path, SYSCTL_VALUE_MAX) < 0 || host.length == 0)
        return false;
    text_append(text, host.data, host.length);
    return true;
}

int sysctl_text(const struct synth_source *source, struct text *text)
{
    const struct sysctl *sysctl = source->entry->argument;
    if (append_written(source->entry, text) || (sysctl->of_namespace && append_host(source, text)))
        return text->error;
    const char *value = configured(source->sentry, source->entry->path);
    text_printf(text, "%s\n", value != NULL ? value : sysctl->value);
    return text->error;
}

static int normalise_numbers(const struct sysctl *sysctl, char *word, char value[SYSCTL_VALUE_MAX])
{
    static const char blanks[] = " \t\n";
    unsigned int count = 0;
    size_t length = 0;
    char *rest = NULL;
    for (word = strtok_r(word, blanks, &rest); word != NULL; word = strtok_r(NULL, blanks, &rest), count++) {
        long long number;
        if (count == sysctl->numbers || !text_number(word, sysctl->low, sysctl->high, &number))
            return -EINVAL;
        int size = snprintf(value + length, SYSCTL_VALUE_MAX - length, count == 0 ? "%lld" : "\t%lld", number);
        if (size < 0 || (size_t)size >= SYSCTL_VALUE_MAX - length)
            return -EINVAL;
        length += (size_t)size;
    }
    return count == sysctl->numbers ? 0 : -EINVAL;
}

int sysctl_normalise(const struct sysctl *sysctl, const char *data, size_t size, char value[SYSCTL_VALUE_MAX])
{
    char copy[SYSCTL_VALUE_MAX];
    if (size >= sizeof(copy) || memchr(data, '\0', size) != NULL)
        return -EINVAL;
    memcpy(copy, data, size);
    copy[size] = '\0';
    if (sysctl->numbers > 0)
        return normalise_numbers(sysctl, copy, value);
    copy[strcspn(copy, "\n")] = '\0';
    memcpy(value, copy, sizeof(copy));
    return 0;
}

int sysctl_store(const struct synth_source *source, const char *data, size_t size)
{
    char value[SYSCTL_VALUE_MAX];
    int result = sysctl_normalise(source->entry->argument, data, size, value);
    if (result < 0)
        return result;
    (void)pthread_mutex_lock(&mutex);
    char *place = written_value(source->entry);
    if (place == NULL && written_count < SYSCTL_WRITTEN_MAX) {
        written[written_count].entry = source->entry;
        place = written[written_count++].value;
    }
    if (place != NULL)
        memcpy(place, value, sizeof(value));
    (void)pthread_mutex_unlock(&mutex);
    return place != NULL ? 0 : -ENOSPC;
}
