/* SPDX-License-Identifier: Apache-2.0 */
/* postern state: what the runtime specification calls the state of a container. */
#include <stdio.h>
#include <yajl/yajl_gen.h>

#include "postern/error.h"
#include "postern/version.h"
#include "runtime/base/json_write.h"
#include "runtime/commands/command.h"
#include "runtime/state/state_print.h"
#include "runtime/state/target.h"

pid_t state_pid(const struct container *container, enum container_status status)
{
    return status == CONTAINER_STOPPED ? 0 : container->init.pid;
}

void state_write(struct json_writer *writer, const struct container *container, enum container_status status,
                 const char *owner)
{
    (void)yajl_gen_map_open(writer->generator);
    json_write_pair(writer, "ociVersion", POSTERN_OCI_VERSION);
    json_write_pair(writer, "id", container->id);
    json_write_text(writer, "pid");
    (void)yajl_gen_integer(writer->generator, state_pid(container, status));
    json_write_pair(writer, "status", container_status_name(status));
    json_write_pair(writer, "bundle", container->bundle);
    json_write_pair(writer, "rootfs", container->rootfs);
    json_write_pair(writer, "created", container->created);
    if (container->annotations.count > 0)
        json_write_pairs(writer, "annotations", &container->annotations);
    json_write_pair(writer, "owner", owner);
    (void)yajl_gen_map_close(writer->generator);
}

static int print_state(struct target *target, struct error *error)
{
    auto_json_writer struct json_writer writer = {0};
    int result = json_writer_open(&writer, true);
    if (result < 0)
        return error_set(error, result, "cannot print the state");
    state_write(&writer, &target->container, target_status(target), "");
    return json_write_out(&writer, stdout, error);
}

int command_state(int argc, char **argv)
{
    static const struct simple_command command = {
        .help = "Usage: postern state ID\n"
                "Print a container's state as JSON: its id, status, pid, bundle, annotations and when it was made.\n",
        .act = print_state,
    };
    return simple_command_run(argc, argv, &command);
}
