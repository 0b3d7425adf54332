/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hooks/hooks.h"

#include <errno.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/version.h"
#include "runtime/base/json_write.h"
#include "runtime/base/log.h"
#include "runtime/hooks/hook_guest.h"
#include "runtime/hooks/hook_process.h"
#include "runtime/sandbox/environment.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/state/container.h"
#include "runtime/state/kept_config.h"

/* -- state ------------------------------------------------------------------------------------------------------ */

static int write_state(struct json_writer *writer, const struct container *container, enum container_status status, pid_t pid,
                       struct error *error)
{
    int result = json_writer_open(writer, false);
    if (result < 0)
        return error_set(error, result, "cannot write the state for a hook");
    (void)yajl_gen_map_open(writer->generator);
    json_write_pair(writer, "ociVersion", POSTERN_OCI_VERSION);
    json_write_pair(writer, "id", container->id);
    json_write_pair(writer, "status", container_status_name(status));
    if (pid > 0) {
        json_write_text(writer, "pid");
        (void)yajl_gen_integer(writer->generator, pid);
    }
    json_write_pair(writer, "bundle", container->bundle);
    if (container->annotations.count > 0)
        json_write_pairs(writer, "annotations", &container->annotations);
    (void)yajl_gen_map_close(writer->generator);
    return 0;
}

/* -- stages ----------------------------------------------------------------------------------------------------- */

struct stage {
    const char *name;
    const struct oci_hook_list *hooks;
    const struct container *container;
    enum container_status status;
    pid_t pid;
    struct hook_place place;
    int folder;      /* of a guest's stage: the state folder; else -1 */
    const struct oci_process *process; /* of a guest's stage: as whom it runs */
    bool only_log;   /* and go on with the next */
};

static int run_one(const struct stage *stage, const struct oci_hook *hook, const unsigned char *state, size_t size,
                   struct error *error)
{
    const char *text = (const char *)state;
    if (stage->folder < 0)
        return hook_process_run(hook, text, size, &stage->place, error);
    const struct hook_guest guest = {.folder = stage->folder, .container = stage->container, .process = stage->process};
    return hook_guest_run(hook, text, size, &guest, error);
}

static int run_stage(const struct stage *stage, struct error *error)
{
    if (stage->hooks->count == 0)
        return 0;
    auto_json_writer struct json_writer writer = {0};
    const unsigned char *text;
    size_t size;
    int result = write_state(&writer, stage->container, stage->status, stage->pid, error);
    if (result < 0)
        return result;
    (void)yajl_gen_get_buf(writer.generator, &text, &size);
    for (size_t i = 0; i < stage->hooks->count; i++) {
        struct error failure = {0};
        log_message(LOG_LEVEL_DEBUG, "%s hook #%zu: %s", stage->name, i, stage->hooks->items[i].path);
        result = run_one(stage, &stage->hooks->items[i], text, size, &failure);
        if (result == 0)
            continue;
        error_prefix(&failure, "error running %s hook #%zu", stage->name, i);
        if (!stage->only_log || result == -EINTR) {
            *error = failure;
            return result;
        }
        log_message(LOG_LEVEL_WARNING, "%s", failure.text);
    }
    return 0;
}

/* The pid they are told is the host's in all three: also createContainer's see the host's /proc. */
int hooks_create(const struct oci_config *config, const struct container *container, const struct sandbox *sandbox,
                 struct error *error)
{
    struct stage stage = {.container = container,
                          .status = CONTAINER_CREATING,
                          .pid = sandbox->init,
                          .place = {.folder = container->bundle},
                          .folder = -1};
    stage.name = "prestart";
    stage.hooks = &config->hooks.prestart;
    int result = run_stage(&stage, error);
    if (result < 0)
        return result;
    stage.name = "createRuntime";
    stage.hooks = &config->hooks.create_runtime;
    result = run_stage(&stage, error);
    if (result < 0)
        return result;
    stage.name = "createContainer";
    stage.hooks = &config->hooks.create_container;
    stage.place.folder = container->rootfs;
    stage.place.env = config->process.env.items;
    stage.place.mounts = sandbox->gofer;
    stage.place.others = sandbox->init;
    return run_stage(&stage, error);
}

int hooks_start_container(int folder, const struct container *container, struct error *error)
{
    struct oci_config *config;
    int result = kept_config_load(folder, &config, error);
    if (result < 0)
        return result;
    if (config->hooks.start_container.count > 0)
        result = environment_complete(config, container->rootfs, error);
    const struct stage stage = {.name = "startContainer",
                                .hooks = &config->hooks.start_container,
                                .container = container,
                                .status = CONTAINER_CREATED,
                                .pid = 1, /* as the container sees it */
                                .folder = folder,
                                .process = &config->process};
    if (result == 0)
        result = run_stage(&stage, error);
    (void)oci_free(config);
    return result;
}

int hooks_poststart(int folder, const struct container *container, struct error *error)
{
    struct oci_config *config;
    int result = kept_config_load(folder, &config, error);
    if (result < 0)
        return result;
    const struct stage stage = {.name = "poststart",
                                .hooks = &config->hooks.poststart,
                                .container = container,
                                .status = CONTAINER_RUNNING,
                                .pid = container->init.pid,
                                .place = {.folder = container->bundle},
                                .folder = -1};
    result = run_stage(&stage, error);
    (void)oci_free(config);
    return result;
}

void hooks_poststop(int folder, const struct container *container)
{
    struct oci_config *config;
    struct error error = {0};
    if (kept_config_load(folder, &config, &error) < 0) {
        log_message(LOG_LEVEL_WARNING, "cannot run the poststop hooks: %s", error.text);
        return;
    }
    const struct stage stage = {.name = "poststop",
                                .hooks = &config->hooks.poststop,
                                .container = container,
                                .status = CONTAINER_STOPPED,
                                .place = {.folder = container->bundle},
                                .folder = -1,
                                .only_log = true};
    if (run_stage(&stage, &error) < 0)
        log_message(LOG_LEVEL_WARNING, "%s", error.text);
    (void)oci_free(config);
}
