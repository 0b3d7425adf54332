/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-cell: what of Postern enters a sandbox. The container's first process, one of `postern exec`, and a container's own hooks are
 * this program until they are their own. The runtime executes it before it joins any namespace in which a guest could see it, so that
 * nothing of the host is in its memory, its environment or among its descriptors (postern/cell.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cell/cell.h"
#include "postern/cell.h"
#include "postern/socket.h"

static int read_boot(const struct cell_boot **ret_boot, struct error *error)
{
    struct stat status;
    if (fstat(CELL_FD_BOOT, &status) < 0)
        return error_refuse(error, "started without its descriptors: only `postern` starts this program");
    const struct cell_boot *boot = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, CELL_FD_BOOT, 0);
    if (boot == MAP_FAILED)
        return error_set(error, errno, "cannot read the cell's orders");
    int result = cell_boot_check(boot, (size_t)status.st_size, error);
    *ret_boot = boot;
    return result;
}

int main(void)
{
    struct error error = {0};
    const struct cell_boot *boot;
    int64_t offset_ns = 0;
    (void)prctl(PR_SET_NAME, CELL_PROGRAM_NAME);
    int status = read_boot(&boot, &error);
    if (status == 0)
        status = cell_enter(boot, &offset_ns, &error);
    if (status > 0)
        cell_live(boot, offset_ns);
    if (status < 0 && socket_send(CELL_FD_REPORT, &error, sizeof(error), NULL, 0) < 0)
        (void)dprintf(STDERR_FILENO, "postern-cell: %s\n", error.text);
    return status < 0 ? 1 : 0;
}
