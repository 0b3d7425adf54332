/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/fields.h"
#include "oci-spec/oci.h"

static const struct field id_mapping_fields[] = {
    FIELD(struct oci_id_mapping, "containerID", container_id, KIND_U32, .flags = FIELD_REQUIRED),
    FIELD(struct oci_id_mapping, "hostID", host_id, KIND_U32, .flags = FIELD_REQUIRED),
    FIELD(struct oci_id_mapping, "size", size, KIND_U32, .flags = FIELD_REQUIRED, .min = 1, .max = UINT32_MAX),
};
const struct object id_mapping_object = {OBJECT(struct oci_id_mapping, id_mapping_fields)};

static const struct field mount_fields[] = {
    FIELD(struct oci_mount, "destination", destination, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_ABSOLUTE),
    FIELD(struct oci_mount, "type", type, KIND_STRING, .max = 64),
    FIELD(struct oci_mount, "source", source, KIND_STRING, .max = 4095),
    FIELD(struct oci_mount, "options", options, KIND_STRINGS, .max = MOUNT_DATA_MAX),
    FIELD(struct oci_mount, "uidMappings", uid_mappings, KIND_LIST, .object = &id_mapping_object),
    FIELD(struct oci_mount, "gidMappings", gid_mappings, KIND_LIST, .object = &id_mapping_object),
};
const struct object mount_object = {OBJECT(struct oci_mount, mount_fields)};

static const struct field hook_fields[] = {
    FIELD(struct oci_hook, "path", path, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_ABSOLUTE),
    FIELD(struct oci_hook, "args", args, KIND_STRINGS, .max = ARGUMENT_MAX),
    FIELD(struct oci_hook, "env", env, KIND_STRINGS, .max = ARGUMENT_MAX),
    FIELD(struct oci_hook, "timeout", timeout, KIND_I32, .flags = FIELD_OPTIONAL, .min = 1, .max = INT32_MAX),
};
static const struct object hook_object = {OBJECT(struct oci_hook, hook_fields)};

#define HOOKS(json, member) FIELD(struct oci_hooks, json, member, KIND_LIST, .object = &hook_object)
static const struct field hooks_fields[] = {
    HOOKS("prestart", prestart),
    HOOKS("createRuntime", create_runtime),
    HOOKS("createContainer", create_container),
    HOOKS("startContainer", start_container),
    HOOKS("poststart", poststart),
    HOOKS("poststop", poststop),
};
const struct object hooks_object = {OBJECT(struct oci_hooks, hooks_fields)};
