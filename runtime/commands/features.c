/* SPDX-License-Identifier: Apache-2.0 */
/* postern features: what this runtime can do, as features.md of the runtime specification has it. */
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_gen.h>

#include "oci-spec/mount_options.h"
#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/version.h"
#include "runtime/base/annotations.h"
#include "runtime/base/json_write.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"

static const struct option features_table[] = {
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char *const hooks[] = {"prestart",       "createRuntime", "createContainer",
                                    "startContainer", "poststart",     "poststop", NULL};

static void write_bool(struct json_writer *writer, const char *key, bool value)
{
    json_write_text(writer, key);
    (void)yajl_gen_bool(writer->generator, value);
}

/* What `annotations` of config.json may change of a sandbox: LAYER_ANNOTATION and the like. All that begins so. */
static const char *const unsafe_annotations[] = {ANNOTATION_PREFIX, NULL};

enum { NONE = -1 }; /* no value in the tables below */

static void write_names_but(struct json_writer *writer, const char *key, const struct name_table *table, int64_t left_out)
{
    json_write_text(writer, key);
    (void)yajl_gen_array_open(writer->generator);
    for (const struct name *name = table->names; name->text != NULL; name++)
        if (name->value != left_out)
            json_write_text(writer, name->text);
    (void)yajl_gen_array_close(writer->generator);
}

static void write_names(struct json_writer *writer, const char *key, const struct name_table *table)
{
    write_names_but(writer, key, table, NONE);
}

static void write_mount_options(struct json_writer *writer)
{
    const char *name;
    json_write_text(writer, "mountOptions");
    (void)yajl_gen_array_open(writer->generator);
    for (size_t i = 0; (name = mount_option_name(i)) != NULL; i++)
        json_write_text(writer, name);
    (void)yajl_gen_array_close(writer->generator);
}

static void write_object(struct json_writer *writer, const char *key, void (*write_members)(struct json_writer *writer))
{
    json_write_text(writer, key);
    (void)yajl_gen_map_open(writer->generator);
    write_members(writer);
    (void)yajl_gen_map_close(writer->generator);
}

static void write_enabled(struct json_writer *writer, const char *key, bool enabled)
{
    json_write_text(writer, key);
    (void)yajl_gen_map_open(writer->generator);
    write_bool(writer, "enabled", enabled);
    (void)yajl_gen_map_close(writer->generator);
}

static void write_cgroup(struct json_writer *writer)
{
    write_bool(writer, "v1", true);
    write_bool(writer, "v2", true);
    write_bool(writer, "systemd", true);
    write_bool(writer, "systemdUser", true);
    write_bool(writer, "rdma", true);
}

static void write_seccomp(struct json_writer *writer)
{
    write_bool(writer, "enabled", true);
    write_names_but(writer, "actions", &seccomp_action_names, OCI_SECCOMP_NOTIFY); /* refused */
    write_names(writer, "operators", &seccomp_operator_names);
    write_names(writer, "archs", &seccomp_arch_names);
    write_names(writer, "knownFlags", &seccomp_flag_names);
    /* For listeners, which no profile can have: taken, and without effect. */
    write_names_but(writer, "supportedFlags", &seccomp_flag_names, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

static void write_extensions(struct json_writer *writer)
{
    write_enabled(writer, "idmap", true);
}

static void write_memory_policy(struct json_writer *writer)
{
    write_names(writer, "modes", &memory_policy_names);
    write_names(writer, "flags", &memory_flag_names);
}

static void write_linux(struct json_writer *writer)
{
    write_names(writer, "namespaces", &namespace_names);
    write_names(writer, "capabilities", &capability_names);
    write_object(writer, "cgroup", write_cgroup);
    write_object(writer, "seccomp", write_seccomp);
    write_enabled(writer, "apparmor", false);
    write_enabled(writer, "selinux", false);
    write_enabled(writer, "intelRdt", false);
    write_object(writer, "memoryPolicy", write_memory_policy);
    write_enabled(writer, "netDevices", false);
    write_object(writer, "mountExtensions", write_extensions);
}

static void write_annotations(struct json_writer *writer)
{
    char text[40];
    const struct scmp_version *version = seccomp_version();
    json_write_pair(writer, "dev.postern.version", POSTERN_VERSION);
    json_write_pair(writer, "dev.postern.checkpoint.enabled", "false");
    if (version == NULL)
        return;
    (void)snprintf(text, sizeof(text), "%u.%u.%u", version->major, version->minor, version->micro);
    json_write_pair(writer, "io.github.seccomp.libseccomp.version", text);
}

static int print_features(struct error *error)
{
    auto_json_writer struct json_writer writer = {0};
    int result = json_writer_open(&writer, true);
    if (result < 0)
        return error_set(error, result, "cannot print the features");
    (void)yajl_gen_map_open(writer.generator);
    json_write_pair(&writer, "ociVersionMin", "1.0.0");
    json_write_pair(&writer, "ociVersionMax", POSTERN_OCI_VERSION);
    json_write_list(&writer, "hooks", hooks);
    write_mount_options(&writer);
    write_object(&writer, "linux", write_linux);
    write_object(&writer, "annotations", write_annotations);
    json_write_list(&writer, "potentiallyUnsafeConfigAnnotations", unsafe_annotations);
    (void)yajl_gen_map_close(writer.generator);
    return json_write_out(&writer, stdout, error);
}

int command_features(int argc, char **argv)
{
    struct error error = {0};
    option_start();
    int option = option_next(argc, argv, ":h", features_table);
    if (option == 'h') {
        printf("Usage: postern features\n"
               "Print what this runtime can do as JSON (features.md of the OCI runtime specification).\n");
        return EXIT_SUCCESS;
    }
    int result = option == -1 ? arguments_check(argc, argv, 0, 0, &error) : option_error(option, argv, &error);
    if (result == 0)
        (void)print_features(&error);
    return command_end(&error);
}
