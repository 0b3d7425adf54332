/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a configuration, and added to it, once it is there. */
#include "oci-spec/arena.h"
#include "oci-spec/oci.h"

#include <errno.h>
#include <string.h>

int oci_env_add(struct oci_config *config, char *const *items, size_t count)
{
    struct oci_strings *env = &config->process.env;
    char **all = arena_array(config->arena, env->count + count + 1, sizeof(*all));
    if (all == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < env->count + count; i++)
        all[i] = i < env->count ? env->items[i] : items[i - env->count];
    *env = (struct oci_strings){.items = all, .count = env->count + count};
    return 0;
}

const struct oci_namespace *oci_find_namespace(const struct oci_config *config, enum oci_namespace_type type)
{
    const struct oci_namespaces *namespaces = &config->linux_config.namespaces;
    for (size_t i = 0; i < namespaces->count; i++)
        if (namespaces->items[i].type == (int)type)
            return &namespaces->items[i];
    return NULL;
}

const char *oci_annotation(const struct oci_config *config, const char *key)
{
    /* From the end: of two equal names the last one counts. */
    for (size_t i = config->annotations.count; i > 0; i--)
        if (strcmp(config->annotations.items[i - 1].key, key) == 0)
            return config->annotations.items[i - 1].value;
    return NULL;
}
