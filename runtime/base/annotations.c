/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/annotations.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "oci-spec/oci.h"
#include "postern/error.h"

/* All there are; what each means is said where it is read. */
static const char *const known[] = {
    LAYER_ANNOTATION, BINDS_ANNOTATION, GATE_ANNOTATION, RELEASE_ANNOTATION, ANNOTATION_PREFIX "gofer-timeout", ANNOTATION_PREFIX "rootfs",
};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], key) == 0)
            return true;
    return false;
}

int annotations_check(const struct oci_pairs *annotations, struct error *error)
{
    for (size_t i = 0; i < annotations->count; i++) {
        const char *key = annotations->items[i].key;
        if (strncmp(key, ANNOTATION_PREFIX, sizeof(ANNOTATION_PREFIX) - 1) == 0 && !is_known(key))
            return error_refuse(error, "annotations[\"%.80s\"]: there is no such annotation of Postern's", key);
    }
    return 0;
}
