/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of fields: fields_process.c and fields_mounts.c for the top level, fields_linux.c and fields_resources.c
 * for what is beneath "linux". */
#ifndef OCI_SPEC_FIELDS_H
#define OCI_SPEC_FIELDS_H

#include "oci-spec/schema.h"

/* One line of a table: where the field `name` of JSON goes in `type`. Further members of struct field may follow. */
#define FIELD(type, json, member, what, ...)                                                                           \
    {                                                                                                                  \
        .name = (json), .kind = (what), .offset = offsetof(type, member), __VA_ARGS__                                  \
    }

extern const struct object config_object, process_object, mount_object, hooks_object, id_mapping_object, linux_object,
    resources_object, seccomp_object;

#endif
