/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file of the container is the program, and its execution. Both are done by the cell's own process when it is confined
 * and served already: every call in here traps, and the sentry answers as it would the program itself.
 */
#ifndef RUNTIME_CELL_PROGRAM_H
#define RUNTIME_CELL_PROGRAM_H

#include <limits.h>
#include <stddef.h>

struct cell_plan;

struct cell_program {
    char path[PATH_MAX];
};

/* The plan's name, or the first file of that name in the PATH of its environment that may be executed. -ENOENT, -EACCES (it
 * is a folder or not executable) or what else the look-up gave. */
int cell_program_find(const struct cell_plan *plan, struct cell_program *ret_program);

/* On failure it says so on the standard error, and ends the process. */
void cell_program_execute(const struct cell_plan *plan, const struct cell_program *program) __attribute__((noreturn));

/* An errno as Go writes it, which is how engines know it: "permission denied". */
const char *cell_program_words(int code, char *words, size_t size);

#endif
