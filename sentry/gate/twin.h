/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twins of executable files: the pages of a program's code that have call sites (sites.h), with a jump in the place of each
 * site's first instruction, and the trampolines these jumps lead to. The stub lays them over the file's own pages. The `syscall`
 * instruction stays where it is: code that jumps right to it makes a real call still.
 *
 * A trampoline is
 *     mov $number,%eax ; lea behind_the_site(%rip),%rcx ; mov $gate,%r11 ; jmp *%r11
 * rcx and r11 are a call's to spoil. Trampolines lie right below the image in memory, at a distance that is part of the jumps.
 *
 * Made at the first look at a file, kept by its identity and time of change; a file that has just been changed gets none. What not everybody
 * may read, or lies in a folder not everybody may search, gets none either: the window's pages can be read by all users of a container.
 */
#ifndef SENTRY_GATE_TWIN_H
#define SENTRY_GATE_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "sentry/stub/plan.h"

struct call;
struct twins;
struct window;

/* NULL if memory is out. The window is borrowed. first: the container's own user, who may have as much of it as root. */
struct twins *twins_new(struct window *window, uid_t first);

/* Fills in image->twin for the file the image was read from. linker: it maps libraries, so its calls of mmap(2) are led to the gate as
 * well. What is new counts for a user (kernel/share.h): twins stay for good, and one who executes ever new programs shall leave
 * room for others'. Those there is no room for trap. The state lock is let go of while a file is read. */
void twins_find(struct twins *twins, uid_t user, int fd, bool linker, struct plan_image *image);

/* What lies at an offset of the stub's file: code of a file over which it is mapped, or what nobody is shown. */
enum twin_page { TWIN_NONE, TWIN_CODE, TWIN_HIDDEN };
enum twin_page twins_page(const struct twins *twins, uint64_t offset);
const struct window *twins_window(const struct twins *twins); /* borrowed */

/* The gate asks (mmap(2) from GATE_ASK) for a file it finds nothing about: afterwards it does, if it can be known. */
int64_t twins_asked(struct call *call);

#endif
