/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/fields.h"
#include "oci-spec/oci.h"

#include <string.h>

/* -- process ---------------------------------------------------------------------------------------------------- */

static const struct field box_fields[] = {
    FIELD(struct oci_box, "height", height, KIND_U32, .flags = FIELD_REQUIRED, .max = UINT16_MAX),
    FIELD(struct oci_box, "width", width, KIND_U32, .flags = FIELD_REQUIRED, .max = UINT16_MAX),
};
static const struct object box_object = {OBJECT(struct oci_box, box_fields)};

/* UINT32_MAX is no id: it means "leave it" to setresuid(2). */
static const struct field user_fields[] = {
    FIELD(struct oci_user, "uid", uid, KIND_U32, .max = UINT32_MAX - 1),
    FIELD(struct oci_user, "gid", gid, KIND_U32, .max = UINT32_MAX - 1),
    FIELD(struct oci_user, "umask", umask, KIND_U32, .flags = FIELD_OPTIONAL, .max = 0777),
    FIELD(struct oci_user, "additionalGids", additional_gids, KIND_NUMBERS, .max = UINT32_MAX - 1),
    FIELD(struct oci_user, "username", username, KIND_STRING),
};
static const struct object user_object = {OBJECT(struct oci_user, user_fields)};

/* A set of capabilities. Names this build does not know are left out with a warning, as runc does: a newer engine may
 * ask for a newer kernel's capability, and to have less of them is safe. */
static int convert_capabilities(const struct conversion *conversion, const struct where *where,
                                const struct json_value *value, void *target)
{
    static const struct field any_text = {.kind = KIND_STRING};
    uint64_t set = 0;
    size_t i = 0;
    int result = schema_expect(conversion, where, value, JSON_ARRAY);
    if (result < 0)
        return result;

    for (const struct json_value *member = value->first; member != NULL; member = member->next, i++) {
        struct where here = {.up = where, .index = i};
        char *name, buffer[SHOWN_MAX];
        int64_t bit;
        result = schema_string(conversion, &here, member, &any_text, &name);
        if (result < 0)
            return result;
        if (name_lookup(&capability_names, name, &bit) == 0)
            set |= UINT64_C(1) << bit;
        else
            schema_warn(conversion, &here, "unknown capability \"%s\" ignored", shown(buffer, name));
    }
    memcpy(target, &set, sizeof(set));
    return 0;
}

#define CAPABILITIES(name) FIELD(struct oci_capabilities, #name, name, KIND_CUSTOM, .convert = convert_capabilities)
static const struct field capabilities_fields[] = {
    CAPABILITIES(bounding),  CAPABILITIES(effective), CAPABILITIES(inheritable),
    CAPABILITIES(permitted), CAPABILITIES(ambient),
};
static const struct object capabilities_object = {OBJECT(struct oci_capabilities, capabilities_fields)};

static int convert_all_capabilities(const struct conversion *conversion, const struct where *where,
                                    const struct json_value *value, void *target)
{
    ((struct oci_capabilities *)target)->given = true;
    return schema_object(conversion, where, value, &capabilities_object, target);
}

static const struct field rlimit_fields[] = {
    FIELD(struct oci_rlimit, "type", resource, KIND_NAME, .flags = FIELD_REQUIRED, .names = &rlimit_names),
    FIELD(struct oci_rlimit, "soft", soft, KIND_U64, .flags = FIELD_REQUIRED),
    FIELD(struct oci_rlimit, "hard", hard, KIND_U64, .flags = FIELD_REQUIRED),
};
static const struct object rlimit_object = {OBJECT(struct oci_rlimit, rlimit_fields)};

static const struct field io_priority_fields[] = {
    FIELD(struct oci_io_priority, "class", class, KIND_NAME, .flags = FIELD_REQUIRED, .names = &io_priority_names),
    FIELD(struct oci_io_priority, "priority", priority, KIND_I32, .min = 0, .max = 7),
};
static const struct object io_priority_object = {OBJECT(struct oci_io_priority, io_priority_fields)};

static const struct field scheduler_fields[] = {
    FIELD(struct oci_scheduler, "policy", policy, KIND_NAME, .flags = FIELD_REQUIRED, .names = &scheduler_policy_names),
    FIELD(struct oci_scheduler, "nice", nice, KIND_I32, .min = -20, .max = 19),
    FIELD(struct oci_scheduler, "priority", priority, KIND_I32, .min = 0, .max = 99),
    FIELD(struct oci_scheduler, "flags", flags, KIND_FLAGS, .names = &scheduler_flag_names),
    FIELD(struct oci_scheduler, "runtime", runtime, KIND_U64),
    FIELD(struct oci_scheduler, "deadline", deadline, KIND_U64),
    FIELD(struct oci_scheduler, "period", period, KIND_U64),
};
static const struct object scheduler_object = {OBJECT(struct oci_scheduler, scheduler_fields)};

