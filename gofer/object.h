/* SPDX-License-Identifier: Apache-2.0 */
/* An open object: its name for system calls, and its attributes. */
#ifndef GOFER_OBJECT_H
#define GOFER_OBJECT_H

#include <sys/stat.h>

/* The name by which system calls without a descriptor variant reach an open object: relative to the working
 * directory, which is self/fd. Leads to the object itself, and never further. */
struct fd_name {
    char text[12];
};
struct fd_name fd_name(int fd);

/* statx of a descriptor with all we ever report. Returns 0 or -errno. */
int attributes_of(int fd, struct statx *ret_attributes);

#endif
