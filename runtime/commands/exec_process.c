/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/commands/exec_process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "oci-spec/arena.h"
#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/numbers.h"
#include "runtime/state/kept_config.h"

/* What a process.json does not say is as the container's own process has it. */
static int inherit(struct oci_config *config, int folder, struct error *error)
{
    struct oci_process *process = &config->process;
    struct oci_config *container;
    int result = kept_config_load(folder, &container, error);
    if (result < 0)
        return result;
    const struct oci_process *first = &container->process;
    if (!process->capabilities.given)
        process->capabilities = first->capabilities;
    if (!process->oom_score_adj.set)
        process->oom_score_adj = first->oom_score_adj;
    const struct {
        const void *from;
        void *to; /* a pointer to a structure of the configuration's arena */
        size_t size;
    } objects[] = {{first->scheduler, &process->scheduler, sizeof(*first->scheduler)},
                   {first->io_priority, &process->io_priority, sizeof(*first->io_priority)}};
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]) && result == 0; i++) {
        void *own;
        memcpy(&own, objects[i].to, sizeof(own));
        if (own != NULL || objects[i].from == NULL)
            continue;
        own = arena_alloc(config->arena, objects[i].size);
        if (own == NULL)
            result = error_set(error, ENOMEM, "cannot prepare the process");
        else
            memcpy(own, objects[i].from, objects[i].size);
        memcpy(objects[i].to, &own, sizeof(own));
    }
    (void)oci_free(container);
    return result;
}

static int load(int folder, const struct exec_options *options, struct oci_config **ret_config, struct error *error)
{
    if (options->process == NULL)
        return kept_config_load(folder, ret_config, error);
    int result = oci_load_process(options->process, ret_config, error);
    return result < 0 ? result : inherit(*ret_config, folder, error);
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
    for (size_t i = 0; i < env->count; i++)
        if (env->items[i][0] == '=' || strchr(env->items[i], '=') == NULL)
            return error_refuse(error, "--env: \"%.40s\" is not of the form NAME=VALUE", env->items[i]);
    return oci_env_add(config, env->items, env->count) < 0 ? error_set(error, ENOMEM, "cannot add to the environment") : 0;
}

/* A name this build does not know is left out, as in config.json. */
static void apply_caps(struct oci_process *process, const struct exec_list *caps)
{
    for (size_t i = 0; i < caps->count; i++) {
        int64_t number;
        char name[64];
        const char *given = caps->items[i];
        (void)snprintf(name, sizeof(name), "%s%.50s", strncasecmp(given, "CAP_", 4) == 0 ? "" : "CAP_", given);
        for (char *c = name; *c != '\0'; c++)
            if (*c >= 'a' && *c <= 'z')
                *c = (char)(*c - 'a' + 'A');
        if (name_lookup(&capability_names, name, &number) < 0) {
            log_message(LOG_LEVEL_WARNING, "--cap: unknown capability \"%.40s\" ignored", given);
            continue;
        }
        uint64_t bit = UINT64_C(1) << number;
        process->capabilities.bounding |= bit;
        process->capabilities.effective |= bit;
        process->capabilities.permitted |= bit;
        process->capabilities.ambient |= bit & process->capabilities.inheritable; /* ambient is what is inherited, or nothing */
    }
}

static int apply(struct oci_config *config, const struct exec_options *options, struct error *error)
{
    struct oci_process *process = &config->process;
    if (options->process != NULL)
        return 0;
    process->args = (struct oci_strings){.items = options->args, .count = options->arg_count};
    process->terminal = options->tty;
    if (options->cwd != NULL && options->cwd[0] != '/')
        return error_refuse(error, "--cwd: \"%.80s\" is not an absolute path", options->cwd);
    if (options->cwd != NULL)
        process->cwd = (char *)(uintptr_t)options->cwd;
    if (options->no_new_privs)
        process->no_new_privileges = true;
    int result = options->user != NULL ? apply_user(process, options->user, error) : 0;
    if (result == 0)
        result = apply_groups(config, &options->groups, error);
    if (result == 0)
        result = apply_env(config, &options->env, error);
    if (result == 0)
        apply_caps(process, &options->caps);
    return result;
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