static const struct field affinity_fields[] = {
    FIELD(struct oci_cpu_affinity, "initial", initial, KIND_STRING, .max = 4096),
    FIELD(struct oci_cpu_affinity, "final", final, KIND_STRING, .max = 4096),
};
static const struct object affinity_object = {OBJECT(struct oci_cpu_affinity, affinity_fields)};

static const struct field process_fields[] = {
    FIELD(struct oci_process, "terminal", terminal, KIND_BOOL),
    FIELD(struct oci_process, "consoleSize", console_size, KIND_OBJECT, .object = &box_object),
    FIELD(struct oci_process, "user", user, KIND_INLINE, .object = &user_object),
    FIELD(struct oci_process, "args", args, KIND_STRINGS, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
          .max = ARGUMENT_MAX),
    FIELD(struct oci_process, "env", env, KIND_STRINGS, .max = ARGUMENT_MAX),
    FIELD(struct oci_process, "cwd", cwd, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_ABSOLUTE),
    FIELD(struct oci_process, "capabilities", capabilities, KIND_CUSTOM, .convert = convert_all_capabilities),
    FIELD(struct oci_process, "rlimits", rlimits, KIND_LIST, .object = &rlimit_object),
    FIELD(struct oci_process, "noNewPrivileges", no_new_privileges, KIND_BOOL),
    FIELD(struct oci_process, "oomScoreAdj", oom_score_adj, KIND_I32, .flags = FIELD_OPTIONAL, .min = -1000,
          .max = 1000),
    FIELD(struct oci_process, "ioPriority", io_priority, KIND_OBJECT, .object = &io_priority_object),
    FIELD(struct oci_process, "scheduler", scheduler, KIND_OBJECT, .object = &scheduler_object),
    FIELD(struct oci_process, "apparmorProfile", apparmor_profile, KIND_STRING),
    FIELD(struct oci_process, "selinuxLabel", selinux_label, KIND_STRING),
    FIELD(struct oci_process, "execCPUAffinity", exec_cpu_affinity, KIND_OBJECT, .object = &affinity_object),
};
const struct object process_object = {OBJECT(struct oci_process, process_fields)};

/* -- the top level ---------------------------------------------------------------------------------------------- */

static const struct field root_fields[] = {
    FIELD(struct oci_root, "path", path, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .max = 4095),
    FIELD(struct oci_root, "readonly", readonly, KIND_BOOL),
};
static const struct object root_object = {OBJECT(struct oci_root, root_fields)};

enum { NODENAME_MAX = 64 }; /* __NEW_UTS_LEN */

static const struct field config_fields[] = {
    FIELD(struct oci_config, "ociVersion", oci_version, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
          .max = 128),
    FIELD(struct oci_config, "root", root, KIND_INLINE, .flags = FIELD_REQUIRED, .object = &root_object),
    FIELD(struct oci_config, "process", process, KIND_INLINE, .flags = FIELD_REQUIRED, .object = &process_object),
    FIELD(struct oci_config, "hostname", hostname, KIND_STRING, .max = NODENAME_MAX),
    FIELD(struct oci_config, "domainname", domainname, KIND_STRING, .max = NODENAME_MAX),
    FIELD(struct oci_config, "mounts", mounts, KIND_LIST, .object = &mount_object),
    FIELD(struct oci_config, "hooks", hooks, KIND_INLINE, .object = &hooks_object),
    FIELD(struct oci_config, "annotations", annotations, KIND_PAIRS),
    FIELD(struct oci_config, "linux", linux_config, KIND_INLINE, .object = &linux_object),
    FIELD(struct oci_config, "vm", has_vm, KIND_PRESENT),
    FIELD(struct oci_config, "solaris", has_solaris, KIND_PRESENT),
    FIELD(struct oci_config, "windows", has_windows, KIND_PRESENT),
    FIELD(struct oci_config, "zos", has_zos, KIND_PRESENT),
    FIELD(struct oci_config, "freebsd", has_freebsd, KIND_PRESENT),
};
const struct object config_object = {OBJECT(struct oci_config, config_fields)};
