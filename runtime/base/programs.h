/* SPDX-License-Identifier: Apache-2.0 */
/* Where the programs are that come with this one. */
#ifndef RUNTIME_BASE_PROGRAMS_H
#define RUNTIME_BASE_PROGRAMS_H

#include <stddef.h>

struct error;

/* Opens a program of ours: beside this one (a build tree), where an installation has it as seen from this one (so that
 * a staged or moved one works), or where this one was to be installed. Its path is put into ret_path unless that is
 * NULL. A descriptor or -errno. */
int program_open(const char *name, char *ret_path, size_t size, struct error *error);

#endif
