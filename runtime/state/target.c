/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/target.h"

#include "postern/cleanup.h"
#include "runtime/base/options.h"

int target_open(const char *id, bool locked, struct target *ret_target, struct error *error)
{
    struct container container;
    auto_close int folder = -1;
    auto_close int lock = -1;
    int result = container_open(options_global()->root, id, &folder, error);
    if (result == 0 && locked)
        result = container_lock_or_say(folder, &lock, error);
    if (result == 0)
        result = container_load(folder, &container, error);
    if (result < 0)
        return result;
    *ret_target = (struct target){take_fd(&folder), take_fd(&lock), container};
    return 0;
}

enum container_status target_status(const struct target *target)
{
    return container_status(target->folder, &target->container);
}

void target_close(struct target *target)
{
    cleanup_close(&target->lock);
    cleanup_close(&target->folder);
    container_release(&target->container);
    target->lock = target->folder = -1;
}
