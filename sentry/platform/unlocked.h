/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on files that may be long in coming: of a slow disk, a network file system, one whose lease somebody has to give back.
 * Each lets go of the state lock meanwhile (platform/worker.h), so that only its own caller waits; descriptors belong to the
 * caller of these functions. Only local, and finite, waits: a FIFO and a terminal line are opened with O_NONBLOCK.
 *
 * All return 0, a count or a descriptor, or -errno.
 */
#ifndef SENTRY_PLATFORM_UNLOCKED_H
#define SENTRY_PLATFORM_UNLOCKED_H

#include <sys/stat.h>
#include <sys/types.h>

struct sentry;
struct statfs;

/* What a descriptor of ours stands for, opened anew through our /proc/self/fd: always O_CLOEXEC and O_NOCTTY. */
int unlocked_reopen(const struct sentry *sentry, int fd, int flags);
int unlocked_statx(int fd, unsigned int mask, struct statx *ret_attributes);
int unlocked_statx_below(int folder, const char *name, unsigned int mask, struct statx *ret_attributes); /* name: one component, no dots */
int unlocked_statfs(int fd, struct statfs *ret_statfs);
/* A position is locked while others read by it. */
off_t unlocked_seek(int fd, off_t offset, int whence);
ssize_t unlocked_pread(int fd, void *buffer, size_t size, off_t offset);

#endif
