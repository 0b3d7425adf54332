/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading programs: ELF headers (elf(5)) and script lines (execve(2), "Interpreter scripts"). Pure functions on a
 * descriptor or a buffer; every field of the file is hostile.
 */
#ifndef SENTRY_PLATFORM_LOADER_H
#define SENTRY_PLATFORM_LOADER_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "sentry/stub/plan.h"

enum { LOADER_HEAD_SIZE = 256 }; /* BINPRM_BUF_SIZE: all the kernel looks at to tell what a file is */

struct script_line {
    char interpreter[LOADER_HEAD_SIZE];
    char argument[LOADER_HEAD_SIZE];
    bool has_argument;
};

/* The first line of a script. head holds size bytes of the file. Returns 1 with *ret_line, 0 if this is no script,
 * -ENOEXEC if it is a broken one. */
int loader_parse_script(const char *head, size_t size, struct script_line *ret_line);

/* Reads an ELF program's headers. ret_interpreter gets the path in PT_INTERP, "" if there is none.
 * Returns 0, or -ENOEXEC (not ELF, another machine, absurd), -ENOENT never, -EIO. Outputs are untouched on failure. */
int loader_parse_elf(int fd, struct plan_image *ret_image, char ret_interpreter[PATH_MAX], bool *ret_stack_executable);

#endif
