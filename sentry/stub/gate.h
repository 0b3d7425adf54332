/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: a piece of code at one fixed address in every guest process that is the way of patched call sites into the kernel. Shared by the
 * gate itself (freestanding), the stub that maps it, the sentry and the filter.
 *
 * It lies where neither fixed programs with their heap, nor what moves (PIE, libraries, stacks), nor the shadow memory of the
 * sanitizers comes: below PIE, above all else.
 */
#ifndef SENTRY_STUB_GATE_H
#define SENTRY_STUB_GATE_H

#include <stdint.h>

#include "sentry/stub/plan.h"

#define GATE_ADDRESS UINT64_C(0x550f00000000)

enum {
    GATE_SIZE = 4 << 20,      /* of the window: the code, and twins' pages (sentry/gate/window.h) */
    GATE_CODE_SIZE = 16 << 10,
    GATE_FILE_OFFSET = 64 << 10, /* where the window begins in the stub's file */

    /* The two places that make calls, as the kernel says where a call came from: the address behind the instruction. A call from the
     * first that would wait, or that could be ended by a signal, is answered with -GATE_WAITS and comes again from the second. So what comes
     * back as EINTR from the first can only be a call the kernel gave up before the sentry had seen it, and is made once more. */
    GATE_FIRST = 0x40,
    GATE_FINAL = 0x80,
    GATE_WAITS = 4094,
    GATE_NATIVE = 0xc0, /* what the filter lets pass from here only (lib/guards.c) */
    GATE_ASK = 0x100,   /* an mmap from here asks the sentry to look at the file */
    GATE_LEAVE = 0x140, /* not a call's: the stub comes here, has itself unmapped (rdi, rsi), and goes where the stack says */

    GATE_TRAMPOLINE_SIZE = 25,

    GATE_FILES = 512, /* a power of two */
    GATE_TWINS = 128,
    GATE_FILES_OFFSET = GATE_CODE_SIZE, /* in the window */
    GATE_TWINS_OFFSET = GATE_FILES_OFFSET + (32 << 10),
    GATE_PAGES_OFFSET = GATE_TWINS_OFFSET + (64 << 10),
};

/* A version of a file, by what fstat(2) says of it. */
struct gate_identity {
    uint64_t device, inode, size;
    int64_t changed_s, modified_s;
    uint32_t changed_ns, modified_ns;
};

/* What the sentry knows of files that are mapped to be executed: the gate looks here before it asks. Written by the sentry alone, an entry
 * once: `known` last. */
struct gate_file {
    struct gate_identity identity;
    uint32_t twin; /* number of its twin, from 1; 0: it has none */
    uint32_t known;
};

struct gate_twin {
    uint64_t text_address, text_offset; /* of the segment of code, whole pages: where in the image, where in the file */
    uint64_t low;                       /* lowest address of the image */
    struct plan_twin pages;
};

_Static_assert(sizeof(struct gate_file) * GATE_FILES <= 32 << 10, "files fit");
_Static_assert(sizeof(struct gate_twin) * GATE_TWINS <= 64 << 10, "twins fit");

/* Where the search for a file begins; it goes on to the next place while there is another one. */
static inline uint32_t gate_file_place(const struct gate_identity *identity)
{
    uint64_t hash = identity->inode * UINT64_C(0x9e3779b97f4a7c15) ^ identity->device;
    return (uint32_t)(hash >> 20) % GATE_FILES;
}

#endif
