/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a mount of type proc: who may know of other people's processes. */
#ifndef RUNTIME_MOUNTS_MOUNT_PROC_H
#define RUNTIME_MOUNTS_MOUNT_PROC_H

#include <stddef.h>
#include <stdint.h>

struct error;

struct mount_proc {
    uint32_t hide; /* enum boot_hide */
    uint32_t gid;  /* whoever is in this group may know */
};

/* Takes them apart ("hidepid=2,gid=5"; "" for none). 0 or -EINVAL. */
int mount_proc_parse(const char *data, struct mount_proc *ret_options, struct error *error);

/* As the kernel shows them behind the others: ",gid=5,hidepid=invisible". */
void mount_proc_show(const struct mount_proc *options, char *text, size_t size);

#endif
