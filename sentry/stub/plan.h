/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load plan: what the sentry tells the stub about the program it must become. Written by the sentry into the
 * stub's memory before its first instruction, as far as strings_size says. Shared with a freestanding program: fixed-size
 * types only.
 */
#ifndef SENTRY_STUB_PLAN_H
#define SENTRY_STUB_PLAN_H

#include <stdint.h>

enum {
    PLAN_SEGMENTS_MAX = 32,
    PLAN_PREFIX_MAX = 16,      /* argv entries that scripts put in front */
    PLAN_STRINGS_SIZE = 16384, /* their text, and the program's path */
    PLAN_RUNS_MAX = 16,

    /* Third argument of PR_SET_DUMPABLE (the kernel ignores it) by which the stub makes its process one the host never dumps. What
     * a guest asks for without it is the sentry's to answer. */
    STUB_UNDUMPABLE = 0x706f7374,
};

/* Pages to be laid over an image's own: where in the image, where in the stub's file. */
struct plan_run {
    uint64_t address, offset, size;
};

/* What leads an image's calls to the gate (sentry/gate/twin.h); run_count 0: nothing does. */
struct plan_twin {
    uint32_t run_count;
    uint32_t trampolines_size; /* whole pages; they lie right below the image */
    uint64_t trampolines;      /* offset in the stub's file */
    struct plan_run runs[PLAN_RUNS_MAX];
};

struct plan_segment {
    uint64_t address, file_size, memory_size, offset; /* as in the program header, unaligned */
    uint32_t protection;                              /* PROT_ */
    uint32_t padding;
};

struct plan_image {
    int32_t fd; /* number in the guest; -1: there is no such image */
    uint32_t movable; /* ET_DYN */
    uint64_t entry;
    uint64_t headers;      /* address of the program headers in memory, before moving; 0: not mapped */
    uint32_t header_count; /* AT_PHNUM */
    uint32_t segment_count;
    uint64_t alignment;    /* of the base of a movable image; a power of two */
    struct plan_segment segments[PLAN_SEGMENTS_MAX];
    struct plan_twin twin;
};

struct load_plan {
    struct plan_image program, interpreter;
    uint32_t uid, euid, gid, egid;
    uint32_t secure;           /* AT_SECURE */
    uint32_t stack_executable; /* PT_GNU_STACK says so */
    uint32_t prefix_count;     /* these replace argv[0], if not 0 */
    uint32_t path;             /* offset of AT_EXECFN's text in strings */
    uint32_t prefix[PLAN_PREFIX_MAX]; /* offsets in strings */
    char name[16];             /* PR_SET_NAME */
    uint32_t strings_size;
    uint32_t forget_parent; /* its parent's end sends it no signal any more */
    int32_t stub_fd;        /* number of the stub's own file, which it closes */
    uint32_t gate;          /* 1: the window is mapped */
    uint32_t files_later;   /* 1: the stub asks for the images' files, by execveat(-1, &program.fd, &interpreter.fd) */
    uint32_t padding;
    uint64_t random;
    char strings[PLAN_STRINGS_SIZE];
};

#endif
