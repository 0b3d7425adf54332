/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_MOUNTS_COPY_UP_H
#define RUNTIME_MOUNTS_COPY_UP_H

/* "tmpcopyup": copies what is in folder `from` (O_PATH will do) to folder `to`, with owners, modes and times; links are
 * copied, never followed, other mounts left out. Returns 0 or -errno, -ENOSPC when the new file system is too small. */
int copy_up(int from, int to);

/* All bytes of a file into another. 0 or -errno. */
int copy_content(int from, int to);

#endif
