/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the container's /dev beside mounts: nodes, links, the console. */
#ifndef RUNTIME_MOUNTS_DEVICES_H
#define RUNTIME_MOUNTS_DEVICES_H

#include <sys/ioctl.h>

struct error;
struct mount_tree;

/* The usual nodes and links, and linux.devices; nothing if /dev is a bind mount: then it is as the bundle wants it. */
int devices_make(const struct mount_tree *tree, struct error *error);

/* A terminal in the container's devpts, its slave also at /dev/console. Both descriptors are the caller's. */
int devices_make_console(const struct mount_tree *tree, const struct winsize *size, int *ret_master, int *ret_slave,
                         struct error *error);

#endif
