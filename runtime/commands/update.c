/* SPDX-License-Identifier: Apache-2.0 */
/* postern update: other limits for a container that is there already. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/numbers.h"
#include "runtime/base/options.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/commands/command.h"
#include "runtime/state/container.h"
#include "runtime/state/target.h"

enum { RESOURCES_MAX = 1024 * 1024 };

/* All that flags can set; `resources` points into the rest. */
struct limits {
    struct oci_resources resources;
    struct oci_memory memory;
    struct oci_cpu cpu;
    struct oci_pids pids;
    struct oci_block_io block_io;
};

struct update_options {
    const char *id, *file; /* file: "-" is standard input */
    bool help;
    struct limits limits;
};

enum flag_kind { FLAG_I64, FLAG_U64, FLAG_WEIGHT, FLAG_BYTES, FLAG_TEXT, FLAG_PIDS, FLAG_IGNORED };

/* One line each; the table for getopt is made of it. */
static const struct flag {
    const char *name;
    enum flag_kind kind;
    size_t offset; /* of struct limits */
    const char *help;
} flags[] = {
    {"blkio-weight", FLAG_WEIGHT, offsetof(struct limits, block_io.weight), "share of disk time, 10 to 1000"},
    {"cpu-period", FLAG_U64, offsetof(struct limits, cpu.period), "what the quota is counted for, in microseconds"},
    {"cpu-quota", FLAG_I64, offsetof(struct limits, cpu.quota),
     "time on all cpus in a period, in microseconds; -1: any"},
    {"cpu-burst", FLAG_U64, offsetof(struct limits, cpu.burst), "unused quota that may be saved up, in microseconds"},
    {"cpu-share", FLAG_U64, offsetof(struct limits, cpu.shares), "share of time when cpus are short"},
    {"cpu-rt-period", FLAG_U64, offsetof(struct limits, cpu.realtime_period), "the same as --cpu-period for realtime"},
    {"cpu-rt-runtime", FLAG_I64, offsetof(struct limits, cpu.realtime_runtime), "the same as --cpu-quota for realtime"},
    {"cpu-idle", FLAG_I64, offsetof(struct limits, cpu.idle), "1: run only when nothing else wants to"},
    {"cpuset-cpus", FLAG_TEXT, offsetof(struct limits, cpu.cpus), "cpus it may use, such as 0-2,5"},
    {"cpuset-mems", FLAG_TEXT, offsetof(struct limits, cpu.mems), "memory nodes it may use"},
    {"memory", FLAG_BYTES, offsetof(struct limits, memory.limit), "memory in bytes, or with k, m or g; -1: any"},
    {"memory-reservation", FLAG_BYTES, offsetof(struct limits, memory.reservation),
     "what it keeps when memory is short"},
    {"memory-swap", FLAG_BYTES, offsetof(struct limits, memory.swap), "memory and swap together; -1: any"},
    {"kernel-memory", FLAG_IGNORED, 0, NULL}, /* no kernel has these limits any more */
    {"kernel-memory-tcp", FLAG_IGNORED, 0, NULL},
    {"pids-limit", FLAG_PIDS, offsetof(struct limits, pids.limit), "processes and threads; -1: any"},
    {"l3-cache-schema", FLAG_TEXT, SIZE_MAX, NULL},
    {"mem-bw-schema", FLAG_TEXT, SIZE_MAX, NULL},
};

#define FLAG_COUNT (sizeof(flags) / sizeof(flags[0]))

enum { OPTION_FIRST_FLAG = 256 };

static int print_help(void)
{
    printf("Usage: postern update [OPTION]... ID\n"
           "Change the limits of a container.\n\n"
           "  -r, --resources FILE         read them, as in linux.resources, from FILE or standard input (-);\n"
           "                               all other options are then ignored\n");
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (flags[i].help != NULL)
            printf("      --%-22s %s\n", flags[i].name, flags[i].help);
    return EXIT_SUCCESS;
}

/* -- flags ------------------------------------------------------------------------------------------------------ */

static int bad_value(const struct flag *flag, const char *text, const char *what, struct error *error)
{
    return error_refuse(error, "--%s: \"%.40s\" is not %s", flag->name, text, what);
}

static int parse_signed(const struct flag *flag, const char *text, long long *ret_value, struct error *error)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] == '\0' || isspace((unsigned char)text[0]) || *end != '\0' || errno != 0)
        return bad_value(flag, text, "a number", error);
    *ret_value = value;
    return 0;
}

static int parse_bytes(const struct flag *flag, const char *text, int64_t *ret_value, struct error *error)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "--%s", flag->name);
    if (strcmp(text, "-1") != 0)
        return number_parse_bytes(text, what, ret_value, error);
    *ret_value = -1;
    return 0;
}

static int set_flag(struct limits *limits, const struct flag *flag, char *text, struct error *error)
{
    void *target = (char *)limits + (flag->offset != SIZE_MAX ? flag->offset : 0);
    long long number = 0;
    int64_t bytes = 0;
    if (flag->kind == FLAG_IGNORED)
        return 0;
    if (flag->offset == SIZE_MAX)
        return text[0] == '\0' ? 0 : error_refuse(error, "--%s: not supported", flag->name);
    if (flag->kind == FLAG_TEXT) {
        *(char **)target = text;
        return 0;
    }
    int result =
        flag->kind == FLAG_BYTES ? parse_bytes(flag, text, &bytes, error) : parse_signed(flag, text, &number, error);
    if (result < 0)
        return result;
    switch (flag->kind) {
    case FLAG_BYTES:
        *(struct oci_optional_i64 *)target = (struct oci_optional_i64){.set = true, .value = bytes};
        return 0;
    case FLAG_I64:
        *(struct oci_optional_i64 *)target = (struct oci_optional_i64){.set = true, .value = number};
        return 0;
    case FLAG_PIDS:
        *(int64_t *)target = number;
        return 0;
    case FLAG_WEIGHT:
        *(struct oci_optional_u32 *)target = (struct oci_optional_u32){.set = true, .value = (uint32_t)number};
        return number >= 0 && number <= UINT16_MAX ? 0 : bad_value(flag, text, "a weight", error);
    default:
        *(struct oci_optional_u64 *)target = (struct oci_optional_u64){.set = true, .value = (uint64_t)number};
        return number >= 0 ? 0 : bad_value(flag, text, "a number from 0 on", error);
    }
}

