/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that stay the host's. A container whose root is below a private layer (runtime/mounts/layer.h) may have been given
 * some of the host's own folders to work in. What it finds and what it leaves there must be data and no more:
 *
 *  - it does not reach a socket or a FIFO that it did not make itself: a program of the host waits at it. (One that was
 *    mounted by itself was meant to be reached.)
 *  - it gives no file set-id bits or capabilities and makes no device node: whoever of the host finds them would have
 *    the rights they give. Nor does it open a program for writing that has such rights: write(2) takes them away, but what is
 *    written through a mapping leaves them there.
 *
 * The sentry knows nothing of this; it holds even if the sentry is the guest's.
 */
#ifndef GOFER_FOREIGN_H
#define GOFER_FOREIGN_H

#include <sys/stat.h>

enum { FOREIGN_OWN_MAX = 2048 };

/* From here on every mount is foreign but those in the list: their ids (statx), separated by commas. 0 or -EINVAL. */
int foreign_init(const char *own_mounts);

/* May an object be connected to, or opened? 0, -ECONNREFUSED for a socket, -EACCES for a FIFO. */
int foreign_check_reach(const struct statx *object);

/* May an object, or a new one in a folder, have this mode, its type included? fd: the one or the other. 0, -EPERM or
 * another -errno. */
int foreign_check_mode(int fd, mode_t mode);

/* May an object have capabilities? 0, -EPERM or another -errno. */
int foreign_check_privileges(int fd);

/* May a file be opened for writing? 0, -EPERM or another -errno. */
int foreign_check_write(int fd, const struct statx *attributes);

/* The container has made a socket or a FIFO. */
void foreign_note_made(int folder, const char *name);

#endif
