/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/hooks.h"
#include "runtime/numbers.h"

/* A process.json becomes a whole configuration around it, so that one parser reads both. */
static int wrap_process(const char *path, char **ret_text, size_t *ret_size, struct error *error)
{
    static const char before[] = "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"},\"process\":";
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "cannot open %s", path);
    enum { PROCESS_MAX = 1 << 20 };
    auto_free char *text = malloc(sizeof(before) + PROCESS_MAX + 2);
    if (text == NULL)
        return error_set(error, ENOMEM, "cannot read %s", path);
    size_t size = sizeof(before) - 1;
    memcpy(text, before, size);
    for (;;) {
        ssize_t got = read(fd, text + size, sizeof(before) + PROCESS_MAX - size);
        if (got < 0)
            return error_set(error, errno, "cannot read %s", path);
        if (got == 0)
            break;
        size += (size_t)got;
        if (size >= sizeof(before) + PROCESS_MAX)
            return error_refuse(error, "%s: longer than %d bytes", path, PROCESS_MAX);
    }
    text[size++] = '}';
    *ret_text = take_ptr(text);
    *ret_size = size;
    return 0;
}

static int load(int folder, const struct exec_options *options, struct oci_config **ret_config, struct error *error)
{
    if (options->process == NULL)
        return hooks_load(folder, ret_config, error);
    auto_free char *text = NULL;
    size_t size;
    int result = wrap_process(options->process, &text, &size, error);
    return result < 0 ? result : oci_parse(text, size, ret_config, error);
}

/* "uid" or "uid:gid", numbers, as runc has it. */
static int apply_user(struct oci_process *process, const char *user, struct error *error)
{
    char text[64];
    if (strlen(user) >= sizeof(text))
        return error_refuse(error, "--user: \"%.40s\" is too long", user);
    (void)snprintf(text, sizeof(text), "%s", user);
    char *colon = strchr(text, ':');
    if (colon != NULL)
        *colon++ = '\0';
    int result = number_parse_id(text, "--user", &process->user.uid, error);
    if (result == 0 && colon != NULL)
        result = number_parse_id(colon, "--user", &process->user.gid, error);
    return result;
}

static int apply_groups(struct oci_config *config, const struct exec_list *groups, struct error *error)
{
    struct oci_numbers *numbers = &config->process.user.additional_gids;
    uint32_t *items = arena_array(config->arena, numbers->count + groups->count, sizeof(*items));
    if (items == NULL)
        return error_set(error, ENOMEM, "cannot add groups");
    if (numbers->count > 0)
        memcpy(items, numbers->items, numbers->count * sizeof(*items));
    for (size_t i = 0; i < groups->count; i++) {
        int result = number_parse_id(groups->items[i], "--additional-gids", &items[numbers->count + i], error);
        if (result < 0)
            return result;
    }
    numbers->items = items;
    numbers->count += groups->count;
    return 0;
}

static int apply_env(struct oci_config *config, const struct exec_list *env, struct error *error)
{
    struct oci_strings *strings = &config->process.env;
    char **items = arena_array(config->arena, strings->count + env->count + 1, sizeof(*items));
    if (items == NULL)
        return error_set(error, ENOMEM, "cannot add to the environment");
    if (strings->count > 0)
        memcpy(items, strings->items, strings->count * sizeof(*items));
    for (size_t i = 0; i < env->count; i++) {
        if (strchr(env->items[i], '=') == NULL)
            return error_refuse(error, "--env: \"%.40s\" has no value; write NAME=VALUE", env->items[i]);
        items[strings->count + i] = env->items[i];
    }
    strings->items = items;
    strings->count += env->count;
    return 0;
}

static int apply_caps(struct oci_process *process, const struct exec_list *caps, struct error *error)
{
    for (size_t i = 0; i < caps->count; i++) {
        int64_t number;
        char name[64];
        const char *given = caps->items[i];
        (void)snprintf(name, sizeof(name), "%s%.50s", strncasecmp(given, "CAP_", 4) == 0 ? "" : "CAP_", given);
        for (char *c = name; *c != '\0'; c++)
            if (*c >= 'a' && *c <= 'z')
                *c = (char)(*c - 'a' + 'A');
        if (name_lookup(&capability_names, name, &number) < 0)
            return error_refuse(error, "--cap: \"%.40s\" is no capability", given);
        uint64_t bit = UINT64_C(1) << number;
        process->capabilities.bounding |= bit;
        process->capabilities.effective |= bit;
        process->capabilities.permitted |= bit;
    }
    return 0;
}

static int apply(struct oci_config *config, const struct exec_options *options, struct error *error)
{
    struct oci_process *process = &config->process;
    if (options->process != NULL)
        return 0;
    process->args = (struct oci_strings){.items = options->args, .count = options->arg_count};
    process->terminal = options->tty;
    if (options->cwd != NULL)
        process->cwd = (char *)(uintptr_t)options->cwd;
    if (options->no_new_privs)
        process->no_new_privileges = true;
    int result = options->user != NULL ? apply_user(process, options->user, error) : 0;
    if (result == 0)
        result = apply_groups(config, &options->groups, error);
    if (result == 0)
        result = apply_env(config, &options->env, error);
    return result == 0 ? apply_caps(process, &options->caps, error) : result;
}

int exec_process_load(int folder, const struct exec_options *options, struct oci_config **ret_config, struct error *error)
{
    struct oci_config *config = NULL;
    int result = load(folder, options, &config, error);
    if (result == 0)
        result = apply(config, options, error);
    if (result < 0) {
        (void)oci_free(config);
        return result;
    }
    *ret_config = config;
    return 0;
}
