/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/version.h"
#include "runtime/base/annotations.h"
#include "runtime/base/json_write.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/layer.h"
#include "runtime/throwaway/do.h"

/* What root in the sandbox may: what belongs to administering files and users, as package managers do it. No device
 * nodes. */
static const char *const root_capabilities[] = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID",     "CAP_KILL", "CAP_NET_BIND_SERVICE",
    "CAP_SETGID", "CAP_SETUID",       "CAP_SETPCAP", "CAP_SYS_CHROOT", NULL,
};
static const char *const no_capabilities[] = {NULL};

static void write_number(struct json_writer *writer, const char *key, int64_t number)
{
    json_write_text(writer, key);
    (void)yajl_gen_integer(writer->generator, number);
}

static void write_bool(struct json_writer *writer, const char *key, bool value)
{
    json_write_text(writer, key);
    (void)yajl_gen_bool(writer->generator, value);
}

static void open_map(struct json_writer *writer, const char *key)
{
    if (key != NULL)
        json_write_text(writer, key);
    (void)yajl_gen_map_open(writer->generator);
}

static void close_map(struct json_writer *writer)
{
    (void)yajl_gen_map_close(writer->generator);
}

static void open_list(struct json_writer *writer, const char *key)
{
    json_write_text(writer, key);
    (void)yajl_gen_array_open(writer->generator);
}

static void close_list(struct json_writer *writer)
{
    (void)yajl_gen_array_close(writer->generator);
}

/* -- process ----------------------------------------------------------------------------------------------------- */

static void write_user(struct json_writer *writer, const struct do_user *user)
{
    open_map(writer, "user");
    write_number(writer, "uid", user->uid);
    write_number(writer, "gid", user->gid);
    open_list(writer, "additionalGids");
    for (int i = 0; i < user->group_count; i++)
        (void)yajl_gen_integer(writer->generator, user->groups[i]);
    close_list(writer);
    close_map(writer);
}

static void write_limit(struct json_writer *writer, const char *type, rlim_t soft, rlim_t hard)
{
    open_map(writer, NULL);
    json_write_pair(writer, "type", type);
    write_number(writer, "soft", (int64_t)soft);
    write_number(writer, "hard", (int64_t)hard);
    close_map(writer);
}

/* The guest's processes are all one host user, which has no others: the kernel counts them without a cgroup. */
static void write_limits(struct json_writer *writer, const struct do_options *options)
{
    struct rlimit files = {.rlim_cur = 1024, .rlim_max = 4096};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    open_list(writer, "rlimits");
    write_limit(writer, "RLIMIT_NOFILE", files.rlim_cur, files.rlim_max);
    write_limit(writer, "RLIMIT_NPROC", (rlim_t)options->pids, (rlim_t)options->pids);
    write_limit(writer, "RLIMIT_CORE", 0, 0);
    close_list(writer);
}

static void write_arguments(struct json_writer *writer, const struct do_plan *plan)
{
    open_list(writer, "args");
    json_write_text(writer, DO_INIT_PATH);
    if (plan->options->command[0] == NULL)
        json_write_text(writer, plan->user->shell[0] != '\0' ? plan->user->shell : "/bin/sh");
    for (char **word = plan->options->command; *word != NULL; word++)
        json_write_text(writer, *word);
    close_list(writer);
}

static void write_process(struct json_writer *writer, const struct do_plan *plan)
{
    const char *const *capabilities = plan->user->uid == 0 ? root_capabilities : no_capabilities;
    open_map(writer, "process");
    write_bool(writer, "terminal", plan->terminal);
    write_user(writer, plan->user);
    write_arguments(writer, plan);
    json_write_list(writer, "env", plan->environment);
    json_write_pair(writer, "cwd", plan->cwd);
    open_map(writer, "capabilities");
    json_write_list(writer, "bounding", capabilities);
    json_write_list(writer, "effective", capabilities);
    json_write_list(writer, "permitted", capabilities);
    close_map(writer);
    write_limits(writer, plan->options);
    write_bool(writer, "noNewPrivileges", true);
    close_map(writer);
}

/* -- mounts ------------------------------------------------------------------------------------------------------ */

/* "a,b" as ["a", "b"], without those that name a group we have not. */
static void write_options(struct json_writer *writer, const char *options, bool without_root)
{
    open_list(writer, "options");
    while (*options != '\0') {
        size_t length = strcspn(options, ",");
        if (!without_root || strncmp(options, "gid=", 4) != 0)
            (void)yajl_gen_string(writer->generator, (const unsigned char *)options, length);
        options += length + (options[length] == ',');
    }
    close_list(writer);
}

static void write_mounts(struct json_writer *writer, const struct do_mounts *mounts, bool without_root)
{
    open_list(writer, "mounts");
    for (size_t i = 0; i < mounts->count; i++) {
        const struct do_mount *mount = &mounts->items[i];
        open_map(writer, NULL);
        json_write_pair(writer, "destination", mount->destination);
        json_write_pair(writer, "type", mount->type);
        if (mount->source != NULL)
            json_write_pair(writer, "source", mount->source);
        write_options(writer, mount->options, without_root);
        close_map(writer);
    }
    close_list(writer);
}

/* -- linux ------------------------------------------------------------------------------------------------------- */

/* Without an entry the network is the caller's. */
static void write_namespaces(struct json_writer *writer, bool host_network, bool without_root)
{
    const struct {
        const char *type;
        bool wanted;
    } all[] = {{"pid", true},         {"ipc", true},    {"uts", true},
               {"mount", true},       {"cgroup", true}, {"network", !host_network},
               {"user", without_root}};
    open_list(writer, "namespaces");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!all[i].wanted)
            continue;
        open_map(writer, NULL);
        json_write_pair(writer, "type", all[i].type);
        close_map(writer);
    }
    close_list(writer);
}

