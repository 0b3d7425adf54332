/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call sites in an executable file: `mov $number,%eax; syscall`, seven bytes. A site counts only if it is that for certain: the function it stands
 * in is known from .eh_frame, and its code, decoded from the function's start, has these two instructions there. (The bytes alone may be the tail
 * of others: 41 b8 NUMBER 0f 05.) The file is a guest's, everything in it hostile: what does not fit is no site, and that is the worst of it.
 */
#ifndef SENTRY_GATE_SITES_H
#define SENTRY_GATE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SITE_SIZE = 7, SITES_MAX = 1024 };

/* A part of a file as it lies in memory. */
struct span {
    const uint8_t *bytes;
    uint64_t address;
    size_t size;
};

struct site {
    uint64_t address; /* of its first byte */
    int nr;
};

/* Sites of the calls that gate.def names, by address, at most SITES_MAX; how many. mmap: those of mmap(2) too. */
size_t sites_find(const struct span *text, const struct span *frames, bool mmap, struct site sites[SITES_MAX]);

#endif