static int parse_options(int argc, char **argv, struct update_options *options, struct error *error)
{
    struct option table[FLAG_COUNT + 3] = {{"resources", required_argument, NULL, 'r'},
                                           {"help", no_argument, NULL, 'h'}};
    int option, result = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++)
        table[i + 2] = (struct option){flags[i].name, required_argument, NULL, OPTION_FIRST_FLAG + (int)i};
    option_start();
    while (result == 0 && (option = option_next(argc, argv, ":r:h", table)) != -1) {
        if (option == 'r')
            options->file = optarg;
        else if (option == 'h')
            options->help = true;
        else if (option >= OPTION_FIRST_FLAG)
            result = set_flag(&options->limits, &flags[option - OPTION_FIRST_FLAG], optarg, error);
        else
            result = option_error(option, argv, error);
    }
    if (result < 0 || options->help)
        return result;
    result = arguments_check(argc, argv, 1, 1, error);
    if (result < 0)
        return result;
    options->id = argv[optind];
    return 0;
}

/* -- a file ----------------------------------------------------------------------------------------------------- */

static int read_file(const char *path, char *text, size_t *ret_size, struct error *error)
{
    auto_close int opened = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (opened < 0 && strcmp(path, "-") != 0)
        return error_set(error, errno, "cannot open %s", path);
    size_t used = 0;
    for (ssize_t got = 1; got > 0 && used < RESOURCES_MAX;) {
        got = read(opened >= 0 ? opened : STDIN_FILENO, text + used, RESOURCES_MAX - used);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got < 0)
            return error_set(error, errno, "cannot read %s", path);
        else
            used += (size_t)got;
    }
    if (used == RESOURCES_MAX)
        return error_refuse(error, "%s: larger than %d bytes", path, RESOURCES_MAX - 1);
    *ret_size = used;
    return 0;
}

/* The resources become a whole configuration around them, so that one parser reads both. */
static int load(const char *path, struct oci_config **ret_config, struct error *error)
{
    static const char head[] =
        "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/\"},\"process\":{\"cwd\":\"/\",\"args\":[\"-\"]},"
        "\"linux\":{\"resources\":";
    static const char tail[] = "}}";
    auto_free char *text = malloc(sizeof(head) + RESOURCES_MAX + sizeof(tail));
    size_t size = 0;
    if (text == NULL)
        return error_set(error, ENOMEM, "cannot read %s", path);
    memcpy(text, head, sizeof(head));
    int result = read_file(path, text + sizeof(head) - 1, &size, error);
    if (result < 0)
        return result;
    memcpy(text + sizeof(head) - 1 + size, tail, sizeof(tail));
    return oci_parse(text, sizeof(head) - 1 + size + sizeof(tail) - 1, ret_config, error);
}

/* -- the command ------------------------------------------------------------------------------------------------ */

/* Which devices there are was settled at creation: taking them back from running processes would come too late. */
static int apply(const struct container *container, const struct oci_resources *given, struct error *error)
{
    if (container->cgroup[0] == '\0')
        return error_refuse(error, "container %s has no cgroup of its own, which could be limited", container->id);
    log_message(LOG_LEVEL_DEBUG, "the cgroup %s gets new limits", container->cgroup);
    return cgroup_update(container->cgroup, container->systemd_cgroup, given, error);
}

static int update_open(const struct update_options *options, const struct oci_resources *given, struct error *error)
{
    auto_close int folder = -1;
    auto_close int lock = -1;
    struct container container = {0};
    int result = container_open(options_global()->root, options->id, &folder, error);
    if (result == 0)
        result = container_lock_or_say(folder, &lock, error);
    if (result == 0)
        result = container_load(folder, &container, error);
    if (result < 0)
        return result;
    if (container_status(folder, &container) == CONTAINER_STOPPED)
        result = error_refuse(error, "container not running");
    else
        result = apply(&container, given, error);
    container_release(&container);
    return result;
}

static int update(struct update_options *options, struct error *error)
{
    static const struct oci_resources nothing;
    struct limits *limits = &options->limits;
    limits->resources.memory = &limits->memory;
    limits->resources.cpu = &limits->cpu;
    limits->resources.pids = &limits->pids;
    limits->resources.block_io = &limits->block_io;
    if (options->file == NULL)
        return update_open(options, &limits->resources, error);

    struct oci_config *config = NULL;
    int result = load(options->file, &config, error);
    if (result < 0)
        return result;
    const struct oci_resources *given = config->linux_config.resources;
    result = update_open(options, given != NULL ? given : &nothing, error);
    (void)oci_free(config);
    return result;
}

int command_update(int argc, char **argv)
{
    struct update_options options = {0};
    struct error error = {0};
    int result = parse_options(argc, argv, &options, &error);
    if (result == 0 && options.help)
        return print_help();
    if (result == 0)
        result = update(&options, &error);
    if (result < 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return result < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}