static void write_resources(struct json_writer *writer, const struct do_options *options)
{
    open_map(writer, "resources");
    if (options->memory > 0) {
        open_map(writer, "memory");
        write_number(writer, "limit", options->memory);
        close_map(writer);
    }
    if (options->cpu_quota_us > 0) {
        open_map(writer, "cpu");
        write_number(writer, "quota", options->cpu_quota_us);
        write_number(writer, "period", DO_CPU_PERIOD_US);
        close_map(writer);
    }
    close_map(writer);
}

struct argument {
    unsigned int index;
    uint64_t mask, value;
};

static void write_refusal(struct json_writer *writer, const char *call, const struct argument *arguments, size_t count)
{
    const char *const names[] = {call, NULL};
    open_map(writer, NULL);
    json_write_list(writer, "names", names);
    json_write_pair(writer, "action", "SCMP_ACT_ERRNO");
    write_number(writer, "errnoRet", EAFNOSUPPORT);
    open_list(writer, "args");
    for (size_t i = 0; i < count; i++) {
        open_map(writer, NULL);
        write_number(writer, "index", arguments[i].index);
        write_number(writer, "value", (int64_t)arguments[i].mask);
        write_number(writer, "valueTwo", (int64_t)arguments[i].value);
        json_write_pair(writer, "op", "SCMP_CMP_MASKED_EQ");
        close_map(writer);
    }
    close_list(writer);
    close_map(writer);
}

/* A Unix socket belongs to a network, and its abstract names with it: in the host's, a guest could talk to whatever
 * listens there. The kernel runs these calls natively, so they are refused before it does: all Unix sockets but pairs,
 * and of pairs those that could be sent elsewhere. */
static void write_seccomp(struct json_writer *writer)
{
    static const struct argument unix_socket[] = {{0, 0xffffffff, AF_UNIX}};
    static const struct argument datagram_pair[] = {{0, 0xffffffff, AF_UNIX}, {1, 0xf, SOCK_DGRAM}};
    static const struct argument raw_pair[] = {{0, 0xffffffff, AF_UNIX}, {1, 0xf, SOCK_RAW}};
    open_map(writer, "seccomp");
    json_write_pair(writer, "defaultAction", "SCMP_ACT_ALLOW");
    open_list(writer, "syscalls");
    write_refusal(writer, "socket", unix_socket, 1);
    write_refusal(writer, "socketpair", datagram_pair, 2);
    write_refusal(writer, "socketpair", raw_pair, 2); /* to the kernel another word for it */
    close_list(writer);
    close_map(writer);
}

/* He is himself, so that his files are his; everybody else is nobody. */
static void write_own_id(struct json_writer *writer, const char *key, int64_t id)
{
    open_list(writer, key);
    open_map(writer, NULL);
    write_number(writer, "containerID", id);
    write_number(writer, "hostID", id);
    write_number(writer, "size", 1);
    close_map(writer);
    close_list(writer);
}

static void write_linux(struct json_writer *writer, const struct do_plan *plan)
{
    const struct do_options *options = plan->options;
    open_map(writer, "linux");
    write_namespaces(writer, options->host_network, plan->options->without_root);
    if (plan->options->without_root) {
        write_own_id(writer, "uidMappings", plan->user->uid);
        write_own_id(writer, "gidMappings", plan->user->gid);
    }
    if (options->memory > 0 || options->cpu_quota_us > 0) {
        char path[300];
        (void)snprintf(path, sizeof(path), "%spostern/%.255s", user_namespace_is_root() ? "/" : "",
                       options->container.creation.id); /* an ordinary user's is beside the one he is in */
        json_write_pair(writer, "cgroupsPath", path);
        write_resources(writer, options);
    }
    if (options->host_network)
        write_seccomp(writer);
    json_write_pair(writer, "rootfsPropagation", "rprivate"); /* what is mounted on the host meanwhile is none of its business */
    json_write_list(writer, "maskedPaths", oci_default_masked);
    json_write_list(writer, "readonlyPaths", oci_default_readonly);
    close_map(writer);
}

/* -- the whole --------------------------------------------------------------------------------------------------- */

static void write_annotations(struct json_writer *writer, const struct do_options *options)
{
    char bytes[32];
    (void)snprintf(bytes, sizeof(bytes), "%" PRId64, options->layer);
    open_map(writer, "annotations");
    json_write_pair(writer, LAYER_ANNOTATION, bytes);
    if (options->without_gate)
        json_write_pair(writer, GATE_ANNOTATION, "off");
    close_map(writer);
}

int do_config_write(const struct do_plan *plan, FILE *file, struct error *error)
{
    auto_json_writer struct json_writer writer = {0};
    int result = json_writer_open(&writer, true);
    if (result < 0)
        return error_set(error, result, "cannot write the configuration");
    open_map(&writer, NULL);
    json_write_pair(&writer, "ociVersion", POSTERN_OCI_VERSION);
    write_process(&writer, plan);
    open_map(&writer, "root");
    json_write_pair(&writer, "path", "/");
    close_map(&writer);
    json_write_pair(&writer, "hostname", plan->hostname);
    write_mounts(&writer, plan->mounts, plan->options->without_root);
    write_annotations(&writer, plan->options);
    write_linux(&writer, plan);
    close_map(&writer);
    if (writer.bad)
        return error_refuse(error, "the command, its environment and its paths must be UTF-8");
    return json_write_out(&writer, file, error);
}
