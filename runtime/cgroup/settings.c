/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"

void cgroup_settings_free(struct cgroup_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        free(settings->items[i].text);
    free(settings->items);
    *settings = (struct cgroup_settings){0};
}

int cgroup_setting_add(struct cgroup_settings *settings, const char *field, const char *file, unsigned flags,
                       const char *format, ...)
{
    if (settings->count == settings->room) {
        size_t room = settings->room * 2 + 16;
        struct cgroup_setting *items = reallocarray(settings->items, room, sizeof(*items));
        if (items == NULL)
            return -ENOMEM;
        settings->items = items;
        settings->room = room;
    }
    struct cgroup_setting *setting = &settings->items[settings->count];
    *setting = (struct cgroup_setting){.flags = flags};
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&setting->text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return -ENOMEM;
    settings->count++;
    (void)snprintf(setting->field, sizeof(setting->field), "%s", field);
    if (strlen(file) >= sizeof(setting->file))
        return -ENAMETOOLONG;
    (void)snprintf(setting->file, sizeof(setting->file), "%s", file);
    return 0;
}

/* -- writing them ----------------------------------------------------------------------------------------------- */

/* One of the two sides of a '|'. False if there is no such side. */
static bool side_of(const char *text, bool second, char *ret_side, size_t size)
{
    const char *bar = strchr(text, '|');
    if (second && bar == NULL)
        return false;
    const char *from = second ? bar + 1 : text;
    int length = second || bar == NULL ? (int)strlen(from) : (int)(bar - from);
    return (size_t)snprintf(ret_side, size, "%.*s", length, from) < size;
}

static int no_controller(const struct cgroup_setting *setting, const char *controller, struct error *error)
{
    return error_set(error, ENODEV, "linux.resources.%s: this host has no cgroup controller \"%s\" for it",
                     setting->field, controller);
}

static bool is_enabled(const struct cgroup *cgroup, const struct cgroup_place *place, const char *controller)
{
    auto_free char *text = NULL;
    size_t length = strlen(controller);
    if (!cgroup->unified)
        return true;
    if (cgroup_read(cgroup, place, "cgroup.controllers", &text) < 0)
        return false;
    for (const char *at = text; *at != '\0'; at += strspn(at, " \n")) {
        size_t word = strcspn(at, " \n");
        if (word == length && memcmp(at, controller, length) == 0)
            return true;
        at += word;
    }
    return false;
}

static int keep_first(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, char *text,
                      size_t size)
{
    auto_free char *now = NULL;
    char both[256];
    int result = cgroup_read(cgroup, place, file, &now);
    if (result < 0)
        return result;
    if (snprintf(both, sizeof(both), "%.*s %s", (int)strcspn(now, " \n"), now, text) >= (int)sizeof(both))
        return -EINVAL;
    (void)snprintf(text, size, "%s", both);
    return 0;
}

static int verify(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, const char *text,
                  const struct cgroup_setting *setting, struct error *error)
{
    uint64_t wanted = strtoull(text, NULL, 10), taken;
    if (cgroup_read_number(cgroup, place, file, &taken) < 0 || taken == wanted)
        return 0;
    return error_refuse(error, "linux.resources.%s: %s is out of range, the %s allowed is %llu", setting->field, text,
                        taken < wanted ? "maximum" : "minimum", (unsigned long long)taken);
}

static int write_one(const struct cgroup *cgroup, const struct cgroup_setting *setting, struct error *error)
{
    char file[sizeof(setting->file)] = "", controller[32], text[4096 + 64];
    int result = -ENOENT;
    (void)snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(setting->file, "."), setting->file);
    const struct cgroup_place *place = cgroup_find(cgroup, controller);
    if (place == NULL)
        return setting->flags & (SETTING_NO_LIMIT | SETTING_OPTIONAL) ? 0 : no_controller(setting, controller, error);

    for (int second = 0; second < 2 && result == -ENOENT; second++) {
        char next[sizeof(file)];
        bool split = strchr(setting->file, '|') != NULL;
        if (!side_of(setting->file, second != 0, next, sizeof(next)))
            break;
        memcpy(file, next, sizeof(file));
        if (split ? !side_of(setting->text, second != 0, text, sizeof(text))
                  : (size_t)snprintf(text, sizeof(text), "%s", setting->text) >= sizeof(text))
            return error_refuse(error, "linux.resources.%s: too long", setting->field);
        result = setting->flags & SETTING_KEEP_FIRST ? keep_first(cgroup, place, file, text, sizeof(text)) : 0;
        if (result == 0)
            result = cgroup_write(cgroup, place, file, text);
    }
    if (result == -ENOENT && setting->flags & (SETTING_NO_LIMIT | SETTING_OPTIONAL))
        return 0;
    if (result == -ENOENT && !is_enabled(cgroup, place, controller))
        return no_controller(setting, controller, error);
    if (result < 0)
        return error_set(error, result, "linux.resources.%s: cannot write \"%.80s\" to %s of %.400s", setting->field,
                         text, file, cgroup->path);
    return setting->flags & SETTING_VERIFY ? verify(cgroup, place, file, text, setting, error) : 0;
}

/* Realtime of a group that has just been removed is given back a moment later, which the next one may be too early for. */
static int write_patiently(const struct cgroup *cgroup, const struct cgroup_setting *setting, struct error *error)
{
    enum { STEP_MS = 10, STEPS = 30 };
    static const char realtime[] = "cpu.rt_";
    int result = -EINVAL;
    for (int i = 0; result == -EINVAL && i <= STEPS; i++) {
        const bool last = i == STEPS || strncmp(setting->file, realtime, sizeof(realtime) - 1) != 0;
        struct error failure = {0};
        result = write_one(cgroup, setting, &failure);
        if (result < 0 && (last || result != -EINVAL)) {
            *error = failure;
            return result;
        }
        if (result < 0)
            (void)poll(NULL, 0, STEP_MS);
    }
    return result;
}

/*
 * Some files refuse what contradicts another one: a memory limit above the one of memory and swap together, a quota
 * longer than its period. Which of the two has to come first depends on what they are now; that is found out by trying.
 */
int cgroup_settings_apply(const struct cgroup *cgroup, const struct cgroup_settings *settings, struct error *error)
{
    auto_free bool *again = calloc(settings->count + 1, sizeof(*again));
    if (again == NULL)
        return error_set(error, ENOMEM, "linux.resources");
    for (size_t i = 0; i < settings->count; i++) {
        struct error failure = {0};
        int result = write_one(cgroup, &settings->items[i], &failure);
        again[i] = result == -EINVAL || result == -EBUSY;
        if (result < 0 && !again[i]) {
            if (error != NULL && error->code == 0)
                *error = failure;
            return result;
        }
    }
    for (size_t i = 0; i < settings->count; i++) {
        int result = again[i] ? write_patiently(cgroup, &settings->items[i], error) : 0;
        if (result < 0)
            return result;
    }
    return 0;
}
