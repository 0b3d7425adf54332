/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of mount(2), by descriptor. */
#ifndef RUNTIME_MOUNTS_MOUNT_CALLS_H
#define RUNTIME_MOUNTS_MOUNT_CALLS_H

#include <stdint.h>

struct mount_attr;

/* A new file system, mounted nowhere; options as in config.json ("mode=755,size=64k"), NULL: none. Descriptor or
 * -errno. */
int mounts_make(const char *type, const char *options, uint64_t attributes);

/* A file system's option the kernel did not take, without its value: whoever wrote the configuration looks for it. */
enum { MOUNT_REFUSED_MAX = 64 };

/* mounts_make, which says so. */
int mounts_make_telling(const char *type, const char *options, uint64_t attributes, char refused[MOUNT_REFUSED_MAX]);

/* Lays a character device of the host's (an absolute path) over a file. 0 or -errno. */
int mounts_bind_device(const char *device, int place);

/* Copies a mount; flags as of open_tree(2). The descriptor of a detached one, or -errno. */
int mounts_clone(int at, const char *path, unsigned int flags);

/* Puts a detached mount at a place that is open. */
int mounts_attach(int mount, int place);

/* mount_setattr(2) of a descriptor; flags: AT_RECURSIVE or 0. 0 or -errno. */
int mounts_set_attributes(int mount, unsigned int flags, const struct mount_attr *attributes);

/* MS_* as MOUNT_ATTR_*; only what belongs to a mount, not to its file system. */
uint64_t mounts_attributes(unsigned long flags);

#endif
