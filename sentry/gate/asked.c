/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate asks for when a linker maps a file it finds nothing about. */
#include <limits.h>
#include <stdlib.h>

#include "postern/cleanup.h"
#include "sentry/gate/twin.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/loader.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/vfs/vfs.h"

int64_t twins_asked(struct call *call)
{
    auto_object struct object object = {.fd = -1};
    auto_free struct plan_image *image = calloc(1, sizeof(*image));
    char interpreter[PATH_MAX];
    bool stack_executable;
    if (image == NULL || object_from_fd(call, arg_int(call, 4), &object) < 0 || object.kind != OBJECT_FILE ||
        !S_ISREG(object.attributes.stx_mode) || object_dentry(call, &object) < 0 || !vfs_is_in_the_open(object.dentry) ||
        loader_parse_elf(object.fd, image, interpreter, &stack_executable) < 0)
        return 0;
    twins_find(call->sentry->twins, call->cred->ruid, object.fd, false, image);
    return 0;
}
