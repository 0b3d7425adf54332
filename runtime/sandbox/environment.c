/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/sandbox/home.h"

struct entry {
    char *text;
    size_t name_length, place;
};

static int compare_names(const struct entry *a, const struct entry *b)
{
    size_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order : (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    int order = compare_names(one, other);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

int environment_merge(struct oci_config *config, struct error *error)
{
    struct oci_strings *env = &config->process.env;
    if (env->count < 2)
        return 0;
    auto_free struct entry *entries = calloc(env->count, sizeof(*entries));
    if (entries == NULL)
        return error_set(error, ENOMEM, "cannot prepare the environment");
    for (size_t i = 0; i < env->count; i++)
        entries[i] = (struct entry){.text = env->items[i], .name_length = strcspn(env->items[i], "="), .place = i};
    qsort(entries, env->count, sizeof(*entries), compare_entries);

    /* Of each run of equal names, sorted by place: the first one's place gets the last one's text. */
    for (size_t first = 0, next = 0; first < env->count; first = next) {
        for (next = first; next < env->count && compare_names(&entries[first], &entries[next]) == 0; next++)
            env->items[entries[next].place] = NULL;
        env->items[entries[first].place] = entries[next - 1].text;
    }
    size_t kept = 0;
    for (size_t i = 0; i < env->count; i++)
        if (env->items[i] != NULL)
            env->items[kept++] = env->items[i];
    env->items[kept] = NULL;
    env->count = kept;
    return 0;
}

int environment_complete(struct oci_config *config, const char *rootfs, struct error *error)
{
    int result = environment_merge(config, error);
    return result < 0 ? result : home_add(config, rootfs, error);
}
